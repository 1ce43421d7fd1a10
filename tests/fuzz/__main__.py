"""``make fuzz``: mutated sessions against ``python server.py``, with an honest client beside them.

make fuzz FUZZ_ARGS="--seed 7 --inputs 5000"
make fuzz FUZZ_ARGS="--seed 7 --only 1234"      the same input again, shown
"""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.hostile.watching import watching
from tests.support.processes import start_gevent, start_gunicorn, start_threads

from .making import KINDS, made
from .running import fuzz

STARTS = {"gevent": start_gevent, "gunicorn": start_gunicorn, "threads": start_threads}
P99 = 0.050


def main() -> int:
    """Run it; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", type=int, help="send this input alone, and show it")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--server", choices=STARTS, default="gevent")
    parser.add_argument("--at-once", type=int, default=6)
    chosen = parser.parse_args()
    kinds = tuple(chosen.kinds)
    numbers = range(chosen.first, chosen.first + chosen.inputs)
    if chosen.only is not None:
        numbers = range(chosen.only, chosen.only + 1)
        print(made(chosen.seed, chosen.only, kinds))
    server = STARTS[chosen.server]()
    print(f"seed {chosen.seed}, inputs {numbers.start} to {numbers.stop - 1}, {', '.join(kinds)}", flush=True)
    try:
        with watching(server) as watch:
            result = fuzz(server.url, seed=chosen.seed, numbers=numbers, kinds=kinds, at_once=chosen.at_once)
            honest = watch.figures()
        alive = server.popen.poll() is None
    finally:
        server.stop()
    for (kind, outcome), count in sorted(result.counts.items()):
        print(f"{kind:10} {outcome:12} {count:7}")
    for number, one, what in result.findings[:20]:
        print(f"FOUND with input {number} ({one.kind}): {what}\n  {one.data[:300]!r}")
    tracebacks = server.output.count("Traceback")
    print(f"{sum(result.counts.values())} inputs in {result.seconds:.0f} s, {len(result.findings)} findings")
    print(f"the server {'lives' if alive else 'ENDED'}, {tracebacks} tracebacks in its log")
    print(
        f"honest clients: {honest.messages} messages, p99 {honest.p99 * 1000:.0f} ms, longest "
        f"{honest.longest * 1000:.0f} ms; without the time that programs waited for a processor: p99 "
        f"{honest.server_p99 * 1000:.0f} ms, longest {honest.server * 1000:.0f} ms"
    )
    if tracebacks:
        print(server.output[server.output.index("Traceback") - 500 :][:6000])
    if result.findings or tracebacks or not alive or min(honest.p99, honest.server_p99) > P99:
        print(f"again: make fuzz FUZZ_ARGS='--seed {chosen.seed}'; one input alone: --only NUMBER")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
