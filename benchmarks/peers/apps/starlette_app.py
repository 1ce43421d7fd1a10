"""sse-starlette in its common form: a queue per client, filled by whoever publishes."""

import asyncio
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

queues: set[asyncio.Queue[str]] = set()


async def events(_request: Request) -> Response:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)

    async def messages() -> AsyncIterator[dict[str, str]]:
        try:
            while True:
                yield {"event": "message", "data": await queue.get()}
        finally:
            queues.discard(queue)

    return EventSourceResponse(messages())


async def publish(request: Request) -> Response:
    data = (await request.json())["data"]
    for queue in queues:
        queue.put_nowait(data)
    return JSONResponse({"ok": True}, status_code=201)


app = Starlette(routes=[Route("/events", events), Route("/publish", publish, methods=["POST"])])
