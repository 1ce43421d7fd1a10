"""A message as a call of the publish script, packed once. What the script takes and in which order stands in
``publish.lua``. This file does no I/O.
"""

from __future__ import annotations

import itertools
import json
import secrets
from hashlib import blake2b, sha1
from typing import Final

from ..message import Message
from .channel import packed
from .replay import TAIL_LIFETIMES

_RETRY_KEY_MS: Final = 30_000
_MARK: Final = 8
"""Characters of the key's end that the publish script writes into the entry."""


class PublishCalls:
    """Packs calls, for one process.

    Args:
        script: the publish script.
        prefix: of every key.
        history_length: messages kept per room.
        history_ttl_ms: after which an idle room's messages are dropped.
        log_length: entries kept in the whole log.
        key_ttl_ms: for which an idempotency key is remembered.
    """

    def __init__(
        self,
        script: str,
        *,
        prefix: str,
        history_length: int,
        history_ttl_ms: int,
        log_length: int,
        key_ttl_ms: int,
    ) -> None:
        self._sha = sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._log, self._meta = f"{prefix}log", f"{prefix}meta"
        self._room, self._tail, self._key = f"{prefix}room:", f"{prefix}tail:", f"{prefix}key:"
        self._limits = (log_length, history_length, history_ttl_ms, history_ttl_ms * TAIL_LIFETIMES)
        self._key_ttl_ms = key_ttl_ms
        self._origin, self._numbers = secrets.token_hex(8), itertools.count()

    def packed(self, message: Message) -> tuple[bytes, str | None, str]:
        """The command; what the message says when its key is the publisher's own; and the mark of its entry."""
        if message.key is None:
            # A connection may break after the script ran and before its answer came. Under a key of its own the
            # message can be sent again without being published twice.
            digest, key, key_ttl = None, f"{self._key}{self._origin}.{next(self._numbers)}", _RETRY_KEY_MS
        else:
            said = "\0".join((*message.scope, message.key)).encode()
            key, key_ttl = self._key + blake2b(said, digest_size=16).hexdigest(), self._key_ttl_ms
            digest = message.digest
        rooms = message.rooms
        kept = () if message.transient else rooms
        keys = [word for room in kept for word in (self._room + room, self._tail + room)]
        command = packed(
            "EVALSHA", self._sha, 3 + len(keys), self._log, self._meta, key, *keys, *self._limits, key_ttl,
            digest or "", message.event, message.json, json.dumps(sorted(message.skip)) if message.skip else "",
            "1" if message.spread else "", "\n".join(rooms), "1" if message.transient else "",
        )  # fmt: skip
        return command, digest, key[-_MARK:]
