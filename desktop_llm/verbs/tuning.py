"""Search over recipes: trial by trial, each of them a run of the project, until the budget is spent.

The window and the command line train the runs; who drives them asks the `Tuner` for the next one, tells it what the run
says, and that it has ended. Whatever is killed in between, `Tuner` takes up where the journal and the project stand.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import search as searches
from desktop_llm.jobs import search_ranges
from desktop_llm.jobs.events import Evaluated, Event, Started, StepDone
from desktop_llm.jobs.search import Range, Search
from desktop_llm.jobs.search_ranges import Suggested
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import possible, training, tuning_runs
from desktop_llm.verbs.tuning_study import Study, Trial, first_values

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Metric

FOLDER, FILE = "searches", "search.json"
ATTEMPTS = 40
"""So often in a row something may be proposed that was tried already, or cannot be."""
MOST_FAILED = 3
"""After so many failures in a row a search ends."""
BEHIND, LATE, BY_HAND = "fell behind", "the time was over", "stopped by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a search stands; `over` says why it has ended, '' where it can go on. `seconds` were spent on it."""

    search: Search
    metric: Metric
    trials: tuple[Trial, ...]
    seconds: float
    over: str = ""

    @property
    def first(self) -> Trial | None:
        """The recipe as it was before the search, once it was tried."""
        return next((one for one in self.trials if one.first and one.state == "complete"), None)

    @property
    def best(self) -> Trial | None:
        """The best of those that came to their end; of equals the earlier."""
        told = [one for one in self.trials if one.state == "complete" and one.value is not None]
        sign = 1 if self.search.higher_is_better else -1
        return max(told, key=lambda one: sign * (one.value or 0.0), default=None)

    @property
    def done(self) -> int:
        """How many trials have ended."""
        return sum(one.state != "running" for one in self.trials)


def suggested(project: Project, base: Recipe) -> list[Suggested]:
    """Ranges around a recipe for the settings that have a part in a run of it, the most telling first."""
    task = task_named(project.task)
    return [
        one
        for one in search_ranges.suggested(base)
        if not possible.without_part(base, one.range.key)
        and recipes.OWN.get(one.range.key, "") in ("", *task.groups)
        and (one.range.key != "label_smoothing_factor" or task.classes)
    ]


def range_of(project: Project, base: Recipe, key: str) -> Range:
    """The range suggested for a setting. Raises UserError where there is none."""
    searches.require(key)
    why = possible.without_part(base, key)
    if why:
        raise UserError(why)
    found = next((one.range for one in suggested(project, base) if one.range.key == key), None)
    if found is None:
        raise UserError(f"No range is suggested for “{key}”; write one, such as {key}=LOW..HIGH or {key}=A,B.")
    return found


def check_ranges(base: Recipe, ranges: Sequence[Range]) -> None:
    """Raise UserError for a range of what has no part in a run of the recipe."""
    for one in ranges:
        why = possible.without_part(base, one.key)
        if why:
            raise UserError(why)


def create(
    project: Project,
    base: Recipe,
    ranges: Sequence[Range],
    *,
    trials: int = searches.TRIALS,
    minutes: float = 0.0,
    pruner: searches.Pruner = "median",
    seed: int = 42,
) -> Search:
    """Make a search that has not begun; changes nothing else. Raises UserError with what is wrong or missing."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    base = training.absolute(project, base)
    ready = training.check(project, base)
    metric = task_named(project.task).deciding(base.metric_for_best_model, base)
    told = Search(
        number=1 + max(numbers(project), default=0),
        base=base,
        ranges=tuple(searches.checked(one) for one in ranges),
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        trials=trials,
        minutes=minutes,
        pruner=pruner,
        seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    searches.check(told)
    check_ranges(base, told.ranges)
    if not ready.splits.get("validation"):
        raise UserError("No labeled rows are held out for validation, by which trials are judged; hold some out first.")
    folder = folder_of(project, told.number)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise from_os_error(error, "make the folder of the search", folder) from error
    searches.write(told, folder / FILE)
    return told


def extend(project: Project, number: int, *, trials: int, minutes: float) -> Search:
    """Give a search another budget, all in all. Raises UserError."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    told = replace(load(project, number), trials=trials, minutes=minutes)
    searches.check(told)
    searches.write(told, folder_of(project, number) / FILE)
    return told


