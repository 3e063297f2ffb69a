"""What a model says of a run's examples as the run begins: asked once, kept, so that no second model stays in memory.

    reference/<hash>/  outputs.safetensors MANIFEST.json

The hash is that of the tokens that the model is given (so of data, tokenizer and template) and of the weights that it
begins with. Whoever finds a folder by it, whole, need not ask again: a resumed run, or one who measures later.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from desktop_llm import atomic
from desktop_llm.engine import evaluate
from desktop_llm.engine.device import Device
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.progress import Voice
from desktop_llm.engine.spread import Spread, over
from desktop_llm.errors import UserError
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets.learner import Learner, Outputs, Referring

OUTPUTS = "outputs.safetensors"
ASKING = "Asking the model as it begins"


def settle(
    job: Job,
    run_folder: RunFolder,
    spread: Spread,
    splits: Mapping[str, Split],
    device: Device,
    voice: Voice,
    *,
    resumed: bool,
) -> None:
    """Let the examples of a run know the model at the start, before its first step or the checkpoint it goes on from.

    Raises UserError, Cancelled.
    """
    learner = spread.learner
    if not isinstance(learner, Referring) or not learner.refers:
        return
    asked = [(_key(job, learner.digest(one.examples)), one) for one in splits.values() if len(one.examples)]
    wanted = dict(asked)  # splits of the same pairs have the same key
    ranks, kept = spread.ranks, run_folder.reference
    read = ((key, _read(kept / key)) for key in wanted) if ranks.first else ()
    found: dict[str, Outputs] = ranks.told({key: outputs for key, outputs in read if outputs is not None})
    missing = {key: split for key, split in wanted.items() if key not in found}
    if missing:
        start = _at_start(job.recipe, spread, device) if resumed else spread
        size, done = job.recipe.per_device_eval_batch_size, 0
        total = sum(-(-len(split.examples) // (size * ranks.world)) for split in missing.values())

        def heard() -> None:
            nonlocal done
            done += 1
            # several processes meet in what they compute: none may leave alone
            voice.preparing(ASKING, done, total) if ranks.alone else voice.beat()

        for key, split in missing.items():
            found[key] = ranks.told(evaluate.outputs_of(start, split, device, size, heard))
            if ranks.first:
                _write(kept / key, found[key], voice)
    for key, split in asked:
        learner.refer(split.examples, found[key])
    if ranks.first:
        _tidy(kept, wanted)


class Before:
    """The model at the start of a finished one, for whoever measures by hand."""

    def __init__(self, folder: Path, learner: Learner, device: Device) -> None:
        """`folder` is the model's, of a run or exported; the learner is on its device. Nothing is loaded yet."""
        self._learner, self._device = learner, device
        self._run = RunFolder(folder.parent) if folder == RunFolder(folder.parent).model else None
        self._start: Learner | None = None

    def tell(self, split: Split, batch_size: int, on_batch: Callable[[], None] = lambda: None) -> None:
        """Let examples know it, where what it said is kept or it is still there; else they stay as they are."""
        learner, run = self._learner, self._run
        if run is None or not len(split.examples) or not isinstance(learner, Referring) or not learner.refers:
            return
        try:
            outputs: Outputs | None = _read(run.reference / _key(run.job(), learner.digest(split.examples)))
            if outputs is None:
                outputs = self._asked(split, batch_size, on_batch)
        except UserError:  # it was moved away or is another one by now: there is nothing to measure from
            return
        if outputs is not None:
            learner.refer(split.examples, outputs)

    def _asked(self, split: Split, batch_size: int, on_batch: Callable[[], None]) -> Outputs | None:
        assert isinstance(self._learner, Referring)
        if self._start is None:
            self._start = self._learner.at_start()
            if self._start is None:
                return None
            self._device.take(self._start.model)
        return evaluate.outputs_of(Spread(self._start), split, self._device, batch_size, on_batch)


def _at_start(recipe: Recipe, spread: Spread, device: Device) -> Spread:
    """The model at the start of a run that goes on, before it has taken over a checkpoint. Raises UserError."""
    if recipe.lora_r:  # what lies beside the model does nothing yet
        return spread
    assert isinstance(spread.learner, Referring)
    start = spread.learner.at_start()
    if start is None:
        raise UserError(
            "What the model said before it learned is no longer there, and cannot be asked again; start a new run."
        )
    return over(start, recipe, device, spread.ranks)


def _key(job: Job, digest: str) -> str:
    recipe = job.recipe
    told: list[Any] = [digest, job.start, recipe.load_in_4bit]
    if recipe.model == SCRATCH:
        told += [recipe.seed, recipe.hidden_size, recipe.num_hidden_layers, recipe.num_attention_heads]
        told += [recipe.intermediate_size]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _read(folder: Path) -> torch.Tensor | None:
    if not folder.is_dir() or atomic.damage(folder):
        return None
    try:
        return load_file(folder / OUTPUTS)["outputs"]
    except (OSError, SafetensorError, KeyError):
        return None


def _write(folder: Path, outputs: Outputs, voice: Voice) -> None:
    """A disk that refuses ends no run: who goes on with it asks once more."""
    if not isinstance(outputs, torch.Tensor):
        raise TypeError("only one row an example can be kept")
    try:
        with atomic.new_folder(folder) as filling:
            save_file({"outputs": outputs.contiguous()}, filling / OUTPUTS)
    except (OSError, SafetensorError) as error:
        voice.note(f"What the model says as it begins could not be kept ({error}).", "warning")


def _tidy(kept: Path, wanted: Mapping[str, Split]) -> None:
    """What a run said of other examples, before its recipe was changed, is of no use any more."""
    for folder in kept.glob("*"):
        if folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)
