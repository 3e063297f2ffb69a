"""Python's collector: where one thread alone may collect, see `gui/garbage.py`, and where it would only cost time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """No collection while large libraries are imported: it looks through all that they make, over and over.

    torch and transformers take 3.9 s of a processor without it and 4.8 s with it; nothing of theirs is garbage.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


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
