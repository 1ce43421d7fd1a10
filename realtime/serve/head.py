"""A request's head (RFC 9112), read strictly and cheaply: the lines behind the request line become a WSGI environment.

What two servers could read differently is refused, not guessed: that is how requests are smuggled past a proxy. This
file does no I/O of its own; it is given the function that reads a line, and raises ``ValueError`` for what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

MAX_LINE: Final = 8192
MAX_FIELDS: Final = 100
MAX_BYTES: Final = 64 * 1024

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(r"HTTP/1\.[01]")
_TARGET: Final = re.compile(r"[^\x00-\x20\x7f]+")
_NOT_IN_VALUES: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))
_END: Final = {b"\r\n", b"\n"}
_NO_PREFIX: Final = {"CONTENT_TYPE", "CONTENT_LENGTH"}


class Head:
    """The header fields of one request.

    Attributes:
        environ: them as WSGI names them (``HTTP_…``), repeated ones joined.
        content_length: bytes of the body, or ``None`` when that was not said.
        chunked: the body comes in chunks.
    """

    __slots__ = ("chunked", "content_length", "environ")

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        length, coding = environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
        self.chunked = coding is not None
        self.content_length = None
        if coding is not None and (coding.lower() != "chunked" or length is not None):
            raise ValueError("a body is in chunks, or has a length, and no other coding")  # RFC 9112, 6.1 and 6.3
        if length is not None:
            if not (length.isascii() and length.isdecimal()):
                raise ValueError("Content-Length is one whole number")
            self.content_length = int(length)

    def items(self) -> list[tuple[str, str]]:
        """Names and values, for the access log."""
        return [(key.removeprefix("HTTP_").replace("_", "-"), value) for key, value in self.environ.items()]


def options(value: str) -> list[str]:
    """The words of a field that is a list, such as ``Connection``."""
    return [one.strip() for one in value.lower().split(",")]


def parse_request_line(line: str) -> tuple[str, str, str]:
    """Method, target and version of a request line.

    Raises:
        ValueError: it is not three words with a version that is served (RFC 9112, 3).
    """
    words = line.removesuffix("\n").removesuffix("\r").split(" ")
    if len(words) != 3 or not _VERSION.fullmatch(words[2]):
        raise ValueError("a request line is: method target HTTP/1.1")
    method, target, version = words
    if not _TOKEN.fullmatch(method.encode("latin-1")) or not _TARGET.fullmatch(target):
        raise ValueError("a request line is: method target HTTP/1.1")
    return method, target, version


def in_ascii(query: str) -> str:
    """A query as RFC 3986 writes it. Old browsers send bytes as they are; Werkzeug fails on those that are no UTF-8.

    Args:
        query: a character for each byte.
    """
    return quote(query, safe=_ASCII, encoding="latin-1")


def read_head(readline: Callable[[int], bytes]) -> Head:
    """Read the lines up to the empty one.

    Args:
        readline: returns the next line with its end, at most so many bytes of it, and nothing at the end.

    Raises:
        ValueError: a rule of RFC 9112, section 5, is broken, or there is too much of it.
    """
    environ: dict[str, str] = {}
    size = fields = 0
    while True:
        line = readline(MAX_LINE)
        if line in _END:
            return Head(environ)
        size += len(line)
        fields += 1
        if line[-1:] != b"\n" or size > MAX_BYTES or fields > MAX_FIELDS:
            raise ValueError("the head is cut off" if len(line) < MAX_LINE else "the head is too large")
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError("a header field is: name, colon, value")
        key = environ_key(name)
        # One line end, not several: a lone CR in front of it would be one to somebody else (RFC 9112, 2.2).
        text = value.removesuffix(b"\n").removesuffix(b"\r").strip(b" \t")
        if _NOT_IN_VALUES.search(text):
            raise ValueError("a header field's value is one line of text")
        if key is not None:
            _put(environ, key, text.decode("latin-1"))


def _put(environ: dict[str, str], key: str, value: str) -> None:
    before = environ.get(key)
    if before is None:
        environ[key] = value
    elif key == "HTTP_COOKIE":
        environ[key] = f"{before}; {value}"
    elif key in {"HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"}:
        # Who believes the first and who believes the last see different requests (RFC 9112, 3.2 and 6.3).
        raise ValueError("this header field may come once only")
    else:
        environ[key] = f"{before},{value}"


@lru_cache(maxsize=512)
def environ_key(name: bytes) -> str | None:
    """What WSGI calls a header field; ``None`` for one with an underscore, which would pass for another.

    Raises:
        ValueError: not a field's name: RFC 9112, 5.1 allows no space around it, and 5.2 no line that goes on.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError("not a header field's name")
    if b"_" in name:
        return None
    key = name.decode("ascii").upper().replace("-", "_")
    return key if key in _NO_PREFIX else f"HTTP_{key}"
