"""What a run will take, measured before it starts: real steps on real batches, a real evaluation, a real checkpoint.

All of it is thrown away. To be called in a process of its own: on a processor the peak is that of the whole process.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from desktop_llm.engine import checkpoint, evaluate, fitting, flops, pace, retention
from desktop_llm.engine import device as devices
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.energy import Meter
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.fitting import Memory
from desktop_llm.engine.host_copy import HostCopy
from desktop_llm.engine.keeping import SAVE_SHARE
from desktop_llm.engine.optimizers import States
from desktop_llm.engine.pace import Pace
from desktop_llm.engine.peak import Watch
from desktop_llm.engine.plan import AUTOMATIC_SAVE_SECONDS
from desktop_llm.engine.spread import Spread
from desktop_llm.engine.trial import Trial, Work
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.forecast import Forecast, costly, machine
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.snapshot import UNLABELED
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Referring, Report

EVALUATION_SECONDS = 3.0
BYTES_AN_EVENT = 320

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What was found: the steps, watts, whole evaluations by split, and what is written, in seconds and bytes."""

    works: list[Work]
    memory: Memory
    pace: Pace
    watts: float | None
    evaluation: dict[str, float]
    asking: float
    """What it takes to ask the model at the start, or a teacher, in seconds."""
    checkpoint: tuple[float, int]
    model: tuple[float, int]


def measure(folder: Path, report: Report = lambda *_: None, clock: Clock = time.perf_counter) -> Forecast:
    """Measure the run that is frozen in `folder`, which lies on the run's disk. Raises UserError, Cancelled."""
    run_folder = RunFolder(folder)
    devices.settle_thread(run_folder.job().recipe.num_processes)
    with devices.memory_sentences():
        trial = Trial(run_folder, clock, report)
        watch = Watch(trial.device.torch)
        report("Measuring steps", 0, 0)
        works = [trial.work(group) for group in trial.groups]
        longest = max(range(len(works)), key=lambda place: works[place].largest)
        memory = fitting.climb(trial, trial.groups[longest], watch)
        steps, watts = _steps(trial, works, memory, clock)
        if memory.whole:  # once more, after the process has grown, while a checkpoint waits to be written
            # a short run has but that of its start, of which no optimizer remembers anything yet
            saved = _saves(trial, 0.0, steps.seconds(works, trial.plan.total_steps)) > 1
            states = trial.stepper.states() if saved else States({}, {})
            waiting = checkpoint.take(HostCopy(), trial.learner, states, Progress(step=1))
            trial.step(trial.groups[longest])
            memory = replace(memory, peak=watch.now() + steps.growth(works))
            del waiting
        report("Measuring an evaluation", 0, 0)
        evaluation = {split: _evaluation(trial, split, clock) for split in ("validation", "test")}
        report("Writing a checkpoint", 0, 0)
        kept, model = _written(trial, clock)
        most = max(watch.most(), memory.peak)
        report("Looking for the largest batch", 0, 0)
        found = _Measured(
            works=works,
            memory=memory,
            pace=steps,
            watts=watts,
            evaluation=evaluation,
            asking=trial.asking + _asking(trial, evaluation),
            checkpoint=kept,
            model=model,
        )
        return _told(trial, found, most)


def _steps(trial: Trial, works: list[Work], memory: Memory, clock: Clock) -> tuple[Pace, float | None]:
    """The pace of the run's own steps, and watts meanwhile."""
    least = [memory.tried[-1:]]
    if not memory.whole:  # the batch itself does not fit: its time is reckoned from what did
        return pace.measure(trial, [[memory.tried]] * 3, least, clock), None
    groups = [trial.groups[place] for place in pace.spread_out(works, trial.overhead)]
    meter, began = Meter(trial.device.torch), time.perf_counter()
    told = pace.measure(trial, groups, least, clock)
    joules = meter.joules()
    return told, None if joules is None else joules / max(1e-6, time.perf_counter() - began)


def _evaluation(trial: Trial, split: str, clock: Clock) -> float:
    """What measuring a whole split takes, from as much of it as a few seconds allow."""
    rows = trial.rows[split]
    if not rows:
        return 0.0
    size, lengths = trial.recipe.per_device_eval_batch_size, trial.examples[split].lengths
    order = np.argsort(-lengths, kind="stable")
    first = _evaluate(trial, split, order[:size], clock)  # the longest ones: the peak is there
    most = max(size, int(EVALUATION_SECONDS / max(1e-6, first) * min(size, len(rows))))
    some = order if len(order) <= most else order[np.linspace(0, len(order) - 1, most).astype(int)]
    seconds = _evaluate(trial, split, some, clock)
    share = _places(lengths, size) / max(1, _places(lengths[some], size))
    return seconds * share * trial.counts[split] / len(rows)


def _asking(trial: Trial, evaluation: Mapping[str, float]) -> float:
    """What it takes to ask the model at the start about all examples, by what evaluations take of fewer."""
    if not isinstance(trial.learner, Referring) or not trial.learner.refers:
        return 0.0
    size, train = trial.recipe.per_device_eval_batch_size, trial.examples["train"]
    there = {
        split: _places(trial.examples[split].lengths, size) * trial.counts[split] / len(trial.rows[split])
        for split in evaluation
        if trial.rows[split]
    }
    seconds = sum(evaluation.values())
    learned = _places(train.lengths, size) * trial.learned / max(1, len(train))
    return seconds * (1.0 + learned / max(1.0, sum(there.values())))


