"""Delete a run for good: what the project knows of it, and its folder with model, checkpoints and data of its day."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.store.runs import ALIVE, QUEUED, Run
from desktop_llm.verbs import leftovers, tuning_runs

if TYPE_CHECKING:
    from desktop_llm.jobs.search import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What goes with a run: bytes on the disk, the numbers of the runs that started from its model and of those that it
    taught, and the search that has not ended and finds its data in no other run (0: none).
    """

    number: int
    bytes: int
    starts: Sequence[int]
    taught: Sequence[int] = ()
    search: int = 0

    @property
    def words(self) -> str:
        """What it means for others; '' where it means nothing."""
        told = (_of_runs(self.starts, "started from"), _of_runs(self.taught, "been taught by"), self._of_search)
        return " ".join(one for one in told if one)

    @property
    def _of_search(self) -> str:
        if not self.search:
            return ""
        return f"Search {self.search} has not ended, and could not go on: no other run has the data it compares on."


def _of_runs(runs: Sequence[int], what: str) -> str:
    """What it means for these runs, which have done so with its model; '' for none."""
    if not runs:
        return ""
    if len(runs) == 1:
        return f"Run {runs[0]} has {what} its model: it stays, and cannot be repeated exactly any more."
    named = ", ".join(str(one) for one in runs)
    return f"The runs {named} have {what} its model: they stay, and cannot be repeated exactly any more."


def going(project: Project, number: int) -> Going:
    """What would go; changes nothing. Raises UserError where it cannot go now."""
    run, starts, taught = _may_go(project, number)
    size = _size(project.runs.folder(number).path)
    return Going(number=number, bytes=size, starts=starts, taught=taught, search=_last_of(project, run))


def delete(project: Project, number: int, *, waiting: bool = False) -> Changes:
    """Delete a run and all of its files, one that is `waiting` only if it still is.

    Raises UserError; then nothing is gone.
    """
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    with project.runs.held(number):  # it may have been told to start a moment ago
        run = _may_go(project, number)[0]
        return _delete(project, number, QUEUED if waiting else run.state)


def _may_go(project: Project, number: int) -> tuple[Run, list[int], list[int]]:
    """A run, the numbers of those that started from its model, and of those that it taught.

    Raises UserError where it cannot go now.
    """
    run = project.runs.get(number)
    run.must_be_here()
    if run.state in ALIVE and run.state != "preparing":
        raise UserError(f"Run {number} is {run.state}; stop it first.")
    model = str(project.runs.folder(number).model.resolve())
    every = project.runs.all()
    from_it = [one for one in every if one.recipe.model == model]
    taught = [one for one in every if one.recipe.teacher == model]
    for needs, words in ((from_it, "starts from the model of"), (taught, "is taught by")):
        waiting = sorted(one.number for one in needs if not one.ended)
        if waiting:
            raise UserError(f"Run {waiting[0]} {words} run {number} and has not ended; end or delete it first.")
    for key, words in (("model", "starts from the model of"), ("teacher", "is taught by")):
        search = _unfinished(project, _needs(key, model))
        if search:
            raise UserError(
                f"Search {search} {words} run {number} and has not ended; let it end first, or give it no more trials "
                "than it has."
            )
    return run, sorted(one.number for one in from_it), sorted(one.number for one in taught)


def _needs(key: str, model: str) -> Callable[[Search], bool]:
    """Whether the recipe of a search has this model folder as its start, or its teacher."""
    return lambda told: bool(getattr(told.base, key) == model)


def _last_of(project: Project, run: Run) -> int:
    """The search that has not ended and has only this run left to take its data from; 0 where there is none."""
    mine = int(run.trial.get("search") or 0)
    if not mine or any(one.number != run.number for one in tuning_runs.whole(project, mine)):
        return 0
    return _unfinished(project, lambda told: told.number == mine)


def _unfinished(project: Project, wanted: Callable[[Search], bool]) -> int:
    """The first search of a kind that has begun and may go on; 0 where there is none. One that is damaged cannot."""
    from desktop_llm.verbs import tuning

    for number in tuning.numbers(project):
        with suppress(UserError):
            if wanted(tuning.load(project, number)):
                found = tuning.standing(project, number)
                if found.trials and not found.over:
                    return number
    return 0


def _delete(project: Project, number: int, state: str) -> Changes:
    folder = project.runs.folder(number).path
    # its name is one that opening the project tidies away, should nobody come to it
    aside = folder.with_name(f".{folder.name}.deleted.part")

    def put_aside() -> None:
        try:
            if folder.is_dir():
                folder.rename(aside)
        except OSError as error:
            raise from_os_error(error, "delete the folder of the run", folder) from error

    try:
        changes = project.runs.delete(number, state, put_aside)
    except BaseException:  # the project still knows of it: so it must be there; what stopped us goes on up
        if aside.is_dir() and not folder.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
    leftovers.tidy(project)
    return changes


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
