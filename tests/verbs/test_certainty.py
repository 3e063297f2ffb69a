"""What is advised on a model's chances does not promise what its own figures deny."""

from __future__ import annotations

import pytest

from desktop_llm.evidence.calibration import Calibration
from desktop_llm.verbs.certainty import Certainty


def _advice(heat: float, before: float, after: float) -> str:
    told = Calibration(bins=(), error=before, worst=before, temperature=heat, after=after)
    return Certainty(told=told, rows=(), sure=0.9, right=0.8, limits=(0.7, 0.9), pairs=False, asked=True).advice


@pytest.mark.parametrize(("heat", "before", "after"), [(1.01, 0.05, 0.04), (1.6, 0.05, 0.06)])
def test_no_temperature_is_advised_that_does_not_help(heat: float, before: float, after: float) -> None:
    assert "No temperature that these rows show would make it better" in _advice(heat, before, after)


def test_one_that_helps_is_told_with_what_it_brings() -> None:
    assert "Dividing its logits by 1.60 (temperature scaling) would bring it to 2.0 points" in _advice(1.6, 0.05, 0.02)
