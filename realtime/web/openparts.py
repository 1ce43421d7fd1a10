"""The pieces that the OpenAPI document is put together from. This file knows no route."""

from __future__ import annotations

from typing import Any, Final

from .described import Json, reference

ROOM: Final = {
    "name": "room",
    "in": "path",
    "required": True,
    "schema": reference("Room"),
    "description": "May contain slashes; encode what paths do not allow.",
}
REFUSALS: Final = {
    400: "The body is not JSON",
    401: "Not logged in, where the application asks for it",
    403: "This caller, or a page of this origin, may not do this",
    404: "No such path",
    409: "The key was used for another message",
    413: "The data is too large",
    415: "The body is not declared as JSON",
    422: "A value is outside what is allowed, or the data is not what its event carries (then with `path`)",
    429: "Too many; try again after `Retry-After` seconds",
    500: "The server, or a hook of the application, failed; it was logged",
    503: "The bus cannot be reached: nothing was accepted",
}
RETRYING: Final = {429, 503}


def an_object(**properties: Json) -> Json:
    """An object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def query(name: str, schema: Json, text: str, **more: Any) -> Json:
    """A parameter of the query."""
    return {"name": name, "in": "query", "schema": schema, "description": text, **more}


def up_to(most: float, kind: str = "integer", **more: Any) -> Json:
    """A number that is capped."""
    return {"type": kind, "minimum": 0, "description": f"More than {most:g} is taken as {most:g}.", **more}


def as_json(text: str, schema: Json) -> Json:
    """An answer in JSON."""
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def refusal(status: int) -> Json:
    """What a refusal with this status looks like."""
    answer = as_json(REFUSALS[status], reference("Refusal"))
    if status in RETRYING:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer


def refused(*statuses: int) -> Json:
    """The refusals that a call may be answered with."""
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in statuses}


def get(name: str, summary: str, responses: Json) -> Json:
    """A call that takes nothing."""
    return {"operationId": name, "summary": summary, "responses": responses}
