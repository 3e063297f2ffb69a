"""The gradient of a step: cut into slices of similar length it is that of the whole batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine.gradient import Gradient
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of


# rows that are joined make blocks of one length, in which there is nothing to cut
@pytest.mark.parametrize("task", [name for name, one in TASKS.items() if one.learns and not one.writes])
def test_slices_add_up_to_the_batch(tmp_path: Path, task: str) -> None:
    folder = run_folders.make(tmp_path, kind=fixture_of(TASKS[task]).kind, hidden_dropout_prob=0.0)
    job = folder.job()
    torch.manual_seed(0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    device = devices.choose(job.recipe)
    learner.model.train()
    group = [np.arange(80), np.arange(80, 91)]
    found = []
    for group_by_length in (False, True):
        gradient = Gradient(learner, examples, device, group_by_length=group_by_length)
        if group_by_length:
            assert len(gradient.slices(group[0])) > 1, "nothing was cut: the comparison would be empty"
        loss = gradient.add(group)
        found.append((loss, [one.grad for one in learner.model.parameters() if one.grad is not None]))
        learner.model.zero_grad(set_to_none=True)
    (whole_loss, whole), (sliced_loss, sliced) = found
    torch.testing.assert_close(sliced_loss, whole_loss)
    assert len(whole) == len(sliced) > 0
    for one, other in zip(whole, sliced, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_how_a_batch_is_cut_does_not_depend_on_the_threads_of_the_moment() -> None:
    device, threads = devices.choose(Recipe(device="cpu", bf16=False)), torch.get_num_threads()
    try:
        found = set()
        for count in (1, 2):
            torch.set_num_threads(count)
            found.add(device.slice_overhead(1_000_000))
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1
