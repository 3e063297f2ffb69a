"""Answers of a finished model, loaded once and asked often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from desktop_llm.engine import device as devices
from desktop_llm.engine import evaluate
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.model_note import task_of
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import model_folder
from desktop_llm.nets.learner import Outputs, Row
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Scores

BATCH = 64


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

    def is_of(self, folder: Path) -> bool:
        """Whether this is the model in `folder`, as it is on disk now."""
        return folder == self.folder and stamp(folder) == self._stamp

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One answer a row, in their order, in float32. Rows need the task's content fields, no label."""
        return self.learner.predictions(self.outputs(rows)) if rows else []

    def outputs(self, rows: Sequence[Row]) -> Outputs:
        """The model's raw outputs (for classifiers the logits), float32, one row a row."""
        split = Split(rows, self.learner.encode(rows, _silent))
        with devices.memory_sentences():
            return evaluate.outputs_of(Spread(self.learner), split, self.device, BATCH, _nothing)

    def evaluate(self, rows: Iterable[Row], classes: Sequence[str]) -> tuple[Scores, list[Prediction]]:
        """Figures and answers on rows with labels in names."""
        kept = list(rows)
        split = Split(kept, self.learner.encode(kept, _silent))
        score = self.task.open_score()
        with devices.memory_sentences():
            return evaluate.measure(Spread(self.learner), split, self.device, BATCH, classes, score, _nothing)


def stamp(folder: Path) -> int:
    """When the weights of a folder were written; 0 where there are none."""
    weights = folder / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else 0


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody asked how the encoding goes."""


def _nothing() -> None:
    """Nobody asked for a sign of life."""
