"""Train on a project: check what there is, hold out, freeze data and recipe into a run folder, take results back."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import desktop_llm
from desktop_llm import atomic
from desktop_llm.catalog import folder as folders
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import model_note, prompt, provenance, recipe_prompt, snapshot
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.paths import expanded
from desktop_llm.store.items import Labelled
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import balancing, foretelling, possible, sources, splitting, teaching

LORA_RATE, LORA_TIMES = 1e-3, 10.0
"""Small matrices beside a frozen model bear about ten times the rate of the whole model (Schulman et al. 2025, "LoRA
Without Regret"; banking77 by MiniLM, one epoch, rank 16: 58 % at 1e-3, 30 % at 2e-4), up to so much."""
BATCH_SIZES = ((2000, 32), (400, 16), (0, 8))
LEAST_STEPS_SCRATCH, LEAST_STEPS_FOLDER, MOST_EPOCHS = 600, 200, 60
FEW_FOR_SCRATCH = 1000
CHARACTERS_A_TOKEN = 3
CODE = "source"
AT_ONCE = 500
HELD_OUT = ("validation", "test")
LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a run would learn from: rows a split and rows a class, by name; `advice` is a sentence or ''.

    `unlabeled` are rows without a label that a teacher is to speak of. `not_here` says why this computer cannot run it;
    '' where it can.
    """

    splits: Mapping[str, int]
    classes: Mapping[str, int]
    unlabeled: int = 0
    advice: str = ""
    not_here: str = ""

    @property
    def rows(self) -> dict[str, int]:
        """The rows of each part of a snapshot, as forecasts have them."""
        return {**self.splits, snapshot.UNLABELED: self.unlabeled}


def default_recipe(task: Task, model: str, rows: int, *, lora: bool = False) -> Recipe:
    """The task's defaults for a start from scratch or from the folder `model`, suited to `rows`, see `amount`.

    Few rows get smaller batches and more epochs: a model needs some hundred steps to learn anything. With `lora` the
    learning rate is that of small matrices beside the model.
    """
    base = task.recipe if model == SCRATCH else task.folder_recipe
    rate = max(base.learning_rate, min(LORA_RATE, LORA_TIMES * base.learning_rate)) if lora else base.learning_rate
    batch = next(size for least, size in BATCH_SIZES if rows >= least)
    wanted = LEAST_STEPS_SCRATCH if model == SCRATCH else LEAST_STEPS_FOLDER
    epochs = min(MOST_EPOCHS, math.ceil(wanted * batch / max(1, rows)))
    return recipes.changed(
        base,
        {
            "model": model,
            "learning_rate": rate,
            "per_device_train_batch_size": min(batch, base.per_device_train_batch_size),
            "num_train_epochs": max(base.num_train_epochs, float(epochs)),
            **_taught(task, model),
        },
    )


def _taught(task: Task, model: str) -> dict[str, str]:
    """The prompt by which a model was taught this task: who goes on teaching it asks as before."""
    if model == SCRATCH or recipe_prompt.GROUP not in task.groups:
        return {}
    folder = expanded(model)
    try:
        instruction = prompt.told(folders.told(folder)) if model_note.task_of(folder) == task.name else None
    except UserError:
        return {}
    return {} if instruction is None else {"task_type": recipe_prompt.BY_PROMPT, "instruction": instruction}


def amount(project: Project) -> int:
    """How much there is to learn from: rows with a label, or where none is needed, about so many blocks of text."""
    task = task_named(project.task)
    if not task.unsupervised:
        return project.items.counts().labeled
    return project.items.characters() // (CHARACTERS_A_TOKEN * task.recipe.max_length)


def check(project: Project, recipe: Recipe, *, here: bool = True) -> Readiness:
    """What a run with this recipe would use; changes nothing. Raises UserError with what is missing.

    `here`: it is to be run on this computer.
    """
    return _checked(project, recipe, here=here)[1]


def _checked(project: Project, recipe: Recipe, *, here: bool) -> tuple[_Frozen, Readiness]:
    recipes.check(recipe)
    task_named(project.task).must_learn()
    task_named(project.task).deciding(recipe.metric_for_best_model, recipe)
    if recipe.model != SCRATCH:
        sources.check(expanded(recipe.model), task_named(project.task))
    teaching.check(project, recipe)
    possible.check(recipe)
    if here:
        possible.check_here(recipe)
    if recipe.balance_by:
        balancing.check(project, recipe.balance_by)
    frozen = _Frozen(project)
    teaching.check_classes(project, recipe, frozen.schema["classes"])
    unlabeled = frozen.count_unlabeled() if recipe.distillation_unlabeled else 0
    told = replace(frozen.readiness(), unlabeled=unlabeled)
    return frozen, replace(told, not_here=possible.not_here(recipe), advice=_advice(project, recipe, told))


def _advice(project: Project, recipe: Recipe, told: Readiness) -> str:
    task = task_named(project.task)
    if recipe.distillation_unlabeled and not told.unlabeled:
        return "There are no texts without a label to learn from; “distillation_unlabeled” changes nothing."
    if (
        recipe.model == SCRATCH
        and (amount(project) if task.unsupervised else told.splits.get("train", 0)) < FEW_FOR_SCRATCH
    ):
        return "Few texts for a start from scratch: a model folder learns far more from them."
    return "" if recipe.model == SCRATCH else folders.cut_words(expanded(recipe.model), recipe.max_length)


def prepare(
    project: Project, recipe: Recipe, *, here: bool = True, trial: Mapping[str, Any] | None = None
) -> tuple[int, RunFolder]:
    """Make a run: hold out (once, kept in the project), freeze rows and labels, write the job. Raises UserError.

    `here`: it is to be run on this computer. `trial` says of which search it is one, see `store.runs.Run.trial`.
    """
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    frozen, _ = _checked(project, recipe, here=here)
    recipe = absolute(project, recipe)
    project.items.set_splits(frozen.new_splits)
    return new_run(
        project,
        title_of(project, recipe),
        lambda number, folder: _freeze(project, frozen, recipe, number, folder),
        trial=trial,
    )


def title_of(project: Project, recipe: Recipe) -> str:
    """What a run starts from, in a word or two, and who teaches it."""
    start = _called(project, recipe.model)
    return f"{start}{teaching.TAUGHT_BY}{_called(project, recipe.teacher)}" if recipe.teacher else start


def _called(project: Project, model: str) -> str:
    """What a model is called: where it is that of a run of this project, by that run."""
    if model == SCRATCH:
        return "from scratch"
    folder = Path(model)
    run = folder.parent
    if run.parent == (project.path / "runs").resolve() and run.name.isdecimal() and folder == RunFolder(run).model:
        return f"run {int(run.name)}"
    return folder.name.encode("utf-8", "replace").decode()


def new_run(
    project: Project,
    title: str,
    fill: Callable[[int, RunFolder], Job],
    *,
    trial: Mapping[str, Any] | None = None,
) -> tuple[int, RunFolder]:
    """Make a run's folder, which `fill` puts data and job into, and tell the project of it. Raises UserError."""
    number = project.runs.free_number()
    folder = project.runs.folder(number)
    # the project hears of a run when all of it is there: one that was broken off is nothing to resume
    try:
        with atomic.new_folder(folder.path, manifest=False) as filling:
            job = fill(number, RunFolder(filling))
    except OSError as error:
        raise from_os_error(error, "make the folder of the run", folder.path) from error
    try:
        project.runs.create(
            job.recipe,
            model_title=title,
            snapshot=job.snapshot,
            schema=job.schema,
            number=number,
            foretold=foretelling.of_job(project, job),
            trial=trial,
        )
    except BaseException:  # nobody will ask for it; what stopped us goes on up
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return number, folder


def freeze(project: Project, recipe: Recipe, number: int, path: Path) -> Job:
    """Freeze rows and labels as they are now into the run folder `path`, outside the project's runs."""
    return _freeze(project, _Frozen(project), absolute(project, recipe), number, RunFolder(path))


def _freeze(project: Project, frozen: _Frozen, recipe: Recipe, number: int, folder: RunFolder) -> Job:
    weights = frozen.weights(recipe.balance_by) if recipe.balance_by else None
    unlabeled = frozen.unlabeled() if recipe.distillation_unlabeled else ()
    splits = {split: frozen.rows(split) for split in snapshot.SPLITS}
    told = snapshot.write(folder.snapshot, splits, weights, unlabeled)
    job = Job(
        number=number,
        project=project.name,
        task=project.task,
        recipe=recipe,
        schema=frozen.schema,
        snapshot=told,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        start=start_of(recipe),
        teacher=teaching.weights(recipe),
    )
    folder.write_job(job)
    return job


def start_of(recipe: Recipe) -> str:
    """The hash of the weights that a recipe begins with; '' from scratch. Raises UserError."""
    folder = expanded(recipe.model)
    try:
        return "" if recipe.model == SCRATCH else provenance.weights(folder)
    except OSError as error:
        raise from_os_error(error, "read the weights in", folder) from error


def resumable(project: Project, number: int) -> RunFolder:
    """The folder of a run that can go on. Raises UserError when it is finished or has no job."""
    run = project.runs.get(number)
    run.must_be_here()
    if run.ended:
        raise UserError(f"Run {number} has ended ({run.state}); start a new one.")
    folder = project.runs.folder(number)
    folder.job()
    return folder


def versions() -> dict[str, str]:
    """The program's version, the hash of its source, and the versions of what else a result depends on."""
    told = {"desktop_llm": desktop_llm.__version__, CODE: provenance.code(), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            told[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return told


def absolute(project: Project, recipe: Recipe) -> Recipe:
    """The recipe with its model folder, and its teacher's, named so that they are found from everywhere."""
    recipe = teaching.settled(project, recipe)
    if recipe.model == SCRATCH:
        return recipe
    return recipes.changed(recipe, {"model": str(expanded(recipe.model).resolve())})


class _Frozen:
    """The labelled rows of a project as they would be frozen now."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._task = task_named(project.task)
        self._names = {one.id: one.name for one in project.classes.all()}
        dealt = splitting.deal(project, splitting.rule(project))
        self.counts = Counter({stratum: sum(told.values()) for stratum, told in dealt.counts.items()})
        self._task.labels.trainable(self.counts)
        self.new_splits, self.split_of = dealt.new, dealt.split_of
        learned = self._learned()
        # classes in the project's order, those without a label to learn from left out
        classes = [one for one in project.classes.all() if one.name in learned]
        # the ids tell later which class is meant, whatever it is called by then
        names = [one.name for one in classes]
        self.schema: dict[str, Any] = {"classes": names, "class_ids": [one.id for one in classes]}
        self._known = learned
        if len(learned) < self._task.least_classes:
            few = "fewer than two different labels" if self._task.least_classes > 1 else "no labels"
            raise UserError(f"The training rows have {few}; label more texts or move some to training.")

    def _rows(self) -> Iterator[Labelled]:
        return self._project.items.labelled(every=self._task.unsupervised)

    def _named(self, row: Labelled) -> Any:
        return self._task.labels.to_named(row.value, self._names)

    def _learned(self) -> frozenset[str]:
        """The classes that training rows have."""
        learned: set[str] = set()
        for row in self._rows():
            if self.split_of.get(row.id) == "train":
                learned.update(self._task.labels.names(self._named(row)))
                if len(learned) == len(self._names):
                    break
        return frozenset(learned)

    def readiness(self) -> Readiness:
        """Counts for the person."""
        classes = {name: count for name, count in self.counts.items() if name in self._names.values()}
        return Readiness(splits=Counter(self.split_of.values()), classes=classes)

    def weights(self, by: str) -> list[float]:
        """How often each training row is drawn so that label and slice by `by` look independent."""
        labels = [(int(row["id"]), self._task.labels.stratum(row["label"])) for row in self.rows("train")]
        return balancing.weights(self._project, by, labels)

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The snapshot rows of a split. Held-out rows whose label no training row has are left out."""
        for row in self._rows():
            if self.split_of.get(row.id) == split:
                named = self._named(row)
                if self._known.issuperset(self._task.labels.names(named)):
                    yield {**row.content, "id": row.id, "label": named}

    def unlabeled(self) -> Iterator[dict[str, Any]]:
        """The snapshot rows of what has no label, as `_silent` has them."""
        ids = self._silent
        for start in range(0, len(ids), AT_ONCE):
            for item in self._project.items.get_many(ids[start : start + AT_ONCE]):
                yield {**item.content, "id": item.id, "label": None}

    def count_unlabeled(self) -> int:
        """How many there are."""
        return len(self._silent)

    @cached_property
    def _silent(self) -> list[int]:
        """The rows that have no label and are not held out.

        Nor say they what a held-out row says, nor are they of a group that is held out.
        """
        held = {row.id: bytes.fromhex(row.hash) for row in self._rows() if self.split_of.get(row.id) in HELD_OUT}
        texts = set(held.values())
        apart: set[int] = set()
        rule = splitting.rule(self._project)
        if rule.method == "group":
            cells = dict(self._project.items.cells(rule.column))
            groups = {cells[item] for item in held if cells.get(item)}
            apart = {item for item, cell in cells.items() if cell in groups}
        return [
            item
            for item, digest, split in self._project.items.hashes()
            if not (item in self.split_of or split in HELD_OUT or digest in texts or item in apart)
        ]
