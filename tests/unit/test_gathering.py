"""How a crowded room learns for how many messages its output is worth holding back: on a clock of the test's own."""

from __future__ import annotations

import pytest

from realtime.hub.gathering import LONGEST_WAIT, Gathering


class Room:
    """One room on a clock.

    Args:
        takes: seconds of one round of writing.
    """

    def __init__(self, *, takes: float = 0.001) -> None:
        self.gathering = Gathering()
        self.now = 100.0
        self.takes = takes
        self.rounds: list[int] = []
        self.waits: list[float] = []

    def answered(self, *thinking: float, rounds: int) -> None:
        """As many publishers, each of which publishes again so many seconds after its last message was written."""
        coming = [self.now + one for one in thinking]
        for _ in range(rounds):
            for who in self._written(coming):
                coming[who] = self.now + thinking[who]

    def steady(self, *moments: float, every: float, times: int) -> None:
        """Messages that come at these moments of each interval, whatever becomes of them."""
        coming = [self.now + number * every + one for number in range(times) for one in moments]
        while coming:
            done = self._written(coming)
            coming = [one for number, one in enumerate(coming) if number not in done]

    def _written(self, coming: list[float]) -> list[int]:
        """One round of what has come by then: which."""
        first = self.now = max(self.now, min(coming))
        while True:
            come = [number for number, one in enumerate(coming) if one <= self.now]
            if not self.gathering.waits(len(come), self.now) or self.now >= first + LONGEST_WAIT:
                break
            self.now = min([first + LONGEST_WAIT, *(one for one in coming if one > self.now)])
        self.waits.append(self.now - first)
        began, self.now = self.now, self.now + self.takes
        self.gathering.written(len(come), began, self.now)
        self.rounds.append(len(come))
        return come


@pytest.mark.parametrize("pause", [0.008, 0.02, 1])
def test_a_lone_message_never_waits(pause: float) -> None:
    room = Room()
    room.steady(0, every=pause, times=1000)
    assert max(room.waits) == 0 and room.rounds == [1] * 1000


def test_messages_of_publishers_that_wait_for_each_other_s_are_soon_written_together() -> None:
    room = Room()
    room.answered(0.0003, 0.0003, 0.0008, 0.0008, rounds=60)  # Two of them are in another process.
    assert room.rounds[-50:] == [4] * 50
    assert max(room.waits[-50:]) < LONGEST_WAIT


def test_where_waiting_brings_nothing_it_is_given_up_and_tried_ever_more_seldom() -> None:
    room = Room()
    room.answered(0.0003, rounds=5000)  # Nothing else can come before its message was written.
    assert room.rounds == [1] * 5000
    assert 3 < sum(wait > 0 for wait in room.waits) < 25


def test_what_is_waited_for_falls_to_what_comes() -> None:
    room = Room()
    room.answered(0.0003, 0.0003, 0.0008, 0.0008, rounds=20)
    assert room.gathering.want == 4
    room.answered(0.0003, 0.0008, rounds=20)
    assert room.gathering.want == 2 and room.rounds[-10:] == [2] * 10
    assert max(room.waits[-10:]) < LONGEST_WAIT


def test_what_was_given_up_is_tried_again_when_more_comes() -> None:
    room = Room()
    room.answered(0.0003, rounds=1000)
    room.answered(0.0003, 0.0003, 0.0008, 0.0008, rounds=600)
    assert room.rounds[-50:] == [4] * 50


def test_a_flood_is_not_waited_for_without_end() -> None:
    room = Room()
    room.steady(0, every=0.00001, times=5000)
    assert room.gathering.want <= 64
    assert sum(room.waits) < 10 * LONGEST_WAIT


def test_fifty_a_second_never_wait_even_where_writing_takes_long() -> None:
    room = Room(takes=0.0016)
    room.steady(0, every=0.02, times=200)
    assert max(room.waits) == 0
