"""Runs a run folder to its end: the engine's entry, the same for a thread, a process and the command line."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

from desktop_llm import atomic, log
from desktop_llm.engine import (
    checkpoint,
    continuing,
    evaluate,
    optimizers,
    overlap,
    rate,
    reference,
    retention,
    teaching,
    what_learns,
)
from desktop_llm.engine import device as devices
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.loop import Loop, Outcome
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.peak import peak
from desktop_llm.engine.plan import plan
from desktop_llm.engine.progress import OnEvent, Voice
from desktop_llm.engine.ranks import ALONE, PeerLostError, Ranks
from desktop_llm.engine.spread import Spread, over
from desktop_llm.engine.stepper import Stepper
from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.jobs import prediction, snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Interrupted, Started
from desktop_llm.jobs.folder import EventLog, RunFolder
from desktop_llm.jobs.forecast import taken
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.model_note import NOTE
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.nets.learner import Adapting, Learner, Noting, Packing, Row, Shelving
from desktop_llm.nets.token_shelf import Shelf
from desktop_llm.tasks import task as task_named


def run(folder: Path, on_event: OnEvent, control: Control, ranks: Ranks = ALONE) -> Event:
    """Run `folder` to its end, from its newest whole checkpoint if there is one; returns the end event.

    Never raises for what can go wrong in a run: the end event is Finished, Interrupted or Failed with a sentence. Of
    several processes the first alone speaks. Where another one has gone the run has not ended: its file gets no end.
    """
    run_folder = RunFolder(folder)
    if not ranks.first:
        return _unheard(run_folder, Voice(None, on_event, control), control, ranks)
    try:
        events = EventLog(run_folder)
    except OSError as error:
        end: Event = Failed(at=time.time(), message=from_os_error(error, "write to the run", folder).message)
        on_event(end)
        return end
    voice = Voice(events, on_event, control)
    try:
        end = _guarded(run_folder, voice, control, ranks)
        with suppress(OSError):  # a full disk: the caller still hears it
            events.append(end)
        on_event(end)
    except PeerLostError as error:
        end = Failed(at=time.time(), message=str(error))
        with suppress(OSError):
            voice.note(f"{error} Once they are started again, the run goes on from its newest checkpoint.", "warning")
    finally:
        with suppress(OSError):
            events.close()
    return end


def _unheard(run_folder: RunFolder, voice: Voice, control: Control, ranks: Ranks) -> Event:
    """Run as one of the processes that do not speak; what ends them stands in the program's log alone."""
    try:
        end = _guarded(run_folder, voice, control, ranks)
    except PeerLostError as error:
        end = Failed(at=time.time(), message=str(error))
    if isinstance(end, Failed):
        log.logger("engine").error("process %d of the run: %s %s", ranks.rank + 1, end.message, end.details)
    return end


def _guarded(run_folder: RunFolder, voice: Voice, control: Control, ranks: Ranks) -> Event:
    """Run, and turn whatever stops it into an end event. Raises PeerLostError."""
    devices.settle_thread(ranks.near)
    try:
        with devices.memory_sentences():
            return _meet(run_folder, voice, control, ranks)
    except Cancelled:
        return Interrupted(at=time.time(), step=checkpoint.newest_step(run_folder.checkpoints))
    except UserError as error:
        return Failed(at=time.time(), message=error.message, details=error.details)
    except OSError as error:
        return Failed(at=time.time(), message=from_os_error(error, "go on with the run in", run_folder.path).message)
    except Exception as error:
        if ranks.has_lost_one(error):
            log.logger("engine").warning("process %d of the run: %s", ranks.rank + 1, error)
            raise PeerLostError("Another of the run's processes has ended.") from error
        # our bug: the window must still hear the end, and the log the traceback
        log.logger("engine").exception("the run failed")
        message = f"The run ended by a defect of the program ({type(error).__name__}); details are in its log."
        return Failed(at=time.time(), message=message, details=traceback.format_exc())


def _meet(run_folder: RunFolder, voice: Voice, control: Control, ranks: Ranks) -> Event:
    job = run_folder.job()
    with ranks.group(job.recipe.device):
        return _run(job, run_folder, voice, control, ranks)


