"""Answers of a finished model, loaded once and asked often, from several threads if need be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import evaluate, reference
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.explanation import Attention, Explanation
from desktop_llm.jobs.model_note import task_of
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import buckets, model_folder
from desktop_llm.nets.learner import Explaining, Noting, Outputs, Row
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Scores

BATCH = 64
PLACES = 4096
FAR_PLACES = 32_768
"""Padded tokens that are computed at once for answers, on a processor and on a GPU: it is they that take memory."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Figures, one answer a row, and, where answers are classes of whole texts, logits float32 [rows, classes]."""

    scores: Scores
    answers: Sequence[Prediction]
    logits: np.ndarray | None


class Predictor:
    """A model folder ready to answer."""

    def __init__(self, folder: Path, recipe: Recipe | None = None) -> None:
        """Load it on the device of `recipe` (automatic). Raises UserError."""
        self.folder = folder
        self._stamp = stamp(folder)
        self.task = task_named(task_of(folder))
        self.device = devices.choose(recipe or Recipe(bf16=False))
        model_folder.check_whole(folder)
        with devices.memory_sentences():
            self.learner = self.task.open_learn().load(folder)
            self.device.take(self.learner.model)
        self.learner.model.eval()
        self._before = reference.Before(folder, self.learner, self.device)
        self._encoding = threading.Lock()
        self._overhead = self.device.slice_overhead(sum(one.numel() for one in self.learner.model.parameters()))

    def settle(self) -> None:
        """From now on it answers alone: nobody measures it, saves it, or gives it other weights."""
        self.device.pack(self.learner.model)

    def is_of(self, folder: Path) -> bool:
        """Whether this is the model in `folder`, as it is on disk now."""
        return folder == self.folder and stamp(folder) == self._stamp

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One answer a row, in their order, in float32. Rows need the task's content fields, no label."""
        return self.learner.predictions(self._outputs(self._split(rows))) if rows else []

    def wide(self, rows: Sequence[Row]) -> list[Prediction]:
        """As `predict`, with the chances of all labels in `top` where answers are chances of classes."""
        if not isinstance(self.learner, Explaining) or not rows:
            return self.predict(rows)
        outputs = self._outputs(self._split(rows))
        assert isinstance(outputs, torch.Tensor)
        every = self.learner.chances(outputs).tolist()
        return [
            replace(one, top=tuple(sorted(zip(self.learner.classes, told, strict=True), key=lambda pair: -pair[1])))
            for one, told in zip(self.learner.predictions(outputs), every, strict=True)
        ]

    def explain(
        self,
        row: Row,
        label: str = "",
        *,
        on_doing: Callable[[str], None] = lambda words: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Explanation:
        """Why `label` ('': the likeliest) has its chance for a row. Raises UserError, Cancelled."""
        from desktop_llm.engine import explaining

        with devices.memory_sentences():
            return explaining.explain(self, row, label, on_doing, should_stop)

    def attention(self, row: Row) -> Attention:
        """What each head of the model makes of a row. Raises UserError."""
        from desktop_llm.nets import attention_maps

        with devices.memory_sentences():
            return attention_maps.maps(self.learner, row)

    def outputs(self, rows: Sequence[Row]) -> Outputs:
        """The model's raw outputs (for classifiers the logits), float32, one row a row."""
        return self._outputs(self._split(rows, referring=False))

    def evaluate(
        self, rows: Sequence[Row], classes: Sequence[str], on_rows: Callable[[int], None] = lambda done: None
    ) -> Evaluated:
        """Figures and answers on rows with labels in names; `on_rows` hears how many are answered."""
        done = 0

        def on_batch() -> None:
            nonlocal done
            done = min(len(rows), done + BATCH)
            on_rows(done)

        split = self._split(rows)
        with devices.memory_sentences():
            outputs = evaluate.outputs_of(Spread(self.learner), split, self.device, BATCH, on_batch)
        scores, answers = evaluate.judged(self.learner, split, outputs, classes, self.task.open_score())
        if self.task.loop is None or not isinstance(outputs, torch.Tensor):
            return Evaluated(scores, answers, None)
        return Evaluated(scores, answers, np.asarray(outputs.numpy(), np.float32))

    def _split(self, rows: Sequence[Row], *, referring: bool = True) -> Split:
        """Rows encoded; `referring`: they know what the model at the start makes of them, where it is still there."""
        with self._encoding:  # a tokenizer has settings of its own, and what a learner notes is one for all
            split = Split(rows, self.learner.encode(rows, _silent))
            if isinstance(self.learner, Noting):
                self.learner.notes = []  # they are for who trains; here they would become ever more
            if referring:
                with devices.memory_sentences():
                    self._before.tell(split, BATCH)
        return split

    def _outputs(self, split: Split) -> Outputs:
        most = PLACES if self.device.torch.type == "cpu" else FAR_PLACES
        batches = buckets.answering_batches(split.examples.lengths, self._overhead, most)
        with devices.memory_sentences():
            return evaluate.outputs_in(Spread(self.learner), split, self.device, batches, _nothing)


def stamp(folder: Path) -> int:
    """When the weights of a folder were written; 0 where there are none."""
    weights = folder / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else 0


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody asked how the encoding goes."""


def _nothing() -> None:
    """Nobody asked for a sign of life."""
