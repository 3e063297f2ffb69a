"""The gradient of a step: cut into slices of similar length it is that of the whole batch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

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


class _Converted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts how often each tensor of float32 is made one of bfloat16."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[int] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and kwargs.get("dtype") == torch.bfloat16:
            self.counts[args[0].data_ptr()] += 1
        return func(*args, **kwargs)


def test_half_precision_converts_each_weight_once_a_step_to_the_same_bits(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, hidden_dropout_prob=0.0, bf16=True)
    job = folder.job()
    torch.manual_seed(0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[job.task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    learner.model.train()
    gradient = Gradient(learner, examples, devices.choose(job.recipe), group_by_length=True)
    batch = np.arange(80)
    slices = gradient.slices(batch)
    assert len(slices) > 1
    with _Converted() as converted:
        gradient.add([batch])
    matrices = [one for name, one in learner.model.named_parameters() if one.ndim == 2 and "embed" not in name]
    assert matrices
    assert {converted.counts[one.data_ptr()] for one in matrices} == {1}
    together = [one.grad for one in learner.model.parameters() if one.grad is not None]
    learner.model.zero_grad(set_to_none=True)
    for part in slices:
        with gradient.device.autocast():
            loss = learner.loss(learner.collate(examples, part.tolist())) * (len(part) / len(batch))
        loss.backward()  # type: ignore[no-untyped-call]
    apart = [one.grad for one in learner.model.parameters() if one.grad is not None]
    assert len(together) == len(apart) > 0
    assert all(torch.equal(one, other) for one, other in zip(together, apart, strict=True))


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
