"""Pids: the secret by which a Socket.IO client that comes back shows that a session is its own.

It begins with the session id, which others may know; the rest, 128 bits, follows from that and a key that only this
process has, so that nothing has to be kept for a client that just stays. This file may not know what is restored.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import Final

_SECRET_LETTERS: Final = 22
_MAX_LETTERS: Final = 128


class Pids:
    """The pids of one process's clients."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # Those that other processes gave to clients that came here.
        self._inherited: dict[str, str] = {}

    def of(self, sid: str) -> str:
        """The pid of a client."""
        return self._inherited.get(sid) or self._made(sid)

    def keep(self, sid: str, pid: str) -> None:
        """The client has come back, and keeps the pid that it had."""
        if not secrets.compare_digest(pid, self._made(sid)):
            self._inherited[sid] = pid

    def drop(self, sid: str) -> None:
        """The client is not this process's any more."""
        self._inherited.pop(sid, None)

    def is_of(self, sid: str, pid: str) -> bool:
        """Whether it is this client's."""
        return secrets.compare_digest(pid, self.of(sid))

    def _made(self, sid: str) -> str:
        digest = blake2b(sid.encode(), key=self._key, digest_size=16).digest()
        return sid + urlsafe_b64encode(digest)[:_SECRET_LETTERS].decode("ascii")


def sid_of(pid: object) -> str | None:
    """The session id in a pid, if it is one."""
    if not isinstance(pid, str) or not _SECRET_LETTERS < len(pid) <= _MAX_LETTERS or not pid.isascii():
        return None
    return pid[:-_SECRET_LETTERS]
