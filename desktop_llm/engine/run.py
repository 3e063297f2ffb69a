"""Runs a run folder to its end: the engine's entry, the same for a thread, a process and the command line."""

from __future__ import annotations

import json
import random
import shutil
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

from desktop_llm import atomic, log
from desktop_llm.engine import checkpoint, continuing, evaluate, optimizers, overlap, rate, retention, what_learns
from desktop_llm.engine import device as devices
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.loop import Loop, Outcome
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.peak import peak
from desktop_llm.engine.plan import plan
from desktop_llm.engine.predict import NOTE
from desktop_llm.engine.progress import OnEvent, Voice
from desktop_llm.engine.stepper import Stepper
from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.jobs import prediction, snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Interrupted, Started
from desktop_llm.jobs.folder import EventLog, RunFolder
from desktop_llm.jobs.forecast import taken
from desktop_llm.jobs.job import Job
from desktop_llm.nets.learner import Adapting, Learner, Noting, Packing, Row
from desktop_llm.tasks import task as task_named


def run(folder: Path, on_event: OnEvent, control: Control) -> Event:
    """Run `folder` to its end, from its newest whole checkpoint if there is one; returns the end event.

    Never raises for what can go wrong in a run: the end event is Finished, Interrupted or Failed with a sentence.
    """
    run_folder = RunFolder(folder)
    try:
        events = EventLog(run_folder)
    except OSError as error:
        end: Event = Failed(at=time.time(), message=from_os_error(error, "write to the run", folder).message)
        on_event(end)
        return end
    voice = Voice(events, on_event, control)
    try:
        end = _guarded(run_folder, voice, control)
        with suppress(OSError):  # a full disk: the caller still hears it
            events.append(end)
        on_event(end)
    finally:
        with suppress(OSError):
            events.close()
    return end


def _guarded(run_folder: RunFolder, voice: Voice, control: Control) -> Event:
    """Run, and turn whatever stops it into an end event."""
    devices.settle_thread()
    try:
        with devices.memory_sentences():
            return _run(run_folder, voice, control)
    except Cancelled:
        return Interrupted(at=time.time(), step=checkpoint.newest_step(run_folder.checkpoints))
    except UserError as error:
        return Failed(at=time.time(), message=error.message, details=error.details)
    except OSError as error:
        return Failed(at=time.time(), message=from_os_error(error, "go on with the run in", run_folder.path).message)
    except Exception as error:  # noqa: BLE001 - our bug: the window must still hear the end, and the log the traceback
        log.logger("engine").exception("the run failed")
        message = f"The run ended by a defect of the program ({type(error).__name__}); details are in its log."
        return Failed(at=time.time(), message=message, details=traceback.format_exc())


def _run(run_folder: RunFolder, voice: Voice, control: Control) -> Event:
    job = run_folder.job()
    wrong = snapshot.verify(run_folder.snapshot)
    if wrong:
        raise UserError(wrong)
    device = devices.choose(job.recipe)
    checkpoint.tidy(run_folder.checkpoints)
    for written in (run_folder.model, run_folder.adapter, run_folder.predictions):
        atomic.recover(written)
    source, complaints = checkpoint.newest(run_folder.checkpoints)
    for complaint in complaints:
        before = "the one before is used" if source else "the run starts anew"
        voice.note(f"A checkpoint is damaged and was removed ({complaint}); {before}.", "warning")
    random.seed(job.recipe.seed)
    np.random.seed(job.recipe.seed)
    torch.manual_seed(job.recipe.seed)
    learner, parameters, splits = _learner(job, run_folder, source, voice)
    device.take(learner.model)
    parts = _parts(job, run_folder, learner, splits, device, voice, control)
    stepper = Stepper(learner, splits["train"].examples, job.recipe, device, parts.plan.total_steps)
    loop = Loop(parts, stepper)
    if source is not None:
        restored = checkpoint.restore(source, learner, stepper.restore)
        loop.progress = continuing.take_up(job, run_folder, restored, parts.plan, voice)
        if loop.progress.precision != device.precision:
            voice.note(f"Goes on in {device.precision}; it was started in {loop.progress.precision}.", "warning")
    voice.say(
        Started(
            at=time.time(),
            total_steps=parts.plan.total_steps,
            steps_per_epoch=parts.plan.steps_per_epoch,
            parameters=parameters,
            device=device.title,
            precision=device.precision,
            resumed_at=loop.progress.step,
            threads=torch.get_num_threads() if device.torch.type == "cpu" else 0,
            peak=parts.peak,
        )
    )
    continuing.say_of_device(job, device, voice)
    if source is None:
        loop.advise(overlap.advice({split: one.rows for split, one in splits.items()}))
    patience = job.recipe.early_stopping_patience
    ended_early = bool(patience) and loop.progress.waited >= patience
    if not ended_early:
        loop.settle()
    outcome: Outcome = "early_stopped" if ended_early else loop.run()
    if outcome == "left":
        return Interrupted(at=time.time(), step=loop.progress.step)
    return _finish(run_folder, parts, splits, loop, outcome)