def _run(job: Job, run_folder: RunFolder, voice: Voice, control: Control, ranks: Ranks) -> Event:
    device = ranks.agreed(lambda: _checked(job, run_folder, ranks))
    source = ranks.told(ranks.agreed(lambda: _source(run_folder, voice) if ranks.first else None))
    random.seed(job.recipe.seed)
    np.random.seed(job.recipe.seed)
    torch.manual_seed(job.recipe.seed)
    learner, parameters, splits = ranks.agreed(lambda: _learner(job, run_folder, source, voice))
    _compare(ranks, splits["train"])
    spread = ranks.agreed(lambda: over(learner, job.recipe, device, ranks))
    ranks.agreed(lambda: what_learns.save_memory(learner, job.recipe, device))
    reference.settle(job, run_folder, spread, splits, device, voice, resumed=source is not None)
    splits["train"] = teaching.settle(job, run_folder, spread, splits["train"], device, voice)
    batch = (checkpoint.standing(source).rows if source is not None else 0) or (
        job.recipe.per_device_train_batch_size * ranks.world
    )
    parts = _parts(job, run_folder, spread, splits, device, voice, control, batch)
    stepper = Stepper(learner, splits["train"].examples, job.recipe, device, parts.plan.total_steps, spread)
    loop = Loop(parts, stepper)
    if source is not None:
        restored = checkpoint.restore(source, spread, stepper.restore)
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


def _checked(job: Job, run_folder: RunFolder, ranks: Ranks) -> devices.Device:
    """The device, once the frozen data was found to be whole."""
    wrong = snapshot.verify(run_folder.snapshot)
    if wrong:
        raise UserError(wrong)
    return devices.choose(job.recipe, ranks)


def _source(run_folder: RunFolder, voice: Voice) -> Path | None:
    """The checkpoint to go on from, once what a crash has left is tidied away."""
    checkpoint.tidy(run_folder.checkpoints)
    for written in (run_folder.model, run_folder.adapter, run_folder.predictions):
        atomic.recover(written)
    source, complaints = checkpoint.newest(run_folder.checkpoints)
    for complaint in complaints:
        before = "the one before is used" if source else "the run starts anew"
        voice.note(f"A checkpoint is damaged and was removed ({complaint}); {before}.", "warning")
    return source


def _compare(ranks: Ranks, train: Split) -> None:
    """Raise UserError where the processes have not encoded the same examples: they would learn from a mixture."""
    mine = hashlib.sha256(np.ascontiguousarray(train.examples.lengths).tobytes()).hexdigest()
    if not ranks.decided(len(set(ranks.gathered(mine))) <= 1)[0]:
        raise UserError("The processes of the run do not see the same data; give each machine the same run folder.")


def _learner(
    job: Job, run_folder: RunFolder, source: Path | None, voice: Voice
) -> tuple[Learner, int, dict[str, Split]]:
    """The learner at its start, the number of its model's parameters, and all splits encoded."""

    learned = snapshot.Listed(run_folder.snapshot)  # it may be more than the memory holds

    def rows(split: str) -> Iterable[Row]:
        return learned if split == "train" else snapshot.rows(run_folder.snapshot, split)

    learner = task_named(job.task).open_learn().build(job, rows, source, voice.preparing)
    splits: dict[str, Split] = {}
    kept: Sequence[Row]
    for split in snapshot.SPLITS:
        kept = learned if split == "train" else list(rows(split))
        if isinstance(learner, Shelving):
            learner.shelf = Shelf(run_folder.tokens, str(job.snapshot["sha256"]), split)
        examples = learner.encode(kept, voice.preparing)
        if split == "train" and isinstance(learner, Packing):
            examples = learner.pack(examples)
        splits[split] = Split(kept, examples)
    if isinstance(learner, Shelving):
        learner.shelf = None
    if source is None:  # who goes on needs no folder that it began with, and has heard all this
        noted = learner.notes if isinstance(learner, Noting) else ()
        for note in (*what_learns.start_notes(job.recipe), *noted):
            voice.note(note, "warning")
    what_learns.settle(learner, job.recipe)
    # from scratch all learns but what is reckoned, such as the sines of positions
    if source is None and job.recipe.model != SCRATCH and (told := what_learns.words(learner)):
        voice.note(told)
    parameters = optimizers.count(learner.model)
    learner.narrow([one.examples for one in splits.values()])
    return learner, parameters, splits


