"""Who a Socket.IO client is taken for when it connects, and whether one more of theirs may be open.

This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

from typing import Any

from ..errors import TooManyConnections
from .admission import Admission
from .eventdoor import EventDoor
from .identifying import AUTH, HOLDER, IDENTITY, KNOWN, USER


class CallerDoor(EventDoor):
    """A Socket.IO server whose clients count as somebody's.

    Attributes:
        admission: counts them.
    """

    admission: Admission

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        environ = self.environ.get(eio_sid)
        if environ is not None and namespace in {None, "/"}:
            self._meet(environ, data)
            try:
                self.admission.expect(self.eio.sockets.get(eio_sid), environ)
            except TooManyConnections as exc:
                self._refuse_to_connect(eio_sid, "/", exc)
                return
        super()._handle_connect(eio_sid, namespace, data)

    def _meet(self, environ: dict[str, Any], data: Any) -> None:
        """Keep what hooks may know the client by. Whoever connects anew on the same session may be somebody else."""
        environ[AUTH] = data if isinstance(data, dict) else {}
        asked = environ.pop(KNOWN, False)
        if asked and not data and "connect" not in self.handlers.get("/", {}) and "/" not in self.namespace_handlers:
            return  # Nothing has changed since its handshake.
        for name in (IDENTITY, USER, HOLDER):
            environ.pop(name, None)
