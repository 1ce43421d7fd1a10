"""The honest clients, in a process of their own: one reads an event stream, one is a Socket.IO client on a WebSocket,
and one posts messages at a steady pace. It tells how long anything had to wait.

A message's wait is counted from the moment at which it was due to be sent, so that a server that takes no requests is
noticed as one that sends nothing is. Linux says how long a process that could have run had no processor: what the
machine was too busy for is told apart from what the server was too busy for.

    python -m tests.hostile.honest URL PID      a line in: figures since the last line, as JSON, out
"""

from __future__ import annotations

import json
import os
import selectors
import sys
import time
from pathlib import Path
from typing import Any

from tests.hostile.lines import CLOSE, Line, connected, head, taken

PERIOD = 0.04
ROOM = "honest"


def starved(pid: int) -> float:
    """Seconds that a process has waited for a processor in all its life; 0 where the kernel does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Honest:
    """Both readers and the publisher."""

    def __init__(self, base: str, pid: int) -> None:
        self._pid = pid
        self._events = connected(base)
        self._events.sendall(head("GET", f"/events?room={ROOM}"))
        self._seen = b""
        while b"realtime.ready" not in self._seen:
            self._seen += self._some(self._events)
        self._line = Line(base)
        self._line.connect()
        assert self._line.ask("join", {"room": ROOM})["ok"]
        self._base = base
        self._posts = connected(base)
        self._answer = b""
        self._asked = self._closing = False
        self._due: dict[int, tuple[float, float, float]] = {}
        self._missing: dict[str, set[int]] = {"sse": set(), "websocket": set()}
        self._number = 0
        self._waits: list[tuple[float, float, str]] = []

    def run(self) -> None:
        """Until the input ends."""
        chosen = self._chosen = selectors.DefaultSelector()
        chosen.register(self._events, selectors.EVENT_READ, self._read_events)
        chosen.register(self._line.socket, selectors.EVENT_READ, self._read_line)
        chosen.register(self._posts, selectors.EVENT_READ, self._read_answer)
        chosen.register(sys.stdin, selectors.EVENT_READ, None)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        due = time.monotonic()
        waiting: list[int] = []
        while True:
            for key, _ in chosen.select(max(due - time.monotonic(), 0)):
                if key.data is None:
                    if not sys.stdin.readline():
                        return
                    self._report()
                else:
                    key.data()
            if time.monotonic() >= due:
                # What was due is due at its time, also when this process was late itself.
                self._number += 1
                self._due[self._number] = (due, starved(self._pid), starved(os.getpid()))
                for missing in self._missing.values():
                    missing.add(self._number)
                waiting.append(self._number)
                due += PERIOD
            if waiting and not self._asked and not self._closing:
                self._post(waiting.pop(0))

    def _post(self, number: int) -> None:
        body = json.dumps({"data": number}).encode()
        fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        self._posts.sendall(head("POST", f"/rooms/{ROOM}/messages", *fields) + body)
        self._asked = True

    def _read_answer(self) -> None:
        data = self._posts.recv(1 << 16)
        if not data:
            # A server that keeps no connections.
            assert not self._asked, "a post was not answered"
            self._chosen.unregister(self._posts)
            self._posts.close()
            self._closing = False
            self._posts = connected(self._base)
            self._chosen.register(self._posts, selectors.EVENT_READ, self._read_answer)
        self._answer += data
        front, blank, rest = self._answer.partition(b"\r\n\r\n")
        if blank and rest.endswith(b"}\n"):
            assert b" 201 " in front.split(b"\r\n")[0], self._answer
            self._closing = b"\r\nconnection: close" in front.lower()
            self._answer, self._asked = b"", False

    def _read_events(self) -> None:
        self._seen += self._some(self._events)
        *blocks, self._seen = self._seen.split(b"\n\n")
        for block in blocks:
            data = next((one for one in block.split(b"\n") if one.startswith(b"data: ")), b"")
            if b"event: message" in block:
                self._arrived(int(data[6:]), "sse")

    def _read_line(self) -> None:
        self._line.buffer += self._some(self._line.socket)
        while (found := taken(self._line.buffer)) is not None:
            opcode, payload = found
            assert opcode != CLOSE, payload
            if payload == b"2":
                self._line.say("3")
            elif payload.startswith(b'42["message",'):
                self._arrived(json.loads(payload[2:])[1], "websocket")

    def _arrived(self, number: int, how: str) -> None:
        self._missing[how].remove(number)
        self._waits.append((*self._waited(number), how))
        if not any(number in missing for missing in self._missing.values()):
            del self._due[number]

    def _waited(self, number: int) -> tuple[float, float]:
        """Seconds from when it was due, and how many of them are the server's alone."""
        due, server, own = self._due[number]
        wait = time.monotonic() - due
        return wait, max(wait - (starved(self._pid) - server) - (starved(os.getpid()) - own), 0)

    def _report(self) -> None:
        waits = self._waits + [(*self._waited(one), how) for how in self._missing for one in self._missing[how]]
        self._waits = []
        waits.sort()
        figures: dict[str, Any] = {
            "messages": len(waits),
            "longest": waits[-1][0] if waits else 0,
            "server": max((one[1] for one in waits), default=0),
            "p99": waits[int(len(waits) * 0.99)][0] if waits else 0,
            "server_p99": sorted(one[1] for one in waits)[int(len(waits) * 0.99)] if waits else 0,
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()

    @staticmethod
    def _some(line: Any) -> bytes:
        data: bytes = line.recv(1 << 16)
        assert data, "the server hung up on an honest client"
        return data


if __name__ == "__main__":
    Honest(sys.argv[1], int(sys.argv[2])).run()