def folder_of(project: Project, number: int) -> Path:
    """Where a search is kept."""
    return project.path / FOLDER / f"{number:04d}"


def numbers(project: Project) -> list[int]:
    """The searches of a project, the newest first."""
    found = (project.path / FOLDER).glob(f"[0-9]*/{FILE}")
    return sorted((int(one.parent.name) for one in found if one.parent.name.isdecimal()), reverse=True)


def load(project: Project, number: int) -> Search:
    """One search. Raises UserError that names those there are."""
    there = numbers(project)
    if number not in there:
        named = ", ".join(str(one) for one in reversed(there))
        told = f"its searches are {named}" if named else "it has none yet"
        raise UserError(f"The project has no search {number}; {told}.")
    return searches.read(folder_of(project, number) / FILE)


def standing(project: Project, number: int) -> Standing:
    """Where a search stands. Raises UserError."""
    told = load(project, number)
    study = Study(told, folder_of(project, number), reading=True)
    return _standing(project, told, study, study.spent)


def importance(project: Project, number: int) -> dict[str, float]:
    """How much each setting had to do with how the trials came out, see `Study.importance`. Raises UserError."""
    return Study(load(project, number), folder_of(project, number), reading=True).importance()


def _standing(project: Project, told: Search, study: Study, seconds: float, over: str = "") -> Standing:
    trials = tuple(study.trials())
    metric = task_named(project.task).metric(told.metric)
    if metric is None:
        raise UserError(f"Search {told.number} is judged by “{told.metric}”, which this task does not measure.")
    return Standing(
        search=told, metric=metric, trials=trials, seconds=seconds, over=over or _over(told, trials, seconds)
    )


def _over(told: Search, trials: Sequence[Trial], seconds: float) -> str:
    """Why no trial is begun any more; '' where one may be."""
    done = [one for one in trials if one.state != "running"]
    first = next((one for one in trials if one.first), None)
    if first is not None and first.state == "failed":
        return f"The recipe itself cannot be trained: {first.why}"
    last = done[-MOST_FAILED:]
    if len(last) == MOST_FAILED and all(one.state == "failed" for one in last):
        return f"The last {MOST_FAILED} trials failed: {last[-1].why}"
    if told.minutes and seconds >= told.minutes * 60:
        return f"The {told.minutes:g} minutes are over."
    if told.trials and len(done) >= told.trials:
        return f"All {told.trials:,} trials are done."
    return ""


