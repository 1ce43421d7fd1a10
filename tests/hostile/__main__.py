"""Prints what the ten attacks do to the honest clients and to the server: ``make hostile``.

python -m tests.hostile [gevent|threads|gunicorn] [words of the attacks' names]
"""

from __future__ import annotations

import sys
import time

from tests.support.processes import Server, start_gevent, start_gunicorn, start_threads

from .attacks import ATTACKS, MEGABYTE, SETTINGS
from .watching import Watch, memory, watching

STARTS = {"gevent": start_gevent, "threads": start_threads, "gunicorn": start_gunicorn}
WAIT = 0.150
MEMORY = 16 * MEGABYTE


def measured(name: str, server: Server, watch: Watch) -> bool:
    """Do one attack and print its line; whether it was held."""
    watch.figures()
    time.sleep(1)
    before, base = watch.figures(), memory(watch.pid)
    began = time.monotonic()
    try:
        told, refused = ATTACKS[name](server.url), True
    except Exception as exc:  # noqa: BLE001  whatever it is, it is the result
        told, refused = f"NOT REFUSED: {exc!r}"[:150], False
    took = time.monotonic() - began
    time.sleep(0.3)
    after = watch.figures()
    kept = watch.settled(base + MEMORY, within=10) - base
    held = refused and min(after.longest, after.server) <= WAIT and kept <= MEMORY
    print(
        f"{name:38} {'held' if held else 'NOT HELD':9} {before.longest * 1000:6.0f} {after.longest * 1000:8.0f} "
        f"{after.server * 1000:8.0f} {after.p99 * 1000:7.0f} {kept / MEGABYTE:8.1f} {took:6.1f}  {told}",
        flush=True,
    )
    return held


def main() -> int:
    """All of them."""
    kind, words = (sys.argv[1:2] or ["gevent"])[0], sys.argv[2:]
    server = STARTS[kind](**SETTINGS)
    print(f"{kind}: milliseconds, and MB beyond the memory before")
    print(f"{'attack':38} {'':9} before  longest   server     p99   memory      s  how it ended")
    try:
        with watching(server) as watch:
            names = [name for name in ATTACKS if not words or any(word in name for word in words)]
            held = [measured(name, server, watch) for name in names]
    finally:
        server.stop()
    print(f"{sum(held)} of {len(held)} held; tracebacks in the server's log: {server.output.count('Traceback')}")
    if "Traceback" in server.output:
        print(server.output[-3000:])
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