def _learner(
    job: Job, run_folder: RunFolder, source: Path | None, voice: Voice
) -> tuple[Learner, int, dict[str, Split]]:
    """The learner at its start, the number of its model's parameters, and all splits encoded."""

    def rows(split: str) -> Iterable[Row]:
        return snapshot.rows(run_folder.snapshot, split)

    learner = task_named(job.task).open_learn().build(job, rows, source, voice.preparing)
    splits = {}
    for split in snapshot.SPLITS:
        kept = list(rows(split))
        examples = learner.encode(kept, voice.preparing)
        if split == "train" and isinstance(learner, Packing):
            examples = learner.pack(examples)
        splits[split] = Split(kept, examples)
    for note in learner.notes if isinstance(learner, Noting) and source is None else ():
        voice.note(note, "warning")
    what_learns.settle(learner, job.recipe)
    if source is None and (told := what_learns.words(learner)):
        voice.note(told)
    parameters = optimizers.count(learner.model)
    learner.narrow([one.examples for one in splits.values()])
    return learner, parameters, splits


def _parts(
    job: Job,
    run_folder: RunFolder,
    learner: Learner,
    splits: dict[str, Split],
    device: devices.Device,
    voice: Voice,
    control: Control,
) -> Parts:
    task = task_named(job.task)
    return Parts(
        job=job,
        learner=learner,
        train=splits["train"],
        validation=splits["validation"],
        device=device,
        plan=plan(job.recipe, task, len(splits["train"].examples)),
        score=task.open_score(),
        classes=tuple(job.schema.get("classes", ())),
        voice=voice,
        control=control,
        checkpoints=run_folder.checkpoints,
        dynamics=run_folder.dynamics,
        peak=rate.peak(device),
    )


def _finish(run_folder: RunFolder, parts: Parts, splits: dict[str, Split], loop: Loop, outcome: Outcome) -> Event:
    """Take the model to keep, write it, measure it on what was held out, tidy up."""
    best, step = run_folder.checkpoints / checkpoint.BEST, loop.progress.step
    if parts.job.recipe.load_best_model_at_end and best.is_dir() and loop.progress.best is not None:
        wrong = atomic.damage(best)
        if wrong:
            raise UserError(f"The best model is damaged ({wrong}); run the training again.")
        parts.learner.adopt(best)
        step = loop.progress.best_step
    else:
        loop.put_average()
    try:
        with atomic.new_folder(run_folder.model) as filling:
            parts.learner.save(filling)
            atomic.write_json(filling / NOTE, {"task": parts.job.task, "run": parts.job.number})
        if parts.job.recipe.lora_r and isinstance(parts.learner, Adapting):
            with atomic.new_folder(run_folder.adapter) as filling:
                parts.learner.save_adapter(filling)
    except SafetensorError as error:
        raise UserError(f"The model could not be written ({error}); check the disk's free space and resume.") from error
    kept: dict[str, float] = {}
    with atomic.new_folder(run_folder.predictions, manifest=False) as filling:
        for split in ("validation", "test"):
            if len(splits[split]):
                metrics = _measure_at_end(parts, split, splits[split], step, filling)
                kept = kept or metrics
    loop.finish()
    shutil.rmtree(best, ignore_errors=True)
    retention.tidy(run_folder.checkpoints, replace(retention.of(parts.job.recipe), last=1))
    spent = taken(run_folder.read_events())
    return Finished(
        at=time.time(),
        step=loop.progress.step,
        reason=outcome,
        seconds=loop.progress.seconds,
        metrics=kept,
        message=continuing.compared(parts.job, run_folder),
        whole=spent.seconds,
        memory=max(spent.memory, peak(parts.device.torch)),
    )


def _measure_at_end(parts: Parts, name: str, split: Split, step: int, folder: Path) -> dict[str, float]:
    scores, answers = evaluate.measure(
        parts.learner,
        split,
        parts.device,
        parts.job.recipe.per_device_eval_batch_size,
        parts.classes,
        parts.score,
        parts.voice.beat,
    )
    write_predictions(folder / f"{name}.jsonl", split.rows, answers)
    parts.voice.say(
        Evaluated(
            at=time.time(), step=step, split=name, metrics=scores.metrics, best=True, final=True, details=scores.details
        )
    )
    return dict(scores.metrics)


def write_predictions(path: Path, rows: Sequence[Row], answers: Sequence[prediction.Prediction]) -> None:
    """One line a row: its id and the prediction. Raises OSError."""
    with path.open("w", encoding="utf-8") as file:
        for row, answer in zip(rows, answers, strict=True):
            file.write(json.dumps({"id": row["id"], **prediction.to_json(answer)}, ensure_ascii=False) + "\n")
