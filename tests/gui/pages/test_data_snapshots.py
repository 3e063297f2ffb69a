"""The tab Snapshots: each run's frozen rows are listed, read by pages, compared with today and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_snapshots import SnapshotsTab
from desktop_llm.jobs import recipe as recipes
from desktop_llm.rows import Changes, Edit
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import training
from tests.gui.pages.conftest import fill
from tests.gui.pages.test_data import HOSTILE, page
from tests.windows import click, find

__all__ = ["page"]
COUNT = 450
RECIPE = TASKS["text_classification"].recipe


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """More rows than two pages hold; no run yet."""
    return opened([(f"{HOSTILE} {place}", ("yes", "no")[place % 2]) for place in range(COUNT)])


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> SnapshotsTab:
    """The tab with the rows of run 1."""
    training.prepare(project, RECIPE)
    return show(page, qtbot)


def show(page: DataPage, qtbot: QtBot) -> SnapshotsTab:
    """Show the tab and wait for the rows of the newest run."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("snapshots")
    made = page.tab("snapshots")
    assert isinstance(made, SnapshotsTab)
    qtbot.waitUntil(lambda: made.rows.model.rowCount() > 0)
    return made


def cells(table: QTableView, column: int) -> list[str]:
    """A column as it is shown now."""
    model = table.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def words(tab: SnapshotsTab, name: str) -> str:
    """What a label says."""
    return find(tab, QLabel, f"snapshots.{name}").text()


def test_a_project_without_runs_says_the_next_step(page: DataPage, project: Project, hub: Hub, qtbot: QtBot) -> None:
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("snapshots")
    with qtbot.waitSignal(hub.page_asked) as asked:
        click(qtbot, page, "snapshots.go")
    assert asked.args == ["train", {}]
    training.prepare(project, RECIPE)
    hub.changed.emit(Changes(runs=True))
    tab = page.tab("snapshots")
    assert isinstance(tab, SnapshotsTab)
    qtbot.waitUntil(lambda: tab.rows.model.rowCount() == COUNT)


def test_a_run_is_told_with_its_hash_which_can_be_copied(tab: SnapshotsTab, project: Project, qtbot: QtBot) -> None:
    told = project.runs.get(1).snapshot
    assert cells(tab.table, 0) == ["1"]
    assert cells(tab.table, 3) == [str(told["train"])]
    assert find(tab, QLineEdit, "snapshots.hash").text() == told["sha256"]
    assert words(tab, "state").startswith("Whole")
    assert words(tab, "fact.labels") == "2: yes, no"
    assert not find(tab, QLabel, "snapshots.fact.unlabeled").isVisible()
    click(qtbot, tab, "snapshots.copy")
    assert QGuiApplication.clipboard().text() == told["sha256"]


def test_rows_without_a_label_are_told_and_shown_with_the_others(
    page: DataPage, opened: Callable[..., Project], qtbot: QtBot, trained: Path
) -> None:
    rows = [(f"a text {place}", ("food", "travel")[place % 2]) for place in range(COUNT)]  # what the teacher knows
    project = opened([*rows, *((f"of nobody {place}", None) for place in range(3))], "Others")
    values = {"teacher": str(trained / "runs" / "0001" / "model"), "distillation_unlabeled": True}
    training.prepare(project, recipes.changed(RECIPE, values))
    tab = show(page, qtbot)
    qtbot.waitUntil(lambda: tab.rows.model.rowCount() == COUNT + 3)
    assert words(tab, "fact.unlabeled") == "3 rows"
    assert find(tab, QLabel, "snapshots.fact.unlabeled").isVisible()
    tab.rows.table.scrollToBottom()
    qtbot.waitUntil(lambda: cells(tab.rows.table, 0)[-1] == "of nobody 2")
    assert [cells(tab.rows.table, column)[-1] for column in (1, 2)] == ["", "unlabeled"]


def test_its_rows_are_read_page_by_page_over_all_splits(tab: SnapshotsTab, project: Project, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "…" not in cells(tab.rows.table, 0))
    told = project.runs.get(1).snapshot
    splits = cells(tab.rows.table, 2)
    assert splits == [name for name in ("train", "validation", "test") for _ in range(told[name])]
    assert sorted(cells(tab.rows.table, 0)) == sorted(f"{HOSTILE} {place}" for place in range(COUNT))


def change(project: Project) -> None:
    """One row gone, one of another text, one of another label, two moved, three new."""
    names = {one.name: one.id for one in project.classes.all()}
    train = [row.id for row in project.items.labelled() if row.split == "train"]
    edits = [
        Edit(item=train[0], to_bin=True),
        Edit(item=train[1], content={"text": "<i>other</i>"}),
        *(Edit(item=item, split="test") for item in train[2:4]),
    ]
    project.operations.apply("by hand", "by hand", edits)
    row = project.items.get(train[4])
    assert row is not None
    project.labels.set(row.id, names["no" if row.value == names["yes"] else "yes"])
    fill(project, [(f"new {place}", "yes") for place in range(3)], "new.csv")