def _places(lengths: np.ndarray, size: int) -> int:
    return sum(len(batch) * int(lengths[batch].max()) for batch in buckets.evaluation_batches(lengths, size))


def _evaluate(trial: Trial, split: str, places: np.ndarray, clock: Clock) -> float:
    rows = [trial.rows[split][place] for place in places.tolist()]
    some = Split(rows, trial.learner.encode(rows, lambda *_: None))
    classes, score = tuple(trial.job.schema.get("classes", ())), trial.task.open_score()
    began = clock()
    size = trial.recipe.per_device_eval_batch_size
    with trial.stepper.averaged():
        evaluate.measure(Spread(trial.learner), some, trial.device, size, classes, score, lambda: None, decide=True)
    return clock() - began


def _written(trial: Trial, clock: Clock) -> tuple[tuple[float, int], tuple[float, int]]:
    """Seconds and bytes of a checkpoint and of a model alone, copied and written to the run's disk, then removed."""
    folder = trial.folder.checkpoints
    try:
        began = clock()
        states, copies = trial.stepper.states(), HostCopy()
        checkpoint.write(folder / "whole", checkpoint.take(copies, trial.learner, states, Progress(step=1)))
        kept = clock() - began, retention.size(folder / "whole")
        began = clock()
        checkpoint.write(folder / checkpoint.BEST, checkpoint.take(copies, trial.learner))
        model = clock() - began, retention.size(folder / checkpoint.BEST)
    except OSError as error:
        raise from_os_error(error, "write a trial checkpoint to", folder) from error
    except SafetensorError as error:
        raise UserError(f"A trial checkpoint could not be written ({error}); check the disk's free space.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return kept, model


def _told(trial: Trial, found: _Measured, most: int) -> Forecast:
    steps, recipe, world = trial.plan.total_steps, trial.recipe, trial.ranks.world
    stepping = found.pace.seconds(found.works, steps)
    evaluations = math.ceil(steps / trial.plan.eval_steps) if trial.counts["validation"] else 0
    bests = evaluations if recipe.load_best_model_at_end else 0
    measuring = found.evaluation["validation"]
    # the model is written at the end, too, and the best one read before; both splits are measured once more
    ending = 2 * found.model[0] + measuring + found.evaluation["test"]
    # not every measurement is the best so far
    preparing = trial.preparing + found.asking
    middle = preparing + stepping + evaluations * measuring + 0.6 * bests * found.model[0] + ending
    saves = _saves(trial, found.checkpoint[0], middle)
    middle += saves * found.checkpoint[0]
    spread = found.pace.spread * stepping + 0.1 * (middle - stepping) + 0.4 * bests * found.model[0]
    scale = steps / max(1, len(found.works))
    rest = middle - stepping
    offers = () if found.memory.fits else fitting.offers(trial, found.memory, found.pace)
    largest = fitting.largest(trial, found.memory, found.pace)
    folders = recipe.save_total_limit + 1 + _marked(recipe, steps)
    room = folders * found.checkpoint[1] + 2 * found.model[1]
    if recipe.save_gigabytes is not None:  # the newest and the best stay in any case
        least = 2 * (found.checkpoint[1] + found.model[1])
        room = min(room, max(least, int(recipe.save_gigabytes * retention.GIGABYTE) + found.checkpoint[1]))
    return Forecast(
        machine=machine(),
        recipe=costly(recipe),
        rows={**trial.counts, UNLABELED: trial.unlabeled},
        labels=len(trial.job.schema.get("classes", ())),
        device=trial.device.title,
        precision=trial.device.precision,
        parameters=trial.parameters,
        total_steps=steps,
        measured_steps=found.pace.count,
        sampled=trial.sampled,
        seconds_per_step=stepping / steps,
        preparing=preparing,
        evaluation=measuring,
        evaluations=evaluations,
        checkpoint=found.checkpoint[0],
        checkpoints=saves,
        seconds=middle,
        low=max(0.0, middle - spread),
        high=middle + spread,
        memory=most,
        memory_there=found.memory.limit,
        # at the worst moment: the checkpoints that are kept, one being written, the best and the one being written
        disk=room + steps * BYTES_AN_EVENT,
        disk_free=shutil.disk_usage(trial.folder.path).free,
        energy=None if found.watts is None else found.watts * middle / 3600.0,
        flops=scale * world * _computed(trial, found.works),
        slices=scale * sum(len(one.shapes) for one in found.works),
        largest=largest and replace(largest, seconds=largest.seconds + rest),
        offers=tuple(replace(one, seconds=one.seconds + rest) for one in offers),
    )


def _computed(trial: Trial, works: list[Work]) -> float:
    """The FLOPs of steps, with what is computed on padding: that takes its time, too."""
    formula = flops.of(trial.learner)
    return sum(formula.of(np.full(rows, longest)) for one in works for rows, longest in one.shapes)


def _marked(recipe: Recipe, steps: int) -> int:
    """How many checkpoints stay for good."""
    return steps // recipe.save_kept_steps if recipe.save_kept_steps else 0


def _saves(trial: Trial, took: float, seconds: float) -> int:
    """How many checkpoints are written: one at the start, then by steps or by time."""
    if trial.plan.save_steps:
        return 1 + trial.plan.total_steps // trial.plan.save_steps
    return 1 + int(seconds / max(AUTOMATIC_SAVE_SECONDS, SAVE_SHARE * took))
