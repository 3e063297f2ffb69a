"""The search in the window: its trials are runs, what it found goes into the form, and a stop loses nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QPointF
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.pages.tune_dialog import TuneDialog
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import tuning
from tests import run_folders
from tests.windows import LONG, click, find, open_in, project_of

SHORT = {**run_folders.TINY, "num_train_epochs": 1.0, "eval_steps": 3}


def _page(qtbot: QtBot, window: MainWindow, path: Path, **values: object) -> TrainPage:
    open_in(qtbot, window, path, "train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    page.setup.set_values({**SHORT, **values})
    return page


def find_action(window: MainWindow, name: str) -> QAction:
    """An entry of the menu of “Tune”."""
    found = window.findChild(QAction, name)
    assert isinstance(found, QAction)
    return found


def _dialog(qtbot: QtBot, window: MainWindow) -> TuneDialog:
    find_action(window, "train.tune.search").trigger()
    dialog = find(window, TuneDialog, "tune")
    qtbot.waitUntil(lambda: window.hub.background.idle and bool(dialog.setup._rows), timeout=LONG)
    return dialog


def test_a_search_is_started_watched_and_its_best_recipe_taken(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    page = _page(qtbot, window, tickets)
    dialog = _dialog(qtbot, window)
    assert find(dialog, QPushButton, "tune.start").text() == "Start the search"
    find(dialog, QSpinBox, "tune.trials").setValue(2)
    for key in ("warmup_ratio", "weight_decay", "per_device_train_batch_size"):
        find(dialog, QCheckBox, f"tune.key.{key}").setChecked(False)
    field = find(dialog, QLineEdit, "tune.range.learning_rate")
    field.clear()
    qtbot.keyClicks(field, "1e-2..1e-4")
    click(qtbot, dialog, "tune.start")
    assert "lower end below its upper one" in find(dialog, QLabel, "tune.problem").text()
    assert tuning.numbers(project_of(window)) == []
    field.clear()
    qtbot.keyClicks(field, "1e-5..1e-4:log")  # worse than the recipe as it is
    assert not find(dialog, QLabel, "tune.problem").text()
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG):
        click(qtbot, dialog, "tune.start")
    assert find(dialog, QPushButton, "tune.stop").isVisible()
    assert not field.isEnabled()
    qtbot.waitUntil(lambda: not window.hub.tuning.active and window.hub.background.idle, timeout=2 * LONG)
    project = project_of(window)
    runs = {run.number: run for run in project.runs.all() if run.trial}
    assert [run.trial["trial"] for _, run in sorted(runs.items())] == [1, 2]
    assert {run.state for run in runs.values()} <= {"finished", "stopped"}
    standing = tuning.standing(project, 1)
    best = standing.best
    assert best is not None
    assert f"trial {best.place} (run {best.run})" in find(dialog, QLabel, "tune.verdict").text()
    state = find(dialog, QLabel, "tune.state").text()
    assert "All 2 trials are done." in state
    assert "raise Trials or Minutes to go on" in state
    assert not find(dialog, QPushButton, "tune.start").isEnabled()  # it is over
    find(dialog, QSpinBox, "tune.trials").setValue(3)
    assert find(dialog, QPushButton, "tune.start").isEnabled()
    plot = dialog.shown.plot
    assert {one.key for one in plot.threads()} == {one.key for one in standing.trials}
    other = next(one for one in plot.threads() if one.key != best.key)
    assert dialog.shown.trial is not None
    assert dialog.shown.trial.key == best.key
    plot.chosen.emit(other.key)
    assert dialog.shown.trial.key == other.key
    assert isinstance(plot.points(other)[0][0], QPointF)
    chosen = dialog.shown.trial
    click(qtbot, dialog, "tune.run")
    qtbot.waitUntil(lambda: window.page_name == "results", timeout=LONG)
    click(qtbot, dialog, "tune.use")
    assert page.setup.recipe == project.runs.get(chosen.run).recipe


def test_a_stopped_search_goes_on_with_the_trial_that_was_left(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    page = _page(qtbot, window, tickets, num_train_epochs=3000.0)
    dialog = _dialog(qtbot, window)
    find(dialog, QSpinBox, "tune.trials").setValue(1)
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG) as begun:
        click(qtbot, dialog, "tune.start")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > 0, timeout=LONG)
    with qtbot.waitSignal(window.hub.training.ended, timeout=LONG):
        click(qtbot, dialog, "tune.stop")
    qtbot.waitUntil(lambda: not window.hub.tuning.active and window.hub.background.idle, timeout=LONG)
    project, number = project_of(window), begun.args[0]
    left = project.runs.get(number)
    assert left.state == "interrupted"
    assert tuning.standing(project, 1).trials[0].state == "running"
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG) as again:
        click(qtbot, dialog, "tune.start")
    assert again.args == [number]
    qtbot.waitUntil(lambda: project.runs.get(number).step > left.step, timeout=LONG)
    click(qtbot, window, "train.stop")  # as any run it may be stopped by itself
    hub = window.hub
    qtbot.waitUntil(lambda: not (hub.tuning.active or hub.is_training) and hub.background.idle, timeout=LONG)
    told = tuning.standing(project, 1).trials
    assert [(one.run, one.state, one.why) for one in told] == [(number, "pruned", "stopped by hand")]


def test_a_search_from_the_last_time_is_shown_and_waits_for_a_word(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    with closing(Project.open(tickets)) as project:
        from desktop_llm.jobs import search as searches

        base = recipes.changed(TASKS[run_folders.TASK].recipe, SHORT)
        over = [searches.parse("learning_rate=1e-4..1e-2:log"), searches.parse("optim=adamw,muon")]
        tuning.create(project, base, over, trials=7, minutes=3)
        tuning.Tuner(project, 1).next()
    _page(qtbot, window, tickets)
    dialog = _dialog(qtbot, window)
    qtbot.waitUntil(lambda: dialog._told is not None, timeout=LONG)
    assert not window.hub.is_training
    assert find(dialog, QPushButton, "tune.start").text() == "Go on"
    assert find(dialog, QSpinBox, "tune.trials").value() == 7
    assert find(dialog, QLineEdit, "tune.range.optim").text() == "adamw, muon"
    assert find(dialog, QCheckBox, "tune.key.optim").isChecked()
    assert not find(dialog, QCheckBox, "tune.key.warmup_ratio").isChecked()
    dialog.search.setCurrentIndex(dialog.search.findText("A new search"))
    dialog.search.activated.emit(dialog.search.currentIndex())
    assert find(dialog, QCheckBox, "tune.key.warmup_ratio").isChecked()
    assert find(dialog, QSpinBox, "tune.trials").value() == 15
    window.hub.close_project()
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=LONG)
