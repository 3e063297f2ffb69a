"""Python's collector, where one thread alone may collect: see `gui/garbage.py`."""

from __future__ import annotations

import gc


def collect_all() -> None:
    """Free what nothing uses, unless the thread of the window keeps that to itself."""
    if gc.isenabled():
        gc.collect()


def collect_what_is_due() -> None:
    """For that thread: the oldest generation that Python would collect by itself, with those younger."""
    for generation in (2, 1, 0):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            return
