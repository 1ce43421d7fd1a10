"""A request's body: the library's, which fails with an error of Python where a chunk has no length at all.

This file may not know what is in it.
"""

from __future__ import annotations

from typing import Any

from gevent.pywsgi import Input
from gevent.pywsgi import _InvalidClientInput as Mistake  # type: ignore[attr-defined]  # the stub leaves it out


class StrictInput(Input):
    """``wsgi.input`` whose client's mistakes are all said to be the client's, so that it is answered with 400."""

    __slots__ = ()

    def _chunked_read(self, length: int | None = None, use_readline: bool = False) -> Any:
        try:
            return super()._chunked_read(length, use_readline)  # type: ignore[misc]  # likewise
        except ValueError as exc:
            self._chunked_input_error = True
            raise Mistake(f"not the length of a chunk (RFC 9112, 7.1): {exc}") from None
