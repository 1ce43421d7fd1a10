"""A reader in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Redis

from .snippets import Reader


@pytest.fixture
def reader(tmp_path: Path, shared_redis: Redis, namespace: str) -> Iterator[Reader]:
    """Somebody who has the package and follows a page."""
    reader = Reader(tmp_path, redis=shared_redis.url, env={"REALTIME_NAMESPACE": namespace})
    yield reader
    reader.close()
