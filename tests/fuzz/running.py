"""Sends many inputs, several at once, and gathers what became of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from .making import KINDS, Input, made
from .shooting import Finding, Gun


@dataclass
class Result:
    """What became of the inputs.

    Attributes:
        counts: how often each kind of input ended in which way.
        findings: number, input and what was found.
        seconds: it took.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[tuple[int, Input, str]] = field(default_factory=list)
    seconds: float = 0.0


def fuzz(
    base: str,
    *,
    seed: int,
    numbers: range,
    kinds: tuple[str, ...] = KINDS,
    at_once: int = 6,
    patience: float = 1.0,
) -> Result:
    """Send the inputs of a seed.

    Args:
        base: the server.
        seed: of the inputs.
        numbers: which of them.
        kinds: of which kinds.
        at_once: clients at the same time.
        patience: see ``Gun``.
    """
    gun, result = Gun(base, patience=patience), Result()
    mutex = threading.Lock()
    left = iter(numbers)
    began = time.monotonic()

    def shoot() -> None:
        while True:
            with mutex:
                number = next(left, None)
            if number is None:
                return
            one = made(seed, number, kinds)
            try:
                outcome = gun.shoot(one, number)
            except (Finding, OSError) as exc:
                with mutex:
                    result.findings.append((number, one, str(exc)))
                continue
            with mutex:
                result.counts[one.kind, outcome] += 1

    shooters = [threading.Thread(target=shoot) for _ in range(at_once)]
    for one in shooters:
        one.start()
    for one in shooters:
        one.join()
    result.seconds = time.monotonic() - began
    return result
