"""Buses: where messages get their id, are kept, and come back from. ``base`` is the contract."""