class Tuner:
    """Drives one search. Its methods may be called from any thread, and wait for one another."""

    def __init__(self, project: Project, number: int) -> None:
        """Opens the search; its clock runs from here. Raises UserError."""
        if project.read_only:
            raise UserError(f"The project is open read-only: {project.holder}")
        self.search = load(project, number)
        self._project = project
        self._guard = threading.RLock()
        self._study = Study(self.search, folder_of(project, number))
        self._before, self._clock = self._study.spent, time.monotonic()
        self._trial: Trial | None = None
        self._total = 0
        self._why = ""
        self._exhausted = ""
        self._recover()

    @property
    def run(self) -> int:
        """The run of the trial that is under way; 0: none is."""
        return self._trial.run if self._trial is not None else 0

    @property
    def seconds(self) -> float:
        """Spent on it up to now."""
        return self._before + time.monotonic() - self._clock

    @property
    def late(self) -> bool:
        """Whether its time is over."""
        return bool(self.search.minutes) and self.seconds >= self.search.minutes * 60

    def standing(self) -> Standing:
        """Where it stands. Raises UserError."""
        with self._guard:
            return _standing(self._project, self.search, self._study, self.seconds, self._exhausted)

    def importance(self) -> dict[str, float]:
        """How much each setting had to do with how the trials came out, see `Study.importance`."""
        with self._guard:
            return self._study.importance()

    def next(self) -> int:
        """The run to be trained, or to go on; 0: the search is over. Raises UserError, also for a full disk."""
        with self._guard:
            if self._trial is not None:
                return self._trial.run
            if self.standing().over:
                return 0
            for _ in range(ATTEMPTS):
                number = self._begin()
                if number:
                    return number
            self._exhausted = "There is nothing left in these ranges that was not tried."
            return 0

    def heard(self, event: Event) -> bool:
        """Take what the run under way says; whether it is to be stopped, and its model kept."""
        if isinstance(event, Started):
            self._total = event.total_steps
        if self.late:
            self._why = self._why or LATE
            return isinstance(event, (Started, StepDone, Evaluated))
        if not isinstance(event, Evaluated) or event.final or event.split != "validation" or not self._total:
            return False
        value = event.metrics.get(self.search.metric, math.nan)
        with self._guard:
            if self._trial is None or value is None or math.isnan(value):
                return False
            if self._study.report(self._trial.key, event.step / self._total, value):
                self._why = BEHIND
                return True
        return False

    def ended(self, *, left: bool = False) -> None:
        """The run under way has ended, or was `left`: take over how it came out. Raises UserError."""
        with self._guard:
            self._study.spend(self.seconds)
            if self._trial is not None and self._settle(self._trial, left=left):
                self._trial = None

    def _recover(self) -> None:
        """Take up what was under way when the program ended."""
        for one in self._study.under_way():
            run = tuning_runs.of_trial(self._project, self.search.number, one.key)
            if run is None:
                self._study.fail(one.key, "it was broken off before its run was made", again=True)
                continue
            if not one.run:  # broken off between the run and the word of it
                place = int(run.trial["trial"])
                values = {key: getattr(run.recipe, key) for key in self.search.keys}
                self._study.give_run(one.key, run.number, place, values)
                one = replace(one, run=run.number, place=place, values=values)
            if not self._settle(one, left=True):
                self._trial = one

    def _settle(self, one: Trial, *, left: bool) -> bool:
        """Keep how the run of a trial has come out; False where it has not ended.

        One that was `left` by a process that had to be killed has failed for no fault of its own: it is gone on with.
        """
        run = next((run for run in self._project.runs.all() if run.number == one.run), None)
        why, self._why = self._why, ""
        if run is None:
            self._study.fail(one.key, "its run was deleted")
        elif run.state == "failed" and not left:
            self._study.fail(one.key, run.message or "its run failed")
        elif not run.ended:
            self._why = why
            return False
        elif run.state == "stopped":
            self._study.prune(one.key, run.seconds, why or BY_HAND)
        else:
            value = run.metrics.get("validation", {}).get(self.search.metric, math.nan)
            if value is None or math.isnan(value):
                self._study.fail(one.key, f"it was not measured by “{self.search.metric}”")
            else:
                self._study.complete(one.key, value, run.seconds)
        return True

    def _begin(self) -> int:
        """Begin another trial; its run, 0 where what was proposed cannot be, or was tried. Raises UserError."""
        key, values = self._study.ask()
        told = first_values(self.search) if values is None else values
        try:
            recipe = recipes.changed(self.search.base, told)
            possible.check(recipe)
        except UserError as error:
            self._study.fail(key, error.message)
            return 0
        trials = self._study.trials()
        if any(dict(one.values) == told and one.state != "failed" for one in trials):
            self._study.fail(key, "it was tried already")
            return 0
        place = len(trials) + 1
        run = tuning_runs.make(self._project, self.search, recipe, place=place, key=key)
        self._study.give_run(key, run, place, told)
        self._total, self._why = 0, ""
        self._trial = next(one for one in self._study.under_way() if one.key == key)
        return run
