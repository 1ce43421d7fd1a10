"""Hostile clients beside an honest one, poisoned logs, and mutated sessions: what must hurt nobody but who does it."""
