"""Python's garbage collector, told what a server of many clients needs of it. It decides nothing else."""

from __future__ import annotations

import gc


def spare_collector() -> None:
    """Have the garbage collector look less often, and not at what was loaded before clients came.

    With ten thousand clients in memory it would take a fifth of the time of each connect, to find next to nothing:
    nearly everything here goes by its count of references.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