def _parts(
    job: Job,
    run_folder: RunFolder,
    spread: Spread,
    splits: dict[str, Split],
    device: devices.Device,
    voice: Voice,
    control: Control,
    batch: int,
) -> Parts:
    task = task_named(job.task)
    return Parts(
        job=job,
        learner=spread.learner,
        train=splits["train"],
        validation=splits["validation"],
        device=device,
        plan=plan(job.recipe, task, len(splits["train"].examples), batch),
        score=task.open_score(),
        classes=tuple(job.schema.get("classes", ())),
        voice=voice,
        control=control,
        checkpoints=run_folder.checkpoints,
        dynamics=run_folder.dynamics,
        ranks=spread.ranks,
        spread=spread,
        peak=rate.peak(device) * spread.ranks.world,
        weights=_weights(run_folder, len(splits["train"].examples)),
    )


def _weights(run_folder: RunFolder, examples: int) -> np.ndarray | None:
    """How often each training example is drawn. Raises UserError where it is not known of each."""
    told = snapshot.weights(run_folder.snapshot)
    if told is not None and len(told) != examples:
        raise UserError("What this run learns from cannot be balanced (“balance_by”); leave that empty.")
    return None if told is None else np.asarray(told, dtype=np.float64)


def _finish(run_folder: RunFolder, parts: Parts, splits: dict[str, Split], loop: Loop, outcome: Outcome) -> Event:
    """Take the model to keep, write it, measure it on what was held out, tidy up."""
    first = parts.ranks.first
    step = _settle_weights(run_folder, parts, loop)
    if first:
        _write(run_folder, parts)
    kept: dict[str, float] = {}
    with atomic.new_folder(run_folder.predictions, manifest=False) if first else nullcontext() as filling:
        for split in ("validation", "test"):
            if len(splits[split]):
                metrics = _measure_at_end(parts, split, splits[split], step, filling)
                kept = kept or metrics
    loop.finish()
    if not first:
        return Finished(at=time.time(), step=loop.progress.step, reason=outcome, seconds=loop.progress.seconds)
    shutil.rmtree(run_folder.checkpoints / checkpoint.BEST, ignore_errors=True)
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


def _settle_weights(run_folder: RunFolder, parts: Parts, loop: Loop) -> int:
    """Give the learner the weights that are kept, and `whole` all of them; the step that they are of."""
    best, spread = run_folder.checkpoints / checkpoint.BEST, parts.spread
    wanted = parts.job.recipe.load_best_model_at_end and loop.progress.best is not None
    if not parts.ranks.decided(wanted and best.is_dir())[0]:
        loop.put_average()
        spread.gather()
        return loop.progress.step

    def adopt() -> None:
        wrong = atomic.damage(best)
        if wrong:
            raise UserError(f"The best model is damaged ({wrong}); run the training again.")
        spread.whole.adopt(best)

    parts.ranks.agreed(adopt if parts.ranks.first else lambda: None)
    spread.scatter()
    return loop.progress.best_step


def _write(run_folder: RunFolder, parts: Parts) -> None:
    """The model that is kept, and of one with adapters these, too."""
    learner = parts.spread.whole
    try:
        with atomic.new_folder(run_folder.model) as filling:
            learner.save(filling)
            atomic.write_json(filling / NOTE, {"task": parts.job.task, "run": parts.job.number})
        if parts.job.recipe.lora_r and isinstance(learner, Adapting):
            with atomic.new_folder(run_folder.adapter) as filling:
                learner.save_adapter(filling)
    except SafetensorError as error:
        raise UserError(f"The model could not be written ({error}); check the disk's free space and resume.") from error


def _measure_at_end(parts: Parts, name: str, split: Split, step: int, folder: Path | None) -> dict[str, float]:
    """The figures of a split, its answers written to `folder`; of several processes the first has them."""
    scores, answers = evaluate.measure(
        parts.spread,
        split,
        parts.device,
        parts.job.recipe.per_device_eval_batch_size,
        parts.classes,
        parts.score,
        parts.voice.beat,
    )
    if folder is None:
        return {}
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
