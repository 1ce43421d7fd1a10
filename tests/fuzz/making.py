"""Makes the n-th input of a seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from tests.hostile.lines import frame

from . import captured
from .mutate import mutated, word


class Input(NamedTuple):
    """What is sent to the server.

    Attributes:
        kind: how, see ``shooting``.
        data: the bytes of it: frames, one payload, or a whole request.
        pieces: the packets that the data carries, where it carries packets.
    """

    kind: str
    data: bytes
    pieces: tuple[str | bytes, ...] = ()


KINDS = ("frames", "packets", "polling", "heads", "queries", "bodies")


def made(seed: int, number: int, kinds: tuple[str, ...] = KINDS) -> Input:
    """The input; the same for the same arguments."""
    random = Random(f"{seed}:{number}")
    return _MAKERS[random.choice(kinds)](random)


def _frames(random: Random) -> Input:
    data = b""
    for said in random.choice(captured.FRAMES):
        opcode, payload, fin, size = *said, None
        change = random.randrange(6)
        if change == 0:
            opcode = random.randrange(16)
        elif change == 1:
            fin = not fin
        elif change == 2:
            payload = mutated(random, payload)
        elif change == 3 and random.randrange(3) == 0:
            size = random.choice((0, 1, 125, 126, 65535, 65536, 1 << 24, 1 << 40, (1 << 63) - 1))
        data += frame(payload, opcode, fin=fin, size=size, mask=random.randbytes(4))
    if random.randrange(2):
        data = mutated(random, data, most=2)
    return Input("frames", data)


def _packet_pieces(random: Random) -> tuple[str | bytes, ...]:
    pieces: list[str | bytes] = []
    for one in random.choice(captured.PACKETS):
        changed = mutated(random, one) if random.randrange(3) else one
        if random.randrange(12) == 0:
            pieces.append(random.randbytes(random.randrange(20)))
        pieces.append(changed.decode("utf-8", "ignore"))
    if random.randrange(8) == 0:
        random.shuffle(pieces)
    return tuple(pieces)


def _packets(random: Random) -> Input:
    pieces = _packet_pieces(random)
    data = b"".join(
        frame(one if isinstance(one, bytes) else one.encode(), 2 if isinstance(one, bytes) else 1) for one in pieces
    )
    return Input("packets", data, pieces)


def _polling(random: Random) -> Input:
    pieces = tuple(one for one in _packet_pieces(random) if isinstance(one, str))
    data = "\x1e".join(pieces).encode()
    if random.randrange(4) == 0:
        data = mutated(random, data, most=2)
    return Input("polling", data)


def _heads(random: Random) -> Input:
    data = random.choice(captured.HEADS)
    if random.randrange(8) == 0:
        data += random.choice(captured.HEADS)
    return Input("heads", mutated(random, data))


def _queries(random: Random) -> Input:
    path, pairs = random.choice(captured.QUERIES)
    changed = list(pairs)
    for _ in range(random.randint(1, 3)):
        what = random.randrange(4)
        if changed and what == 0:
            at = random.randrange(len(changed))
            changed[at] = (changed[at][0], word(random))
        elif changed and what == 1:
            at = random.randrange(len(changed))
            changed[at] = (changed[at][0], mutated(random, changed[at][1]))
        elif what == 2:
            changed.append((random.choice(random.choice(captured.QUERIES)[1] or [(b"room", b"x")])[0], word(random)))
        else:
            path = path.replace("lobby", quote_from_bytes(word(random), safe="/"))
    # A long poll would be right to wait.
    query = "&".join(f"{quote_from_bytes(key)}={quote_from_bytes(value)}" for key, value in changed if key != b"wait")
    fields = [random.choice(captured.FIELDS) for _ in range(random.randrange(3))]
    lines = [f"GET {path}?{query} HTTP/1.1".encode(), b"Host: 127.0.0.1:5000", b"Connection: close"]
    for name, value in fields:
        text = mutated(random, value) if random.randrange(2) else value
        lines.append(name + b": " + text.translate(None, b"\r\n\x00"))
    return Input("queries", b"\r\n".join([*lines, b"", b""]))


def _bodies(random: Random) -> Input:
    body = random.choice(captured.POSTS)
    if random.randrange(4):
        body = mutated(random, body, most=2)
    if random.randrange(50) == 0:
        body = random.choice(
            (b"[" * 60_000, b'{"data":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b'{"data":"' + b"x" * 300_000)
        )
    kind = b"application/json" if random.randrange(10) else word(random).translate(None, b"\r\n\x00")
    target = random.choice((b"/rooms/lobby/messages", b"/rooms/chat%2F7/messages"))
    head = b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: " + kind
    return Input("bodies", head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


_MAKERS = {
    "frames": _frames,
    "packets": _packets,
    "polling": _polling,
    "heads": _heads,
    "queries": _queries,
    "bodies": _bodies,
}
