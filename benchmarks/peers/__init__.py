"""All peers by name, in the order in which they are shown."""

from __future__ import annotations

from .base import Peer
from .flask_socketio import FlaskSocketIO, FlaskSocketIOOverRedis
from .flask_sse import FlaskSSE
from .floor import Floor
from .nchan import Nchan
from .node import BetterSSE, NodeSocketIO
from .ours import Ours, OursOverRedis
from .sse_starlette import SSEStarlette

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Ours(),
        OursOverRedis(),
        Floor(),
        Nchan(),
        NodeSocketIO(),
        FlaskSocketIO(),
        FlaskSocketIOOverRedis(),
        BetterSSE(),
        SSEStarlette(),
        FlaskSSE(),
    )
}
