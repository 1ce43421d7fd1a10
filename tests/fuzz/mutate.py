"""Changes bytes and texts a little. Everything comes from the random numbers that it is given: the same seed, the same
input, on every machine and version of Python that has the same ``random``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from random import Random

BITS = (
    b"", b"\x00", b"\r\n", b"\n", b"\r", b" ", b"\t", b"\xff", b"\x7f", b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"0", b"-1", b"1e999", b"NaN", b"Infinity", b"99999999999999999999", b"18446744073709551616", b"2147483648",
    b"null", b"true", b"[]", b"{}", b'""', b"[", b"{", b'"', b"\\", b"\\ud800", b"\\u0000", b"]", b"}", b",", b":",
    b"-", b"/", b"?", b"#", b"%", b"%00", b"%zz", b"..", b"//", b";", b"=", b"&", b"*", b"__proto__", b"\x1e", b"b",
    b"_placeholder", b"realtime.ready", b"connect", b"4", b"51-", b"999999999-", b"\xe2\x80\xa8", b"\xc2\x85",
    b"chunked", b"close", b"upgrade", b"100-continue")  # fmt: skip
"""Pieces that parsers have stumbled over."""


def _flip(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _put(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] = random.randrange(256)


def _insert(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data) + 1)
    data[at:at] = random.choice(BITS)


def _replace(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    data[at : at + random.randrange(1, 9)] = random.choice(BITS)


def _cut(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.randrange(1, 17)]


def _end(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def _repeat(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    piece = data[at : at + random.randrange(1, 33)]
    data[at:at] = piece * random.choice((1, 2, 3, 50))


def _swap(random: Random, data: bytearray) -> None:
    one, other = random.randrange(len(data)), random.randrange(len(data))
    data[one], data[other] = data[other], data[one]


CHANGES: Sequence[Callable[[Random, bytearray], None]] = (
    _flip, _put, _insert, _insert, _replace, _replace, _cut, _end, _repeat, _swap,
)  # fmt: skip


def mutated(random: Random, data: bytes, *, most: int = 4) -> bytes:
    """The bytes with one to ``most`` changes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, most)):
        if changed:
            random.choice(CHANGES)(random, changed)
        else:
            changed += random.choice(BITS)
    return bytes(changed)


def word(random: Random) -> bytes:
    """A short text of any kind."""
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(BITS)
    if kind == 1:
        return random.randbytes(random.randrange(40))
    if kind == 2:
        return "".join(chr(random.choice((random.randrange(32, 0xD800), random.randrange(0xE000, 0x110000))))
                       for _ in range(random.randrange(20))).encode()  # fmt: skip
    return "".join(random.choices(string.printable, k=random.randrange(200))).encode()
