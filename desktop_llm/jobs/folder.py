"""The run folder: the only thing the engine knows, and how it is laid out.

    runs/0007/  job.json  snapshot/  events.jsonl  checkpoints/{step-…,best}/  model/  adapter/  predictions/
                dynamics/{part-…,summary}/  reference/…/  teacher/…/  vectors/…/  log.txt
                start/
    cache/tokens/  what texts are encoded to, see `nets.token_shelf`; may be removed, and is then made again

`start/` is there in the folder of a run that was packed for a server: the model folder that it begins with, which its
job then names by its place in the run folder, so that no path of the machine it was made on matters. Else
the newest `checkpoints/step-…` holds all that an exact resume needs, `model/` the kept model in Hugging Face layout.
Events are appended by the engine alone; a line that a crash has torn is passed over by readers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from desktop_llm.jobs import events, job, moving, prediction
from desktop_llm.jobs.events import Event, Started
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.moving import RUNS as RUNS
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe

STEP = "step-"
START = "start"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of one run and the ways its files are read."""

    path: Path

    @property
    def job_file(self) -> Path:
        """What the run was told."""
        return self.path / "job.json"

    @property
    def snapshot(self) -> Path:
        """The frozen data."""
        return self.path / "snapshot"

    @property
    def events_file(self) -> Path:
        """What the engine said, one event a line."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The kept model in Hugging Face layout, once the run has ended."""
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        """What a run with LoRA has learned beside its base model, in peft's layout; `model` has it merged in."""
        return self.path / "adapter"

    @property
    def tokens(self) -> Path:
        """Where what texts are encoded to is kept: for all runs of a project together, else in the run itself."""
        runs = self.path.parent
        return tokens_of(runs.parent) if runs.name == RUNS else self.path / "tokens"

    @property
    def predictions(self) -> Path:
        """The kept model's answers on the held-out rows, one JSONL file a split."""
        return self.path / "predictions"

    @property
    def reference(self) -> Path:
        """What the model said of examples before it learned, a folder for each set of them, see `engine.reference`."""
        return self.path / "reference"

    @property
    def teacher(self) -> Path:
        """What another model said of the training examples, see `engine.teaching`."""
        return self.path / "teacher"

    @property
    def vectors(self) -> Path:
        """The kept model's vectors of the training texts, once somebody has asked for the nearest; may be deleted."""
        return self.path / "vectors"

    @property
    def dynamics(self) -> Path:
        """How each training example was judged while the model learned; nothing for tasks that cannot tell."""
        return self.path / "dynamics"

    def read_predictions(self, split: str) -> Iterator[tuple[int, Prediction]]:
        """Item ids and answers of a split; none when the run has not ended. Lines that are damaged are passed over."""
        path = self.predictions / f"{split}.jsonl"
        if not path.exists():
            return
        with path.open("r", encoding="utf-8") as file:
            for line in file:
                with suppress(ValueError, KeyError, TypeError):
                    told = json.loads(line)
                    yield int(told["id"]), prediction.from_json(told)

    @property
    def log_file(self) -> Path:
        """What a training process prints."""
        return self.path / "log.txt"

    def job(self) -> Job:
        """The job, its model folders by paths that are good from everywhere, see `jobs.moving`. Raises UserError."""
        told = job.read(self.job_file)
        recipe = self.found(told.recipe)
        model = moving.found_again(recipe.model, told.start, self.path)
        teacher = moving.found_again(recipe.teacher, told.teacher, self.path)
        return replace(told, recipe=replace(recipe, model=model, teacher=teacher))

    def write_job(self, told: Job) -> None:
        """Write the job, see `kept`. Raises UserError."""
        job.write(replace(told, recipe=self.kept(told.recipe)), self.job_file)

    def kept(self, recipe: Recipe) -> Recipe:
        """The recipe as it is kept with this run, see `jobs.moving`."""
        return moving.kept(recipe, self.path)

    def found(self, recipe: Recipe) -> Recipe:
        """The recipe that was kept with this run, its model folders by paths that are good from everywhere."""
        return moving.found(recipe, self.path)

    def read_events(self) -> Iterator[Event]:
        """All events so far, in order; none when the run never spoke."""
        if not self.events_file.exists():
            return
        with self.events_file.open("r", encoding="utf-8", errors="replace") as file:
            for line in file:
                event = events.from_line(line)
                if event is not None:
                    yield event

    def starts(self) -> Iterator[Started]:
        """Each time that the run began or went on, in order."""
        return (event for event in self.read_events() if isinstance(event, Started))


def tokens_of(project: Path) -> Path:
    """Where the runs of a project keep what texts are encoded to; by the hash of the data, so far as names have it."""
    return project / "cache" / "tokens"


def name_of(step: int) -> str:
    """The name of a step's checkpoint."""
    return f"{STEP}{step:08d}"


def step_of(path: Path) -> int:
    """The step of a checkpoint that `name_of` named."""
    return int(path.name.removeprefix(STEP))


def steps(checkpoints: Path) -> list[Path]:
    """The checkpoints of steps, newest first."""
    return sorted(checkpoints.glob(f"{STEP}*"), reverse=True)


class EventLog:
    """Appends events to `events.jsonl`; mends a torn last line of an earlier process first."""

    def __init__(self, folder: RunFolder) -> None:
        """Open for appending. Raises OSError."""
        path = folder.events_file
        torn = False
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
        self._file = path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")

    def append(self, event: Event) -> None:
        """Write one event through to the operating system, so that a killed process loses none."""
        if isinstance(event, events.Beat):
            return
        self._file.write(events.to_line(event) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Flush to the disk and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
