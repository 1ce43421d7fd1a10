"""What the kernel knows of the other end of a connection (Linux, ``TCP_INFO``).

A client whose machine vanished and one that does not read look alike to a program: neither takes anything. The kernel
tells them apart: the second one's machine still answers. The usual time-out, ``TCP_USER_TIMEOUT`` (RFC 5482), gives up
both, and with it everybody who stops reading for half a minute. This file only asks, it changes nothing.
"""

from __future__ import annotations

import _socket
import struct
from typing import Final

_HEAD: Final = struct.Struct("=BBBB 4x 12x 12x 24x I")
"""``struct tcp_info`` of linux/tcp.h: state, ca_state, retransmits, probes; at byte 56 the milliseconds since the last
acknowledgement.
"""
_TCP_INFO: Final = getattr(_socket, "TCP_INFO", -1)
"""Not on every system; there the kernel refuses the question."""
_UNANSWERED: Final = 2
"""Repetitions without an answer that are no accident."""


def silence(fd: int) -> float:
    """For how many seconds the other end has left unanswered what it is being asked.

    Args:
        fd: a connected socket.

    Returns:
        0 while there is nothing to answer, while answers come, and where the kernel does not know (no TCP).
    """
    # The bare type, which no event loop has its hands in; the descriptor stays its owner's.
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, fd)
    try:
        info = connection.getsockopt(_socket.IPPROTO_TCP, _TCP_INFO, _HEAD.size)
    except OSError:
        return 0.0
    finally:
        connection.detach()
    if len(info) < _HEAD.size:
        return 0.0
    _state, _ca_state, retransmits, probes, since = _HEAD.unpack(info)
    return since / 1000 if max(retransmits, probes) >= _UNANSWERED else 0.0
