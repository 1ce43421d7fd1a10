"""Connections that are kept on a shared bus: each state of one is used up once, whoever writes it again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from realtime.web.kept import Kept
from realtime.web.recovery import Recovery
from tests.support.processes import Redis

SID = "a" * 20


@dataclass
class Process:
    """One process that keeps its clients, over a bus of its own."""

    bus: RedisBus
    concurrency: Concurrency
    name: str
    here: dict[str, Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recovery = Recovery(
            seconds=60,
            bus=self.bus,
            concurrency=self.concurrency,
            keys=lambda: ["key"],
            owner=lambda: self.name,
            snapshot=self.here.get,
            everyone=lambda: list(self.here),
        )
        self.bus.note(f"recovery-process:{self.name}", "", ttl=60)

    def takes(self, pid: str, *, since: float) -> None:
        """The client of the pid is this process's now."""
        self.recovery.pids.keep(SID, pid)
        self.here[SID] = Kept(sid=SID, by=self.name, at=time.time(), taken=since)
        self.recovery.changed(SID)
        self.recovery.flush()

    def loses(self) -> None:
        """It notices that the client is gone."""
        self.recovery.part(SID, replace(self.here.pop(SID), parted=time.time()))
        self.recovery.flush()


Processes = Callable[[], Process]


@pytest.fixture
def process(shared_redis: Redis, concurrency: Concurrency) -> Iterator[Processes]:
    """Makes processes of one application."""
    namespace, made = f"test-{secrets.token_hex(6)}", list[Process]()

    def make() -> Process:
        bus = RedisBus(shared_redis.url, concurrency=concurrency, namespace=namespace)
        made.append(Process(bus, concurrency, f"process-{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        one.recovery.close()
        one.bus.stop()


def noticed_late(process: Processes) -> tuple[str, Process, Process, Process]:
    """A client's pid, its process, another to which it came back before the first noticed its loss, and a third."""
    old, new, third = process(), process(), process()
    pid = old.recovery.pids.of(SID)
    old.takes(pid, since=0.0)
    assert new.recovery.claim(pid) is not None
    old.loses()
    return pid, old, new, third


def test_a_loss_that_is_noticed_after_the_client_came_back_elsewhere_is_nobodys_to_claim(process: Processes) -> None:
    pid, old, new, third = noticed_late(process)
    assert [one.recovery.claim(pid) for one in (old, new, third)] == [None, None, None]


def test_who_came_back_comes_back_again_whatever_the_first_process_said_meanwhile(process: Processes) -> None:
    pid, _, new, third = noticed_late(process)
    new.takes(pid, since=time.time() - 1)
    found = third.recovery.claim(pid)
    assert found is not None
    assert found.by == new.name


def test_what_was_given_back_is_claimed_once_more(process: Processes) -> None:
    old, new = process(), process()
    pid = old.recovery.pids.of(SID)
    old.takes(pid, since=0.0)
    for _ in range(3):
        found = new.recovery.claim(pid)
        assert found is not None
        assert new.recovery.claim(pid) is None
        new.recovery.give_back(pid, found)
    assert new.recovery.claim(pid) is not None
