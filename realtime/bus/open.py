"""Opening the bus that a URL names. Nothing connects before it is used."""

from __future__ import annotations

from ..concurrency import Concurrency
from ..config import Settings
from .base import Bus
from .memory import MemoryBus


def open_bus(settings: Settings, concurrency: Concurrency) -> Bus:
    """The bus of ``settings.bus_url``: ``memory://`` or a Redis.

    Args:
        settings: limits and life-times.
        concurrency: threads or greenlets, for locks and the reader.
    """
    if settings.bus_url.startswith("memory:"):
        return MemoryBus(
            concurrency=concurrency,
            history_length=settings.history_length,
            history_ttl=settings.history_ttl,
            log_length=settings.log_length,
            key_ttl=settings.key_ttl,
        )
    # The Redis client takes a tenth of a second to import; who uses the embedded bus does not wait for it.
    from .redis import RedisBus  # noqa: PLC0415
    from .trips import Durability  # noqa: PLC0415

    return RedisBus(
        settings.bus_url,
        concurrency=concurrency,
        namespace=settings.namespace,
        history_length=settings.history_length,
        history_ttl=settings.history_ttl,
        log_length=settings.log_length,
        key_ttl=settings.key_ttl,
        publish_timeout=settings.publish_timeout,
        max_message_bytes=settings.max_message_bytes,
        durability=Durability(settings.durable, settings.durable_timeout),
    )
