"""Faults of the bus under a steady flow, counted at every client on both transports."""
