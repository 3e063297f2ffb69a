"""What a run will take, measured before it starts: real steps on real batches, thrown away afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import optimizers, what_learns
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.plan import plan
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Packing
from desktop_llm.tasks import task as task_named

STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`seconds` for all steps (without measuring), `memory` in bytes at the longest batch, `disk` in bytes kept."""

    total_steps: int
    seconds_per_step: float
    seconds: float
    memory: int
    disk: int
    parameters: int
    device: str
    precision: str


def estimate(folder: Path) -> Estimate:
    """Measure the run in `folder` by its longest batch and a few typical ones. Raises UserError."""
    with devices.memory_sentences():
        return _estimate(folder)


def _estimate(folder: Path) -> Estimate:
    run_folder = RunFolder(folder)
    job = run_folder.job()
    device = devices.choose(job.recipe)
    torch.manual_seed(job.recipe.seed)
    learner = (
        task_named(job.task)
        .open_learn()
        .build(job, lambda split: snapshot.rows(run_folder.snapshot, split), None, lambda *_: None)
    )
    rows = list(snapshot.rows(run_folder.snapshot, "train"))
    examples = learner.encode(rows, lambda *_: None)
    if isinstance(learner, Packing):
        examples = learner.pack(examples)
    what_learns.settle(learner, job.recipe)
    parameters = optimizers.count(learner.model)
    learner.narrow([examples])
    device.take(learner.model)
    learner.model.train()
    optimizer = optimizers.Optimizers(learner.model, job.recipe)
    numbers = plan(job.recipe, task_named(job.task), len(examples))
    lengths, per_step = examples.lengths, job.recipe.gradient_accumulation_steps
    gradient = Gradient(learner, examples, device, group_by_length=job.recipe.group_by_length)
    batches = buckets.training_batches(
        len(examples), job.recipe.per_device_train_batch_size, seed=0, epoch=0, strata=examples.strata
    )
    longest = max(batches, key=lambda batch: int(lengths[batch].max()) * len(batch))
    steps = [batches[start : start + per_step] for start in range(0, len(batches), per_step)]
    spent = []
    for group in ([longest] * per_step, *steps[:STEPS]):
        began = time.perf_counter()
        gradient.add(group)
        torch.nn.utils.clip_grad_norm_(learner.model.parameters(), 1.0)
        optimizer.step()
        if device.torch.type == "cuda":
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - began)
    typical = sum(spent[1:]) / len(spent[1:])
    # at the worst moment: the checkpoints that are kept, one being written, the best model and the one being written
    folders = job.recipe.save_total_limit + 1
    return Estimate(
        total_steps=numbers.total_steps,
        seconds_per_step=typical,
        seconds=typical * numbers.total_steps,
        memory=device.memory(),
        disk=4 * ((folders + 2) * parameters + folders * 2 * optimizers.count(learner.model)),
        parameters=parameters,
        device=device.title,
        precision=device.precision,
    )
