"""A machine that vanishes: nothing comes from it any more, not even an acknowledgement, and no word of goodbye."""

from __future__ import annotations

import ctypes
import socket
import struct
from pathlib import Path
from typing import Final, Protocol

_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # asm-generic/socket.h
_DROP_ALL: Final = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_PROGRAM: Final = struct.pack("HxxxxxxP", 1, ctypes.addressof(_DROP_ALL))


class Socket(Protocol):
    """What sockets and asyncio's stand-ins for them have in common."""

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """Set an option."""


def vanish(connection: Socket) -> None:
    """Let this end of a TCP connection hear nothing: what comes is dropped before it is acknowledged.

    A socket filter of one instruction does it, return 0 (Linux, Documentation/networking/filter.rst).
    """
    connection.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM)


def reappear(connection: Socket) -> None:
    """Let it hear again, what was dropped too: it is sent again."""
    connection.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def held() -> set[tuple[int, int]]:
    """This machine's TCP connections of which a program has a descriptor: each its own port and the other end's.

    From ``/proc/net/tcp`` (Linux, Documentation/networking/proc_net_tcp.rst): a socket without one has the inode 0.
    """
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {(int(row[1][-4:], 16), int(row[2][-4:], 16)) for row in rows if row[9] != "0"}
