"""Calling an application's hooks: what they raise, as what the client is told.

This file may not know what a hook is about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import HTTPException

from ..errors import BusUnavailable, HookFailed, RealtimeError, Refused
from .http import error_code


@contextmanager
def judged(log: logging.Logger, failed: str) -> Iterator[None]:
    """Around a call of a hook: it may refuse in words of its own, and where it fails nobody is told why.

    Args:
        log: gets the reason of a failure.
        failed: what the log says then.

    Raises:
        Refused, or any other error of the package: the hook refused, by raising it or by ``flask.abort``.
        BusUnavailable, HookFailed: something that the hook did itself met it.
        HookFailed: the hook raised anything else; it was logged.
    """
    try:
        yield
    except (BusUnavailable, HookFailed):
        raise
    except RealtimeError as exc:
        if exc.status < 500:
            raise
        raise failure(log, failed, exc) from exc
    except HTTPException as exc:
        if exc.code is None or not 400 <= exc.code <= 499:
            raise failure(log, failed, exc) from exc
        raise Refused(exc.description or exc.name, status=exc.code, code=error_code(exc)) from exc
    except Exception as exc:
        raise failure(log, failed, exc) from exc


def failure(log: logging.Logger, failed: str, reason: Exception) -> HookFailed:
    """What to raise for a hook that failed, after the reason was logged."""
    log.error(failed, exc_info=reason)
    return HookFailed("the server failed; it was logged")
