"""A Socket.IO client for tests that keeps everything in the order in which it arrived, over either transport.

Packets are written and read by python-socketio's own packet class, so that a wrong packet of ours does not pass.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from socketio import packet
from socketio.packet import Packet

from .polling import PollingWire
from .processes import eventually
from .wires import WebSocketWire, Wire

OUTAGES = ("realtime.degraded", "realtime.restored")
ACK = "(ack)"
REFUSED = "(refused)"
DISCONNECTED = "(disconnected)"


class Got(NamedTuple):
    """One thing that arrived: an event, or an acknowledgement, refusal or disconnection under the names above."""

    event: str
    args: list[Any]
    namespace: str = "/"
    number: int | None = None

    @property
    def data(self) -> Any:
        """The first argument."""
        return self.args[0]

    @property
    def id(self) -> str:
        """The last argument, where the contract puts the id."""
        value = self.args[-1]
        assert isinstance(value, str)
        return value


class SocketClient:
    """One client. Once connected, it reads in a thread of its own.

    Args:
        base: the server's URL.
        transport: ``websocket`` or ``polling``.
        namespaces: what it connects to; each must be accepted unless ``refusable``.
        auth: what its CONNECT packets carry.
        refusable: a namespace may be refused, or the connection ended.
        reading: read on by itself; if not, once ``read`` was called.

    Attributes:
        got: everything that arrived, in order.
        sids: its session id in each namespace.
        ended: the connection is over.
        on_event: called in the reading thread with each event; what it returns answers the server, if it asked.
    """

    def __init__(
        self,
        base: str,
        transport: str = "websocket",
        *,
        namespaces: tuple[str, ...] = ("/",),
        auth: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        refusable: bool = False,
        reading: bool = True,
        receive_buffer: int | None = None,
    ) -> None:
        self.got: list[Got] = []
        self.sids: dict[str, str] = {}
        self.ended = False
        self.on_event: Callable[[Got], Any] = lambda _got: None
        self._numbers = itertools.count()
        self._partial: Packet | None = None
        self.wire: Wire
        if transport == "websocket":
            self.wire = WebSocketWire(base, headers=headers or {}, query=query or {}, receive_buffer=receive_buffer)
        else:
            self.wire = PollingWire(base, headers=headers or {}, query=query or {})
        self._messages = self.wire.receive()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        for name in namespaces:
            self._send(Packet(packet.CONNECT, data=auth, namespace=name))
        while not self.ended and len(self.sids) + len(self.refusals) < len(namespaces):
            self._take(next(self._messages, None))
        if not refusable and set(self.sids) != set(namespaces):
            self.close()
            raise AssertionError(f"the client was not accepted: {self.got}")
        if reading and not self.ended:
            self._thread.start()

    @property
    def sid(self) -> str:
        """Its session id in the default namespace."""
        return self.sids["/"]

    @property
    def events(self) -> list[Got]:
        """The events alone, without what is said of outages."""
        return [one for one in tuple(self.got) if not one.event.startswith("(") and one.event not in OUTAGES]

    @property
    def controls(self) -> list[str]:
        """What was said of outages."""
        return [one.event for one in tuple(self.got) if one.event in OUTAGES]

    def named(self, event: str, namespace: str = "/") -> list[Got]:
        """The events of one name."""
        return [one for one in tuple(self.got) if one.event == event and one.namespace == namespace]

    @property
    def refusals(self) -> list[Any]:
        """What the server said where it refused a namespace."""
        return [one.data for one in tuple(self.got) if one.event == REFUSED]

    @property
    def ids(self) -> list[str]:
        """The ids of its events."""
        return [one.id for one in self.events]

    def emit(self, event: str, *args: Any, namespace: str = "/", number: int | None = None) -> None:
        """Emit without waiting for anything."""
        self._send(Packet(packet.EVENT, data=[event, *args], namespace=namespace, id=number))

    def ask(self, event: str, *args: Any, namespace: str = "/", within: float = 15) -> Any:
        """Emit and wait for the acknowledgement; return its first argument."""
        number = next(self._numbers)
        self.emit(event, *args, namespace=namespace, number=number)

        def answer() -> Got | None:
            return next((one for one in tuple(self.got) if one.event == ACK and one.number == number), None)

        arguments = self._wait(answer, within=within, what=f"the answer to {event}").args
        return arguments[0] if arguments else None

    def join(self, room: str, **more: Any) -> dict[str, Any]:
        """Join a room and return the acknowledgement, which must be a success."""
        answer: dict[str, Any] = self.ask("join", {"room": room, **more})
        assert answer["ok"], answer
        return answer

    def publish(self, room: str, data: Any, **more: Any) -> str:
        """Publish into a room and return the message's id."""
        answer: dict[str, Any] = self.ask("publish", {"room": room, "data": data, **more})
        assert answer["ok"], answer
        return str(answer["id"])

    def wait(self, count: int = 1, *, within: float = 15) -> list[Got]:
        """Wait for so many events and return them all."""
        self._wait(lambda: len(self.events) >= count, within=within, what=f"{count} events; got {self.got[-5:]}")
        return self.events

    def wait_for(self, event: str, namespace: str = "/", *, within: float = 15) -> Got:
        """Wait for the first event of a name."""
        found = self._wait(lambda: self.named(event, namespace), within=within, what=f"the event {event!r}")
        one: Got = found[0]
        return one

    def wait_for_data(self, event: str, data: Any, namespace: str = "/", *, within: float = 15) -> None:
        """Wait for an event with this data."""
        self._wait(
            lambda: any(one.args[:1] == [data] for one in self.named(event, namespace)),
            within=within,
            what=f"{event!r} with {data!r}; got {self.got[-5:]}",
        )

    def wait_until_ended(self, *, within: float = 15) -> None:
        """Wait until the server has ended the connection."""
        self._wait(lambda: self.ended, within=within, what="the end of the connection")

    def read(self) -> None:
        """Begin to read, after ``reading=False``."""
        self._thread.start()

    def disconnect(self) -> None:
        """Leave as clients do that have nothing more to say."""
        self._send(Packet(packet.DISCONNECT, namespace="/"))
        self.wire.say_goodbye()
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.wire.hang_up()
        while self._thread.is_alive():
            # It may have been between two polls.
            self.wire.hang_up()
            self._thread.join(0.05)
        self.wire.close()

    def _wait(self, condition: Callable[[], Any], *, within: float = 15, what: str = "it") -> Any:
        return eventually(condition, within=within, what=what)

    def _send(self, one: Packet) -> None:
        encoded = one.encode()
        self.wire.send(*(encoded if isinstance(encoded, list) else [encoded]))

    def _read_on(self) -> None:
        try:
            for message in self._messages:
                self._take(message)
        finally:
            self.ended = True

    def _take(self, message: str | bytes | None) -> None:
        if message is None:
            self.ended = True
            return
        if isinstance(message, bytes):
            assert self._partial is not None, "binary data that no packet announced"
            one = self._partial
            if not one.add_attachment(message):
                return
            self._partial = None
        else:
            assert self._partial is None, f"{message!r} came between a packet and its binary data"
            one = Packet(encoded_packet=message)
            if one.attachment_count:
                self._partial = one
                return
        self._sort(one, one.namespace or "/")

    def _sort(self, one: Packet, namespace: str) -> None:
        if one.packet_type == packet.CONNECT:
            self.sids[namespace] = one.data["sid"]
        elif one.packet_type in {packet.EVENT, packet.BINARY_EVENT}:
            got = Got(one.data[0], one.data[1:], namespace, one.id)
            self.got.append(got)
            answer = self.on_event(got)
            if one.id is not None:
                arguments = list(answer) if isinstance(answer, tuple) else [] if answer is None else [answer]
                self._send(Packet(packet.ACK, data=arguments, namespace=namespace, id=one.id))
        elif one.packet_type in {packet.ACK, packet.BINARY_ACK}:
            self.got.append(Got(ACK, one.data or [], namespace, one.id))
        elif one.packet_type == packet.CONNECT_ERROR:
            self.got.append(Got(REFUSED, [one.data], namespace))
        elif one.packet_type == packet.DISCONNECT:
            self.got.append(Got(DISCONNECTED, [], namespace))

    def __enter__(self) -> SocketClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
