"""What was measured before runs, kept in the project: the last few, each with the recipe and data it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop_llm.jobs import forecast as forecasts
from desktop_llm.jobs.forecast import Forecast
from desktop_llm.jobs.snapshot import PARTS

if TYPE_CHECKING:
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.project import Project

NOTE = "forecasts"
KEPT = 8


def keep(project: Project, found: Forecast) -> None:
    """Keep a forecast in the project, among the last few. Raises UserError."""
    others = [one for one in kept(project) if one.recipe != found.recipe]
    project.notes.put(NOTE, [forecasts.to_json(one) for one in (found, *others)[:KEPT]])


def kept(project: Project) -> list[Forecast]:
    """The forecasts that the project has, newest first."""
    told = project.notes.get(NOTE, default=[])
    found = [forecasts.from_json(one) for one in told] if isinstance(told, list) else []
    return [one for one in found if one is not None]


def known(
    project: Project, recipe: Recipe, rows: Mapping[str, int], labels: int
) -> tuple[Forecast | None, tuple[str, ...]]:
    """The forecast that comes nearest to a run, and in what the run differs from the measured one; () in nothing."""
    told = [(forecasts.stale(one, recipe, rows, labels), one) for one in kept(project)]
    best = min(told, key=lambda one: len(one[0]), default=None)
    return (None, ()) if best is None else (best[1], best[0])


def of_job(project: Project, job: Job) -> dict[str, Any] | None:
    """What was foretold of exactly this run; None where nothing was."""
    rows = {part: int(job.snapshot.get(part, 0)) for part in PARTS}
    found, differs = known(project, job.recipe, rows, len(job.schema.get("classes", ())))
    return None if found is None or differs else forecasts.to_json(found)
