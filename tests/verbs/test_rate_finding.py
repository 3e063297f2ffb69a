"""The learning-rate range test on a real tiny model: a useful rate, and nothing left behind."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.engine import rate_finding as engine
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import preflight, rate_finding, training
from tests import projects, run_folders

BASE = recipes.changed(TASKS[run_folders.TASK].recipe, run_folders.TINY)


def test_a_rate_is_found_and_nothing_is_left(tmp_path: Path) -> None:
    with closing(Project.open(projects.make(tmp_path / "Tickets"))) as project:
        heard: list[float] = []
        told = rate_finding.find(project, BASE, lambda fraction, words: heard.append(fraction))
        assert len(told.rates) <= engine.STEPS
        assert told.rates[0] == pytest.approx(engine.LOW)
        assert list(told.rates) == sorted(told.rates)
        assert 1e-4 <= told.suggested <= 0.3  # the recipe of the tests learns with 3e-3
        assert heard[-1] == pytest.approx(len(told.rates) / engine.STEPS)
        assert project.runs.all() == []
        assert list((project.path / "runs").iterdir()) == []
        with pytest.raises(UserError, match="must be divisible"):
            rate_finding.find(project, recipes.replace(BASE, hidden_size=30))


def test_each_step_has_the_rate_that_is_told(tmp_path: Path) -> None:
    """A rate of nought leaves the model as it was: so the loss of a batch that comes again is the same."""
    with closing(Project.open(projects.make(tmp_path / "Tickets"))) as project:
        steady = {**rate_finding.STEADY, "hidden_dropout_prob": 0.0, "num_train_epochs": 0.1}
        with preflight.trial_folder(project.path) as folder:
            training.freeze(project, recipes.changed(BASE, steady), 0, folder)
            tiny = engine.find(folder, low=1e-12, high=1e-11, steps=6)
            large = engine.find(folder, low=1e-2, high=1e-1, steps=6)
        assert tiny.losses == pytest.approx([tiny.losses[0]] * 6, abs=1e-5)
        assert large.losses[-1] < large.losses[0] - 0.01
