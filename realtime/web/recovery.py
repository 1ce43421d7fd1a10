"""Where connections are kept for their return: notes on the bus, written behind, used up once.

A shared bus is told of every change within a few milliseconds, many connections in one round trip, and of ``join`` and
``leave`` before they are answered: a process may die at any moment. ``memory://`` dies with it: there is kept what is
lost. Whoever comes back names a secret, its ``pid``. This file may not know what is in a room.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final, TypeAlias

from ..bus.base import Bus
from ..concurrency import Concurrency
from ..errors import BusUnavailable
from .behind import Behind
from .kept import Kept
from .pids import Pids, sid_of

_RETRY: Final = 1.0
_BEAT: Final = 15.0
"""A process says so often, at the least, that it is alive."""
_LONG: Final = 86_400.0
"""Seconds that a connection is kept while its process lives, which says it again in time."""
_LATE: Final = 120.0
"""Seconds in which a process has noticed that its client is gone, or was told that it came back elsewhere."""
_MOST_PARTED: Final = 10_000
"""Connections that one process without a shared bus remembers after they are lost."""
JUST_TAKEN: Final = 0.5
"""Seconds in which a connection that came back is not handed to the next who names its pid."""

_Said: TypeAlias = tuple[str, str | None] | None
"""What is to be written of a client: its name and text, no text to remove it, nothing to look at it then."""


class Recovery:
    """The kept connections of one application.

    Args:
        seconds: how long after it was lost a connection may come back; 0 for never.
        bus: where they are noted.
        concurrency: for the tasks that write.
        keys: the application's secret keys, newest last.
        owner: this process's name.
        snapshot: what is to be kept of a connected client now; ``None`` for one that is gone.
        everyone: the session ids of this process's clients.

    Attributes:
        pids: what clients have to name.
    """

    def __init__(
        self,
        *,
        seconds: float,
        bus: Bus,
        concurrency: Concurrency,
        keys: Callable[[], list[str | bytes]],
        owner: Callable[[], str],
        snapshot: Callable[[str], Kept | None],
        everyone: Callable[[], list[str]],
    ) -> None:
        self.seconds = seconds
        self._bus = bus
        self._concurrency = concurrency
        self._keys = keys
        self._owner = owner
        self._snapshot = snapshot
        self._everyone = everyone
        self.pids = Pids()
        self._behind = Behind(self._write, concurrency=concurrency, name="realtime-recovery")
        self._beats_in = 0
        self._parted: deque[str] = deque()
        self._away_since: float | None = None
        self._over = False

    def changed(self, sid: str) -> None:
        """Something of what is to be kept of a client is another now."""
        if self._bus.shared:
            self._later(sid, None)

    def part(self, sid: str, kept: Kept) -> None:
        """The client was lost. Its time runs from now."""
        name = _name(self.pids.of(sid))
        self._later(sid, (name, self._text(kept, name)), soon=not self._bus.shared)

    def forget(self, sid: str) -> None:
        """The client took its leave, or was sent away: it does not come back."""
        if self._bus.shared:
            self._later(sid, (_name(self.pids.of(sid)), None))

    def close(self) -> None:
        """Write what is not written yet, as far as the bus can be reached."""
        self._over = True
        self._behind.close()

    def claim(self, pid: str) -> Kept | None:
        """What is kept under a pid, used up by this; ``None`` where it is over, was used up, or never was.

        Raises:
            BusUnavailable: nobody knows.
        """
        try:
            kept = self._claimed(pid)
        except BusUnavailable:
            self._away_since = self._away_since or time.monotonic()
            if time.monotonic() - self._away_since > self.seconds:
                return None  # Whatever was kept is over.
            raise
        self._away_since = None
        return kept

    def give_back(self, pid: str, kept: Kept) -> None:
        """It could not come back just now, through no fault of its own: as if it had been here and was lost again."""
        now = time.time()
        kept = replace(kept, taken=now, parted=now if kept.parted is None else kept.parted)
        self._later(kept.sid, (_name(pid), self._text(kept, _name(pid))))

    def _claimed(self, pid: str) -> Kept | None:
        sid = sid_of(pid)
        if sid is None:
            return None
        self.flush()
        name = _name(pid)
        (text,) = self._bus.noted([name])
        kept = None if text is None else Kept.read(text, name, self._secrets())
        if kept is None or kept.sid != sid:
            return None
        now = time.time()
        if kept.parted is not None:
            over = now - kept.parted > self.seconds
        else:
            (alive,) = self._bus.noted([_process(kept.by)])
            over = alive is None or 0 <= now - kept.taken < JUST_TAKEN
        return kept if not over and self._use_up(name, kept) else None

    def _use_up(self, name: str, kept: Kept) -> bool:
        """Take the note away; of several that try at once, one does.

        The process that the client was connected to may notice only now that it is gone, and note it once more. What it
        says is of the same time here as what was used up already, and that is marked.
        """
        if self._bus.shared and not self._bus.note(f"{name}:{kept.taken}", "", ttl=max(self.seconds, _LATE), once=True):
            return False
        return self._bus.unnote(name)

    def flush(self) -> None:
        """Write what has changed. Raises ``BusUnavailable``: it is written later."""
        self._behind.flush()

    def secure(self, sid: str) -> None:
        """Return when what has changed of a client is written, or cannot be now; many share a round trip."""
        self._behind.secure(sid)

    def _write(self, batch: Mapping[str, _Said]) -> None:
        living: dict[str, str] = {}
        parted: dict[str, str] = {}
        for sid, said in batch.items():
            if said is None:
                kept = self._snapshot(sid)
                if kept is not None:
                    name = _name(self.pids.of(sid))
                    living[name] = self._text(kept, name)
            elif said[1] is None:
                self._bus.unnote(said[0])
            else:
                parted[said[0]] = said[1]
        self._bus.note_all(living, ttl=max(_LONG, 2 * self.seconds))
        self._bus.note_all(parted, ttl=self.seconds)
        if not self._bus.shared:
            self._parted.extend(parted)
            while len(self._parted) > _MOST_PARTED:
                self._bus.unnote(self._parted.popleft())

    def _text(self, kept: Kept, name: str) -> str:
        return kept.text(name, self._secrets()[-1])

    def _later(self, sid: str, said: _Said, *, soon: bool = False) -> None:
        self._behind.put(sid, said, soon=soon)
        here = os.getpid()
        if self._beats_in != here and self._bus.shared:
            self._beats_in = here
            self._concurrency.spawn(self._beat, name="realtime-recovery-beat")

    def _beat(self) -> None:
        """Say again and again that this process is alive, and now and then what it keeps."""
        said = time.monotonic()
        while not self._over:
            try:
                self._bus.note(_process(self._owner()), "", ttl=max(self.seconds, 2.0))
                pause = min(_BEAT, max(self.seconds / 4, 0.5))
            except BusUnavailable:
                pause = _RETRY
            self._concurrency.sleep(pause)
            if time.monotonic() - said > _LONG / 3:
                said = time.monotonic()
                for sid in self._everyone():
                    self.changed(sid)

    def _secrets(self) -> list[bytes]:
        return [one.encode() if isinstance(one, str) else one for one in self._keys()] or [b""]


def _name(pid: str) -> str:
    """Under which name it is noted: who can read the bus cannot tell the pid."""
    return f"recovery:{blake2b(pid.encode(), digest_size=16).hexdigest()}"


def _process(owner: str) -> str:
    return f"recovery-process:{owner}"
