"""Python's collector while libraries are imported."""

from __future__ import annotations

import gc

import pytest

from desktop_llm.garbage import at_rest


def test_the_collector_rests_and_goes_on_whatever_happens() -> None:
    found = []

    def load() -> None:
        with at_rest():
            found.append(gc.isenabled())
            raise ImportError

    gc.enable()
    try:
        with pytest.raises(ImportError):
            load()
        found.append(gc.isenabled())
    finally:
        gc.disable()  # as for all tests, see tests/architecture/leaks.py
    assert found == [False, True]


def test_a_collector_that_was_off_stays_off() -> None:
    assert not gc.isenabled()
    with at_rest():
        assert not gc.isenabled()
    assert not gc.isenabled()
