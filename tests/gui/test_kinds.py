"""Every task through the window: a finished run's figures lead to its texts, the model is tried and handed on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import recipe as recipes
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import headless, training
from desktop_llm.widgets.confusion import Confusion
from tests import run_folders
from tests.tasks.fixture import fixture_of
from tests.windows import LONG, find, open_in, press

TRAINED = [one for one in TASKS.values() if one.several or one.ordered]


@pytest.fixture(scope="session", params=TRAINED, ids=[one.name for one in TRAINED])
def _made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Path]:
    """A project of the task with a run; only copied, never used."""
    task: Task = request.param
    kind, path = fixture_of(task).kind, tmp_path_factory.mktemp("kinds") / "Kinds"
    project = Project.create(path, task.name)
    for split, count in (("train", 60), ("test", 24), ("validation", 12)):
        items = [
            NewItem(content={"text": f"{row['text']} {split} {row['id']}"}, label=row["label"], split=split)
            for row in kind.rows(count, seed=count)
        ]
        project.items.insert(split, items, to_value=task.labels.to_value, class_names=task.labels.names)
    number, _ = training.prepare(project, recipes.changed(task.recipe, {**run_folders.TINY, "num_train_epochs": 4.0}))
    assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    project.close()
    return task, path


@pytest.fixture
def made(_made: tuple[Task, Path], tmp_path: Path) -> tuple[Task, Path]:
    """The task, and a project with a finished run."""
    return _made[0], shutil.copytree(_made[1], tmp_path / "Kinds")


def _seen(qtbot: QtBot, page: LabelPage) -> int:
    """How many rows the Label page goes through."""
    seen: list[int] = []
    while page.item is not None and page.item.id not in seen:
        seen.append(page.item.id)
        qtbot.keyClick(page, Qt.Key.Key_D)
    return len(seen)


def test_each_cell_opens_as_many_texts_as_it_says(qtbot: QtBot, window: MainWindow, made: tuple[Task, Path]) -> None:
    _, path = made
    project = open_in(qtbot, window, path, "results")
    details = project.runs.get(1).details["test"]
    cells = details.get("together") or details["confusion"]
    wrong = [cell for cell in cells if cell[0] != cell[1]][:1]
    for row, column, count in [*[cell for cell in cells if cell[0] == cell[1]][:1], *wrong]:
        press(qtbot, window, "Ctrl+4")
        window.hub.page_asked.emit("results", {})
        qtbot.waitUntil(lambda: window.page_name == "results" and window.hub.background.idle)
        matrix = next(one for one in window.page("results").findChildren(Confusion))
        place = matrix.cell_rect(row, column).center()
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(int(place.x()), int(place.y())))
        qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle)
        page = window.page("label")
        assert isinstance(page, LabelPage)
        assert _seen(qtbot, page) == count


def test_a_row_of_the_table_opens_its_texts(qtbot: QtBot, window: MainWindow, made: tuple[Task, Path]) -> None:
    task, path = made
    project = open_in(qtbot, window, path, "results")
    table = find(window, QTableWidget, "results.by_level" if task.ordered else "results.by_label")
    qtbot.waitUntil(lambda: table.rowCount() > 0)
    name = table.item(0, 0)
    assert name is not None
    details = project.runs.get(1).details["test"]
    told = details.get("per_level") or details["per_label"]
    support = next(one["support"] for one in told if one["label"] == name.text())
    table.setFocus()
    table.setCurrentCell(0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle)
    page = window.page("label")
    assert isinstance(page, LabelPage)
    assert _seen(qtbot, page) == support


def test_the_model_answers_a_text_that_is_typed(qtbot: QtBot, window: MainWindow, made: tuple[Task, Path]) -> None:
    _, path = made
    open_in(qtbot, window, path, "try")
    field, answer = find(window, QPlainTextEdit, "try.text"), find(window, QLabel, "try.answer")
    qtbot.waitUntil(field.isVisible, timeout=LONG)
    qtbot.keyClicks(field, "the old bread is awful")
    qtbot.waitUntil(lambda: bool(answer.text()), timeout=LONG)
    assert "[" not in answer.text()
