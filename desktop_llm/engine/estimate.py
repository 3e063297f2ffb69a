"""What a run will take, measured before it starts: real steps on real batches, thrown away afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import evaluate, optim
from desktop_llm.engine.plan import plan
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.nets import buckets
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
    learner.narrow([examples])
    learner.model.to(device.torch).train()
    optimizer = optim.adamw(learner.model, job.recipe)
    numbers = plan(job.recipe, task_named(job.task), len(rows))
    batches = buckets.training_batches(
        examples.lengths, job.recipe.per_device_train_batch_size, seed=0, epoch=0, group_by_length=True
    )
    longest = max(batches, key=lambda batch: int(examples.lengths[batch].max()) * len(batch))
    chosen = [longest, *batches[:STEPS]]
    spent = []
    for indices in chosen:
        began = time.perf_counter()
        for _ in range(job.recipe.gradient_accumulation_steps):
            batch = evaluate.to_device(learner.collate(examples, indices.tolist()), device.torch)
            with device.autocast():
                loss = learner.loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learner.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device.torch.type == "cuda":
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - began)
    typical = sum(spent[1:]) / len(spent[1:])
    parameters = sum(parameter.numel() for parameter in learner.model.parameters())
    return Estimate(
        total_steps=numbers.total_steps,
        seconds_per_step=typical,
        seconds=typical * numbers.total_steps,
        memory=device.memory(),
        disk=4 * parameters * 5,
        parameters=parameters,
        device=device.title,
        precision=device.precision,
    )
