"""What the servers share: a plain Redis, or one of several nodes. This file starts nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.support.processes import Redis
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinels

Deployment = RedisSentinels | RedisCluster
Store = Redis | Deployment

STORES: dict[str, Callable[..., Store]] = {
    "redis": Redis,
    "sentinel": partial(RedisSentinels, replicas=2),
    "cluster": partial(RedisCluster, replicas=2),
}
"""Each takes a folder and Redis's options. In durable mode one node must be left that confirms: two replicas."""
