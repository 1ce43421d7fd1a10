"""Clients that we did not write, on servers that the tests of a file share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from .stock import NpmClient, PythonClient

Join = Callable[..., NpmClient | PythonClient]


@pytest.fixture
def npm() -> Iterator[Callable[..., NpmClient]]:
    """Start stock npm clients, ``npm(url, room, transports=[…])``, that are ended with the test."""
    with contextlib.ExitStack() as clients:
        yield lambda *arguments, **options: clients.enter_context(NpmClient(*arguments, **options))


@pytest.fixture
def python() -> Iterator[Callable[..., PythonClient]]:
    """Connect python-socketio clients, ``python(url, room, transports=[…])``, that are ended with the test."""
    with contextlib.ExitStack() as clients:
        yield lambda *arguments, **options: clients.enter_context(PythonClient(*arguments, **options))
