"""Budgets: buckets of tokens that every process of a Redis takes from, so that a rate holds for all of them together.

Redis itself is asked for them over connections with little patience: a limit may not hold up what it limits. This file
may not know what is limited.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

from .base import Budgets, Drawn
from .client import Client

PATIENCE: Final = 0.5
"""Seconds that Redis has for an answer."""


class RedisBudgets(Budgets):
    """Buckets in Redis.

    Args:
        connect: makes a client; called with the first use, since most applications limit no rate.
        prefix: of every key.
    """

    def __init__(self, connect: Callable[[], Client], *, prefix: str) -> None:
        self._connect = connect
        self._prefix = f"{prefix}rate:"
        self._asked: tuple[Client, Any] | None = None

    def draw(self, name: str, *, rate: float, size: float, least: int, most: int, back: int = 0) -> Drawn:
        """See ``Budgets``."""
        if self._asked is None:
            client = self._connect()
            self._asked = (
                client,
                client.redis.register_script(files(__package__).joinpath("budget.lua").read_text("utf-8")),
            )
        client, script = self._asked
        # A user's name may be long, or not fit to be read by whoever looks at the keys.
        key = self._prefix + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        taken, wait = client.ask(lambda: script(keys=[key], args=[rate, size, least, most, back]))
        return Drawn(int(taken), int(wait) / 1000)

    def close(self) -> None:
        """Let go of connections; the next use makes new ones."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked[0].close()
