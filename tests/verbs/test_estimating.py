"""What the terminal says of a forecast, in the units of the window."""

from __future__ import annotations

from dataclasses import replace

from desktop_llm.jobs import renting
from desktop_llm.verbs import estimating
from tests.jobs.test_forecast import FORECAST


def test_a_short_and_small_run_is_told_in_seconds_and_megabytes() -> None:
    told = replace(FORECAST, seconds=2.0, low=1.5, high=3.0, memory=4_000_000, disk=3_000_000, flops=1e9, slices=500.0)
    quotes = renting.quotes(renting.KNOWN, told.flops, told.slices, told.memory)
    told = replace(told, evaluation=0.02)
    words = "\n".join(estimating._estimate_words(told, quotes))
    assert "about 2.0 s (1.5 to 3.0)" in words
    assert "4 MB at the peak" in words
    assert "3 MB at most" in words
    assert "2.0 s of training and 5 min to set it up" in words
    assert "evaluations (4, 20 ms each) and checkpoints (2, 0.5 s each)" in words
    assert "The largest batch that fits: " in words
    told = replace(told, largest=replace(told.largest, kind="enough")) if told.largest is not None else told
    assert "not by memory" in "\n".join(estimating._estimate_words(told, quotes))
