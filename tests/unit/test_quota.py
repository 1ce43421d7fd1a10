"""Slots are counted exactly: none is lost and none is taken twice, however their holders end."""

from __future__ import annotations

import gc
import random
import threading
from collections import Counter
from typing import Any

import pytest

from realtime.concurrency import for_mode
from realtime.web.insistence import LONGEST, Insistence
from realtime.web.quota import Exhausted, Quota, Share, Slot

USERS, ADDRESSES = "users", "addresses"
ADA, BOB = Share(USERS, "ada"), Share(USERS, "bob")


def quota(users: int = 2, addresses: int = 5, refused: Counter[str] | None = None) -> Quota:
    limits = {USERS: users, ADDRESSES: addresses}
    told = Counter[str]() if refused is None else refused
    return Quota(limits, concurrency=for_mode("threading"), refuse=lambda limit: told.update([limit]))


def test_one_too_many_is_refused_and_counted_and_one_that_is_given_back_can_be_had_at_once() -> None:
    refused = Counter[str]()
    counted = quota(2, refused=refused)
    first, second = counted.take((ADA,)), counted.take((ADA,))
    with pytest.raises(Exhausted) as caught:
        counted.take((ADA,))
    assert (caught.value.share, caught.value.most, refused) == (ADA, 2, {USERS: 1})
    first.free()
    first.free()
    third = counted.take((ADA,))
    assert counted.count(ADA) == 2
    for slot in (second, third):
        slot.free()
    assert len(counted) == 0


def test_who_gets_no_slot_of_one_share_takes_none_of_the_other() -> None:
    counted = quota(users=5, addresses=1)
    here = Share(ADDRESSES, "192.0.2.1")
    slot = counted.take((ADA, here))
    with pytest.raises(Exhausted):
        counted.take((BOB, here))
    assert (counted.count(BOB), counted.count(here)) == (0, 1)
    slot.free()
    assert len(counted) == 0


def test_a_slot_that_nobody_holds_any_more_is_given_back() -> None:
    counted = quota(1)
    slot: Any = counted.take((ADA,))
    slot = None
    gc.collect()
    assert counted.take((ADA,)) is not slot


def test_a_slot_moves_to_another_share_or_stays_where_it_is() -> None:
    counted = quota(1)
    first, second = counted.take((ADA,)), counted.take((BOB,))
    with pytest.raises(Exhausted):
        first.move(USERS, "bob")
    assert (counted.count(ADA), counted.count(BOB)) == (1, 1)
    second.move(USERS, None)
    first.move(USERS, "bob")
    assert (counted.count(ADA), counted.count(BOB)) == (0, 1)
    first.free()
    first.move(USERS, "ada")
    second.free()
    assert len(counted) == 0


def test_a_holder_that_is_gone_unnoticed_makes_place_for_the_next_one() -> None:
    counted = quota(1)
    alive, slot = True, counted.take((ADA,))
    slot.doubt(lambda: not alive, slot.free)
    with pytest.raises(Exhausted):
        counted.take((ADA,))
    alive = False
    counted.take((ADA,)).free()
    assert len(counted) == 0


def test_of_very_many_holders_nobody_makes_the_server_look_all_the_time() -> None:
    now, looks, slots = 0.0, 0, list[Slot]()

    def gone() -> bool:
        nonlocal looks
        looks += 1
        return False

    limits = {USERS: 1000}
    counted = Quota(limits, concurrency=for_mode("threading"), refuse=lambda _limit: None, clock=lambda: now)
    for _ in range(1000):
        slots.append(counted.take((ADA,)))
        slots[-1].doubt(gone, slots[-1].free)
    for _ in range(1000):
        now += 0.001
        with pytest.raises(Exhausted):
            counted.take((ADA,))
    assert looks <= 11 * 1000


@pytest.mark.parametrize("seed", range(5))
def test_after_a_thousand_random_opens_and_closes_the_counts_are_right(seed: int) -> None:
    chance = random.Random(seed)
    counted, held = quota(3, 6), list[Slot]()
    people, places = ["ada", "bob", "eve", None], ["192.0.2.1", "192.0.2.2"]

    def shares() -> tuple[Share, ...]:
        who, where = chance.choice(people), chance.choice(places)
        return (*((Share(USERS, who),) if who else ()), Share(ADDRESSES, where))

    for _ in range(1000):
        slot = chance.choice(held) if held else None
        try:
            match chance.choice(["open", "open", "close", "lose", "move", "doubt"]), slot:
                case "open", _:
                    held.append(counted.take(shares()))
                case "close", Slot():
                    held.remove(slot)
                    slot.free()
                case "lose", Slot() if slot.gone is None:
                    held.remove(slot)
                case "move", Slot() if slot.gone is None:
                    slot.move(USERS, chance.choice(people))
                case "doubt", Slot() if slot.gone is None:
                    gone = chance.random() < 0.3
                    slot.doubt(lambda gone=gone: gone, slot.free)
        except Exhausted:
            pass
        del slot
        held = [one for one in held if not one.over]
        if chance.random() < 0.1:
            wanted = Counter(share for one in held for share in one.shares)
            assert {share: counted.count(share) for share in wanted} == wanted
    while held:
        held.pop().free()
    assert len(counted) == 0


def test_threads_never_hold_more_than_there_are() -> None:
    counted, inside, most = quota(3), [0], [0]
    guard = threading.Lock()

    def work() -> None:
        for _ in range(1000):
            try:
                slot = counted.take((ADA,))
            except Exhausted:
                continue
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with guard:
                inside[0] -= 1
            slot.free()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert most[0] <= 3
    assert len(counted) == 0


def test_who_keeps_asking_is_told_to_wait_ever_longer_and_who_waits_begins_anew() -> None:
    now = 0.0
    insistence = Insistence(concurrency=for_mode("threading"), clock=lambda: now)
    assert [insistence.wait("ada", 0.2) for _ in range(5)] == [1] * 5
    told = []
    for _ in range(100):
        now += 1
        told.append(insistence.wait("ada", 0.2))
    assert told == sorted(told)
    assert {1, 2, 4, 8, 16, 32} > {*told} - {LONGEST} and told[-1] == LONGEST
    assert insistence.wait("bob", 0.2) == 1
    now += 2 * LONGEST + 1
    assert insistence.wait("ada", 0.2) == 1
    assert insistence.wait("ada", 7) == 7
