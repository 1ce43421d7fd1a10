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
def judged(log: logging.Logger, kind: str, hook: object, *, outcome: str) -> Iterator[None]:
    """Around a call of a hook: it may refuse in words of its own, and where it fails no client is told why.

    Args:
        log: gets the reason of a failure.
        kind: what the hook was given to, such as ``on_publish``.
        hook: the function, which is named then; ``None`` for what is done without one.
        outcome: what became of it.

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
        raise failure(log, f"{named(hook)} of {kind}", exc, outcome=outcome) from exc
    except HTTPException as exc:
        if exc.code is None or not 400 <= exc.code <= 499:
            raise failure(log, f"{named(hook)} of {kind}", exc, outcome=outcome) from exc
        raise Refused(exc.description or exc.name, status=exc.code, code=error_code(exc)) from exc
    except Exception as exc:
        raise failure(log, f"{named(hook)} of {kind}", exc, outcome=outcome) from exc


def named(hook: object) -> str:
    """A hook as its author knows it: where it is, and what it is called."""
    if hook is None:
        return "the default"
    name = getattr(hook, "__qualname__", None) or type(hook).__qualname__
    module = getattr(hook, "__module__", None)
    return f"the hook {module}.{name}" if module else f"the hook {name}"


def failure(log: logging.Logger, who: str, reason: Exception, *, outcome: str) -> HookFailed:
    """What to raise for a hook that failed, after the reason was logged."""
    log.error("%s failed; %s", who, outcome, exc_info=reason)
    return HookFailed(
        f"{who} failed ({type(reason).__name__}: {str(reason)[:200]}); {outcome}. Its traceback is logged"
    )
