"""Measures this server against its peers on one machine, in one run. ``python -m benchmarks --help``."""