def tabs(tab: SnapshotsTab) -> list[str]:
    """What can be listed."""
    return [tab.rows.kinds.tabText(place) for place in range(tab.rows.kinds.count())]


def test_every_difference_is_counted_and_listed(
    tab: SnapshotsTab, page: DataPage, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    change(project)
    click(qtbot, tab, "snapshots.compare")
    expected = ["All", "Gone 1", "New 3", "Other text 1", "Other label 1", "Other split 2"]
    qtbot.waitUntil(lambda: tabs(tab) == expected)
    assert words(tab, "kind.words") == f"{COUNT - 5:,} rows are today as they were."
    table = tab.rows.differing
    tab.rows.show_kind("text")
    assert cells(table, 2) == ["<i>other</i>"]
    tab.rows.show_kind("split")
    assert (cells(table, 1), cells(table, 2)) == (["train"] * 2, ["test"] * 2)
    tab.rows.show_kind("label")
    assert sorted(cells(table, 1) + cells(table, 2)) == ["no", "yes"]
    tab.rows.show_kind("new")
    assert cells(table, 3) == ["new 0", "new 1", "new 2"]
    table.setFocus()
    table.selectRow(1)
    with qtbot.waitSignal(hub.page_asked) as asked:
        QTest.keyClick(table, Qt.Key.Key_Return)
    assert asked.args == ["label", {"item": int(cells(table, 0)[1])}]
    tab.rows.show_kind("gone")
    table.selectRow(0)
    with qtbot.waitSignal(hub.message_shown) as told:
        QTest.keyClick(table, Qt.Key.Key_Return)
    assert told.args is not None
    assert "no longer in the project" in told.args[0]
    # what comes to be afterwards is not in these figures
    hub.changed.emit(Changes(items=True))
    assert any("compare again" in label.text() for label in tab.rows.findChildren(QLabel))


def test_nothing_differs(tab: SnapshotsTab, qtbot: QtBot) -> None:
    click(qtbot, tab, "snapshots.compare")
    qtbot.waitUntil(lambda: words(tab, "kind.words").startswith("All 450 rows are today as they were"))


def test_comparing_is_cancelled(tab: SnapshotsTab, qtbot: QtBot) -> None:
    click(qtbot, tab, "snapshots.compare")
    cancel = find(tab, QPushButton, "snapshots.cancel")
    assert cancel.isVisible()
    click(qtbot, tab, "snapshots.cancel")
    qtbot.waitUntil(lambda: not cancel.isVisible())
    assert tabs(tab) == []
    assert find(tab, QPushButton, "snapshots.compare").isEnabled()


def test_its_rows_are_saved_as_a_file(tab: SnapshotsTab, hub: Hub, tmp_path: Path, qtbot: QtBot) -> None:
    assert find(tab, QPushButton, "snapshots.save").isEnabled()
    with qtbot.waitSignal(hub.message_shown):
        tab.save(tmp_path / "data.jsonl", "jsonl")
    lines = (tmp_path / "data.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == COUNT
    assert json.loads(lines[0]).keys() == {"text", "label", "split"}


def test_the_run_that_is_asked_for_is_chosen(tab: SnapshotsTab, page: DataPage, project: Project, qtbot: QtBot) -> None:
    change(project)
    training.prepare(project, RECIPE)
    page.opened(tab="snapshots", run=2)
    qtbot.waitUntil(lambda: cells(tab.table, 0) == ["2", "1"] and tab.rows.model.rowCount() == COUNT + 2)
    page.opened(tab="snapshots", run=1)
    qtbot.waitUntil(lambda: tab.rows.model.rowCount() == COUNT and tab.table.currentIndex().row() == 1)
    assert find(tab, QLineEdit, "snapshots.hash").text() == project.runs.get(1).snapshot["sha256"]


def test_damaged_data_is_told_and_nothing_done_with_it(page: DataPage, project: Project, qtbot: QtBot) -> None:
    training.prepare(project, RECIPE)
    file = project.runs.folder(1).snapshot / "train.jsonl"
    file.write_bytes(file.read_bytes().replace(b"bold", b"BOLD", 1))
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("snapshots")
    tab = page.tab("snapshots")
    assert isinstance(tab, SnapshotsTab)
    qtbot.waitUntil(lambda: "was changed" in words(tab, "state"))
    for name in ("compare", "save"):
        assert not find(tab, QPushButton, f"snapshots.{name}").isEnabled()
    assert tab.rows.model.rowCount() == 0
