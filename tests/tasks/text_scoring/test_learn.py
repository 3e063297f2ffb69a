"""Levels have an order, and the loss and the uncertainty know it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from desktop_llm.tasks.text_scoring import learn
from desktop_llm.tasks.text_scoring.learn import Scorer
from tests import run_folders
from tests.tasks.text_scoring.fixture import FIXTURE, rows


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    """A tiny one of three levels."""
    job = run_folders.make(tmp_path, kind=FIXTURE.kind).job()
    return learn.build(job, lambda split: rows(40), None, lambda doing, done, total: None)


def test_far_off_costs_more_than_beside(scorer: Scorer) -> None:
    truth = torch.tensor([0])
    beside, far = torch.tensor([[0.0, 4.0, 0.0]]), torch.tensor([[0.0, 0.0, 4.0]])
    costs = [float(scorer.loss_of(one, truth, 0.0)) for one in (beside, far)]
    likely = [float(torch.nn.functional.cross_entropy(one, truth)) for one in (beside, far)]
    assert likely[0] == pytest.approx(likely[1])
    assert costs[1] > costs[0] + 0.5
    # by hand: the softmax reaches e⁰/z after the first level and 1 − e⁰/z (or 2e⁰/z) after the second
    one = torch.softmax(beside, -1)[0].tolist()
    assert costs[0] - likely[0] == pytest.approx((one[0] - 1) ** 2 + (one[0] + one[1] - 1) ** 2)


def test_unsure_is_who_spreads_over_the_scale(scorer: Scorer) -> None:
    sure, even, ends, near = scorer.predictions(
        torch.tensor([[9.0, -9.0, -9.0], [0.0, 0.0, 0.0], [5.0, -5.0, 5.0], [5.0, 5.0, -5.0]])
    )
    assert sure.label == "1"
    assert sure.uncertainty == pytest.approx(0.0, abs=1e-3)
    assert even.uncertainty == pytest.approx(1.0)
    assert ends.uncertainty == 1.0
    assert near.uncertainty == pytest.approx(0.5 / (2 / 3) ** 0.5, abs=1e-3)
