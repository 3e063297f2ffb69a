"""The model of a run that goes on: what it was when the run had ended before, until the run ends again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Evaluated, Finished
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.store.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """How a run stood when it ended the last time: its step, its plan, and the figures of its model by split."""

    step: int
    recipe: Recipe
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def words(self, number: int) -> str:
        """That the run goes on, and which model it has until then."""
        return f"Run {number} goes on to be trained; until it ends, its model is that of step {self.step:,}."


def of(project: Project, number: int) -> Earlier | None:
    """Of a run that was made longer and has not ended since; None where its model is its last, or it has none."""
    run, folder = project.runs.get(number), project.runs.folder(number)
    if run.ended or not folder.model.is_dir():
        return None
    end: Finished | None = None
    figures: dict[str, Mapping[str, float]] = {}
    kept: dict[str, Mapping[str, float]] = {}
    for event in folder.read_events():
        if isinstance(event, Evaluated) and event.final:
            figures[event.split] = event.metrics
        elif isinstance(event, Finished):
            end, kept, figures = event, figures, {}
    if end is None:  # it died between its model and its last word
        return None
    return Earlier(step=end.step, recipe=_plan(folder.job(), end.at), metrics=kept)


def _plan(job: Job, at: float) -> Recipe:
    """The recipe before what was changed of it since `at`."""
    values: dict[str, Any] = {}
    for entry in reversed(job.history):
        if datetime.fromisoformat(str(entry["at"])).timestamp() < int(at):
            break
        values |= {key: was for key, (was, _) in dict(entry.get("recipe", {})).items()}
    return recipes.changed(job.recipe, values)
