"""A request's body: the library's, which fails with an error of Python where a chunk has no length at all, and waits
for ever.

This file may not know what is in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from gevent.pywsgi import Input
from gevent.pywsgi import _InvalidClientInput as Mistake  # type: ignore[attr-defined]  # the stub leaves it out
from werkzeug.exceptions import RequestTimeout

from .patience import DISCARD_SECONDS, Patience, Reading

_PIECE: Final = 64 * 1024


class StrictInput(Input):
    """``wsgi.input`` whose client's mistakes are all said to be the client's, so that it is answered with 400, and that
    has to come in time. What is late raises Werkzeug's error, which Flask answers with 408.

    Args:
        patience: knows how long a body may take.
        reading: who reads it.
        refuse: counts it when it is late, by the limit's name.
        arguments: the library's, as are ``options``.
    """

    __slots__ = ("_due", "_patience", "_reading", "_refuse", "_wanted")

    def __init__(
        self, *arguments: Any, patience: Patience, reading: Reading, refuse: Callable[[str], None], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._patience = patience
        self._reading: Reading | None = reading
        self._refuse = refuse
        self._due: float | None = None
        self._wanted = True

    def read(self, length: int | None = None) -> bytes:
        """See PEP 3333."""
        return self._in_time(super().read, length)

    def readline(self, size: int | None = None) -> bytes:
        """See PEP 3333."""
        return self._in_time(super().readline, size)

    def part(self) -> None:
        """The request is over. Who reads holds this and is held by it: both would stay until garbage is looked for."""
        self._reading = None

    def _in_time(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        reading = self._reading
        if reading is None or not (self.content_length or self.chunked_input):
            return read(size)
        if self._due is None:
            self._due = self._patience.due(self.content_length or 0)
        if not self._due:
            return read(size)
        self._patience.until(reading, self._due)
        try:
            return read(size)
        except OSError:
            if reading.late:
                if self._wanted:
                    self._refuse("body_timeout")
                raise RequestTimeout("the body of the request did not come in time") from None
            raise
        finally:
            self._patience.done(reading)

    def _discard(self) -> None:
        """What nobody has read makes place for the next request, if it comes soon; else there is none."""
        if self._chunked_input_error or not (self.chunked_input or self.position < (self.content_length or 0)):
            return
        self.send_100_continue_enabled = self._wanted = False
        soon = time.monotonic() + DISCARD_SECONDS
        self._due = min(self._due or soon, soon)
        try:
            # What still comes after the end can be read: who sends without end is not read to the end.
            while self._reading is not None and not self._reading.late and self.read(_PIECE):
                continue
        except RequestTimeout:
            return

    def _chunked_read(self, length: int | None = None, use_readline: bool = False) -> Any:
        try:
            return super()._chunked_read(length, use_readline)  # type: ignore[misc]  # likewise
        except ValueError as exc:
            self._chunked_input_error = True
            raise Mistake(f"not the length of a chunk (RFC 9112, 7.1): {exc}") from None
