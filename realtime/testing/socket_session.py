"""A Socket.IO client without a network: a real session of long polling (Engine.IO v4, Socket.IO v5), a request a call.

Long polling, because a test client of WSGI can do it; what a client receives is the same on every transport. This
file may not judge it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from ..arguments import MOST_PATIENCE, seconds
from ..names import RESERVED_PREFIX
from ..state import State
from .reader import PATIENCE, AccessRefused, Reader
from .wsgi import Wsgi, refusal

_SEPARATOR: Final = "\x1e"
_EVENT: Final = re.compile(r"42(\d*)(\[.*)", re.DOTALL)
_BINARY: Final = re.compile(r"45(\d+)-(\d*)(\[.*)", re.DOTALL)
_ACK: Final = re.compile(r"43(\d+)(\[.*)", re.DOTALL)
_ID: Final = re.compile(r"\d+-\d+")


class SocketReader(Reader):
    """A Socket.IO client of the default namespace that joined rooms.

    Args:
        state: the application's Realtime.
        wsgi: asks it.
        rooms: what to join.
        after: a cursor.
        history: without a cursor, how many of each room's newest messages come first.
        auth: what the client gives when it connects.

    Raises:
        AccessRefused: it was not let in.
    """

    transport = "socketio"

    def __init__(
        self, state: State, wsgi: Wsgi, rooms: Sequence[str], *, after: str | None, history: int, auth: Any
    ) -> None:
        super().__init__(rooms, bus=state.bus, concurrency=state.concurrency)
        self._wsgi = wsgi
        self._path = getattr(state.socketio.sockio_mw, "engineio_path", "/socket.io/")
        self._query = {"EIO": "4", "transport": "polling"}
        self._ids = state.settings.event_ids and not (isinstance(auth, dict) and auth.get("ids") is False)
        self._answers: dict[int, Any] = {}
        self._connected: bool | None = None
        self._error: dict[str, Any] = {}
        self._attachments: list[str] = []
        self._waiting_for = ""
        opening = self._ask("GET")
        self._query["sid"] = json.loads(opening[1:])["sid"]
        self._start(self._poll)
        try:
            self._connect(auth)
            for room in rooms:
                self._enter(room, after, history)
        except BaseException:
            self.close()
            raise

    def emit(self, event: str, *arguments: Any, timeout: float = PATIENCE) -> Any:
        """Emit an event and return its acknowledgement: one value, or a list of several.

        Raises:
            AssertionError: there was none in time.
        """
        seconds("timeout", timeout, most=MOST_PATIENCE)
        number = len(self._answers)
        self._answers[number] = None
        self._send(f"42{number}{json.dumps([event, *arguments])}")
        if not self._wait(lambda: self._answers[number] is not None or self._ended is not None, timeout):
            raise AssertionError(f"{event!r} was not acknowledged within {timeout:g} s; {self._story()}")
        answer = self._answers[number]
        if answer is None:
            raise AssertionError(f"{event!r} was not acknowledged; {self._story()}")
        return answer[0] if len(answer) == 1 else answer

    def close(self) -> None:
        if self._ended is None:
            # First: the answer to the request that is waiting is its last.
            self._end("closed by the test")
            try:
                self._send("1")
            except AccessRefused:
                pass  # The server was quicker.
        self._join()

    def _connect(self, auth: Any) -> None:
        self._send("40" if auth is None else f"40{json.dumps(auth)}")
        if not self._wait(lambda: self._connected is not None or self._ended is not None, PATIENCE):
            raise AssertionError("the server did not answer the client's CONNECT")
        if not self._connected:
            data = self._error.get("data")
            code = data.get("code") if isinstance(data, dict) else None
            raise AccessRefused(
                str(self._error.get("message", self._ended or "refused")), code=str(code or "connection_refused")
            )

    def _enter(self, room: str, after: str | None, history: int) -> None:
        asked = {"room": room} | ({"after": after} if after is not None else {"history": history})
        answer = self.emit("join", asked)
        if not isinstance(answer, dict) or "ok" not in answer:
            raise AssertionError(f"the application has a handler of its own for 'join', which answered {answer!r}")
        if not answer["ok"]:
            raise AccessRefused(answer["error"]["message"], code=answer["error"]["code"])
        self.recovered = self.recovered and answer["recovered"]
        self.cursor = answer["cursor"]

    def _ask(self, method: str, body: str | None = None) -> str:
        response = self._wsgi.open(method, self._path, query=self._query, body=body)
        if response.status_code != 200:
            raise refusal(response)
        text = response.get_data(as_text=True)
        response.close()
        return text

    def _send(self, packet: str) -> None:
        self._ask("POST", packet)

    def _poll(self) -> None:
        try:
            while self._ended is None:
                for packet in self._ask("GET").split(_SEPARATOR):
                    self._take(packet)
        except AccessRefused as exc:
            self._end(f"the server ended the session: {exc.message}")
        except Exception as exc:  # noqa: BLE001  whatever it is, the test is told
            self._end(f"the session failed: {exc!r}")

    def _take(self, packet: str) -> None:
        if packet == "2":
            self._send("3")
        elif packet == "1" or packet.startswith("41"):
            self._end("the server ended the session")
        elif packet.startswith(("40", "44")):
            self._error = {} if packet[1] == "0" else json.loads(packet[2:])
            self._connected = packet[1] == "0"
            self._something.set()
        elif match := _ACK.match(packet):
            self._answers[int(match[1])] = json.loads(match[2])
            self._something.set()
        elif match := _EVENT.match(packet):
            self._event(json.loads(match[2]))
        elif _BINARY.match(packet):
            self._waiting_for, self._attachments = packet, []
        elif packet.startswith("b") and self._waiting_for:
            self._attach(packet[1:])

    def _attach(self, encoded: str) -> None:
        match = _BINARY.match(self._waiting_for)
        self._attachments.append(encoded)
        if match is not None and len(self._attachments) == int(match[1]):
            parts = [base64.b64decode(one) for one in self._attachments]
            self._waiting_for = ""
            self._event(json.loads(match[3], object_hook=lambda one: _placed(one, parts)))

    def _event(self, packet: list[Any]) -> None:
        event, arguments = str(packet[0]), packet[1:]
        if event == f"{RESERVED_PREFIX}reset":
            self._reset()
            return
        id = ""
        if self._ids and arguments and isinstance(arguments[-1], str) and _ID.fullmatch(arguments[-1]):
            id = arguments.pop()
        elif self._ids and len(arguments) > 1 and arguments[-1] is None and isinstance(arguments[-2], str):
            arguments.pop()  # A transient message that is a string.
        data = None if not arguments else arguments[0] if len(arguments) == 1 else arguments
        self._receive(id, event, data)


def _placed(value: dict[str, Any], parts: list[bytes]) -> Any:
    """Attachments stand in the data as ``{"_placeholder": true, "num": 0}``."""
    return parts[value["num"]] if value.get("_placeholder") is True else value
