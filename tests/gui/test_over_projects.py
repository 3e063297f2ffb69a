"""Pages over a change of project or of rows: nothing stays locked, nothing of the one is taken for the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.pages.try_it import TryPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import Changes
from desktop_llm.verbs.training import default_recipe
from tests import projects
from tests.gui.pages.conftest import TASK
from tests.windows import LONG, find, open_in, project_of


def test_a_project_closed_while_a_run_is_prepared_does_not_lock_the_next_one(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    paths = [projects.make(tmp_path / name) for name in ("One", "Two")]
    open_in(qtbot, window, paths[0], "train")
    start = find(window, QPushButton, "train.start")
    qtbot.waitUntil(start.isEnabled, timeout=LONG)
    page = window.page("train")
    assert isinstance(page, TrainPage)
    page.start()
    assert not start.isEnabled()
    window.hub.close_project()
    open_in(qtbot, window, paths[1], "train")
    qtbot.waitUntil(start.isEnabled, timeout=LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert start.isEnabled()
    assert project_of(window).runs.all() == []


@pytest.mark.parametrize("touched", [False, True])
def test_a_recipe_that_nobody_touched_follows_the_number_of_texts(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, *, touched: bool
) -> None:
    path = projects.make(tmp_path / "One")
    open_in(qtbot, window, path, "train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    assert page.setup.recipe.num_train_epochs == default_recipe(TASK, "scratch", 104).num_train_epochs
    if touched:
        page.setup.set_value("num_train_epochs", 7.0)
    told = page.state()
    project_of(window).items.insert(
        "more.csv",
        [projects.item(f"more words {place}", "food") for place in range(3000)],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )
    window.hub.close_project()
    page.restore(told)
    open_in(qtbot, window, path, "train")
    wanted = 7.0 if touched else default_recipe(TASK, "scratch", 3104).num_train_epochs
    qtbot.waitUntil(lambda: page.setup.recipe.num_train_epochs == wanted, timeout=LONG)


def test_a_text_tried_in_one_project_is_not_asked_in_the_next(
    qtbot: QtBot, window: MainWindow, tickets: Path, tmp_path: Path
) -> None:
    open_in(qtbot, window, tickets, "try")
    page = window.page("try")
    assert isinstance(page, TryPage)
    find(window, QPlainTextEdit, "try.text").setPlainText("soup and bread")
    qtbot.waitUntil(lambda: bool(page._last), timeout=LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    open_in(qtbot, window, projects.make(tmp_path / "Other"), "try")
    assert page._last == {}


def test_a_folder_typed_for_an_export_stays(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "export")
    folder = find(window, QLineEdit, "export.folder")
    qtbot.waitUntil(lambda: bool(folder.text()), timeout=LONG)
    folder.setText("/somewhere/else")
    window.hub.page_asked.emit("results", {})
    window.hub.page_asked.emit("export", {})
    window.hub.changed.emit(Changes(runs=True))
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert folder.text() == "/somewhere/else"
