"""A queue of runs: made while one trains, trained one after the other, and asleep when the window opens again."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.errors import UserError
from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import queueing
from tests import run_folders
from tests.windows import LONG, click, find, open_in, project_of

RECIPE = recipes.changed(TASKS[run_folders.TASK].recipe, run_folders.TINY)


def _page(qtbot: QtBot, window: MainWindow, path: Path) -> TrainPage:
    open_in(qtbot, window, path, "train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    for key, value in run_folders.TINY.items():
        page.setup.set_value(key, value)
    return page


def _states(window: MainWindow) -> dict[int, str]:
    return {run.number: run.state for run in project_of(window).runs.all()}


def _waits(window: MainWindow, count: int) -> bool:
    return len(window.hub.queue.waiting) == count


def test_the_next_run_begins_when_the_one_before_has_ended(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    page = _page(qtbot, window, tickets)
    page.setup.set_value("num_train_epochs", 2000.0)
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG):
        click(qtbot, window, "train.start")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > 0, timeout=LONG)
    assert page.start_button.text() == "Add to queue"
    assert page.start_button.width() >= page.start_button.sizeHint().width()  # none of its words is cut
    page.setup.set_value("num_train_epochs", 1.0)  # another recipe, while the first one trains
    for count in (1, 2):
        click(qtbot, window, "train.start")
        qtbot.waitUntil(partial(_waits, window, count), timeout=LONG)
    assert find(window, QWidget, "train.queue").isVisible()
    click(qtbot, window, "train.queue.remove.4")
    qtbot.waitUntil(lambda: [run.number for run in window.hub.queue.waiting] == [3], timeout=LONG)
    assert not project_of(window).runs.folder(4).path.exists()
    assert _states(window)[3] == "queued"
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG) as begun:
        click(qtbot, window, "train.stop")
    assert begun.args == [3]
    qtbot.waitUntil(lambda: not window.hub.is_training, timeout=LONG)
    assert _states(window) == {1: "finished", 2: "stopped", 3: "finished"}
    assert not find(window, QWidget, "train.queue").isVisible()
    assert page.start_button.text() == "Start training"


def test_a_queue_from_the_last_time_waits_for_a_word(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    with closing(Project.open(tickets)) as project:
        assert queueing.add(project, RECIPE) == 2
    _page(qtbot, window, tickets)
    qtbot.waitUntil(lambda: find(window, QWidget, "train.queue").isVisible(), timeout=LONG)
    assert not window.hub.is_training
    assert find(window, QPushButton, "train.queue.start").isVisible()
    with qtbot.waitSignal(window.hub.training.ended, timeout=LONG):
        click(qtbot, window, "train.queue.start")
    assert _states(window)[2] == "finished"


def test_a_run_whose_turn_has_come_cannot_be_taken_away(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    with closing(Project.open(tickets)) as project:
        queueing.add(project, recipes.changed(RECIPE, {"num_train_epochs": 2000.0}))
    page = _page(qtbot, window, tickets)
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG):
        click(qtbot, window, "train.queue.start")
    assert not find(window, QWidget, "train.queue").isVisible()
    with pytest.raises(UserError, match="Run 2 has begun"):
        queueing.remove(project_of(window), 2)
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > 0, timeout=LONG)
    assert not window.hub.queue.waiting
    with qtbot.waitSignal(window.hub.training.ended, timeout=LONG):
        click(qtbot, window, "train.stop")
    assert _states(window)[2] == "stopped"
