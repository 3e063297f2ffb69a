"""The window's thread gets Python back soon from the threads beside it."""

from __future__ import annotations

import sys

SWITCH_SECONDS = 0.0005
"""A thread that computes in Python is asked this often whether another one waits. A key that writes a label gives
Python up at each statement of SQLite, and waits for it so long each time: with Python's own 5 ms the slowest keys
took a quarter longer while guesses were written (`tests/benchmarks/labeling_keys.py`)."""


def take() -> None:
    """For the process of a window, once."""
    sys.setswitchinterval(SWITCH_SECONDS)
