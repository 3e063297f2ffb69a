"""Which learning rate a recipe bears, measured by some real steps whose rate grows; nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.verbs import preflight, training

if TYPE_CHECKING:
    from desktop_llm.jobs.rate_curve import RateCurve
    from desktop_llm.jobs.recipe import Recipe

Progress = Callable[[float, str], None]
STEADY = {
    "learning_rate": 1.0,
    "lr_scheduler_type": "constant",
    "warmup_ratio": 0.0,
    "warmup_steps": 0,
    "ema_decay": 0.0,
    "num_processes": 1,
    "fsdp": "",
}
"""What the steps of a test have in place of the recipe's: see `engine.rate_finding.find`."""


def find(project: Project, recipe: Recipe, on_progress: Progress = lambda fraction, words: None) -> RateCurve:
    """Measure it in this process. Raises UserError as a run of the recipe would."""
    training.check(project, recipe)
    return _find(project, recipe, on_progress)


def find_in(path: Path, recipe: Mapping[str, Any], on_progress: Progress) -> RateCurve:
    """`find` for another process: opens the project in `path` by itself."""
    with closing(Project.watch(path)) as project:
        return _find(project, recipes.from_json(recipe), on_progress)


def _find(project: Project, recipe: Recipe, on_progress: Progress) -> RateCurve:
    with preflight.trial_folder(project.path) as folder:
        training.freeze(project, recipes.changed(recipe, STEADY), 0, folder)
        from desktop_llm.engine import rate_finding, worker

        worker.offline()
        return rate_finding.find(folder, on_progress)
