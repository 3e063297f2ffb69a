"""Imports under way and after their end: stopped, told in figures, and what was not taken."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import import_progress
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.import_progress import ProgressView
from desktop_llm.rows import ImportProgress
from desktop_llm.store.project import Project
from desktop_llm.verbs import merging
from desktop_llm.widgets.card import Tile
from tests.gui.pages.conftest import TASK
from tests.gui.pages.importing import Opened, button, click, figure, grid, label, look, open_page, take, texts, write

LARGE = 60_000


@pytest.fixture
def page(qtbot: QtBot, hub: Hub) -> DataPage:
    """The page, shown, and told of projects and changes as the window does."""
    return open_page(qtbot, hub)


def counted(page: DataPage, name: str) -> int:
    """A figure of the import under way."""
    found = page.findChild(Tile, f"data.progress.{name}")
    assert isinstance(found, Tile)
    return int(found.value().replace(",", "")) if found.isVisible() else -1


def test_what_became_of_labels_in_the_project_is_told_before_and_after(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    project = opened([("a", "Refund"), ("b", "<b>Money"), ("c", "Old")])
    numbers = project.classes.ensure([])
    merging.merge(project, TASK.labels, numbers["<b>Money"], numbers["Refund"])
    project.classes.archive(numbers["Old"])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\nd,<b>Money\ne,Old\n"))
    words = label(page, "data.words").text()
    assert "Merged in this project: “<b>Money” → “Refund”; its rows get the other label." in words
    assert "Archived in this project: “Old”; its rows get it, but it is not offered for others." in words
    take(page, qtbot)
    told = label(page, "data.fates")
    assert told.isVisible()
    assert told.text().splitlines() == [
        "Merged in this project: “<b>Money” → “Refund”; its rows have got the other label.",
        "Archived in this project: “Old”; its rows have got it. Edit labels offers it again.",
    ]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that takes a while."""
    lines = (f"row number {place} with some words in it,label {place % 5}\n" for place in range(LARGE))
    return write(tmp_path / "large.csv", "text,label\n" + "".join(lines))


def test_a_cancelled_import_leaves_nothing(page: DataPage, opened: Opened, qtbot: QtBot, large: Path) -> None:
    project = opened([("kept", None)])
    look(page, qtbot, large)
    click(page, "data.go")
    qtbot.waitUntil(lambda: counted(page, "rows") > 0, timeout=20_000)
    click(page, "data.cancel")
    qtbot.waitUntil(lambda: button(page, "data.go").isVisible(), timeout=20_000)
    assert texts(project) == ["kept"]
    assert project.classes.all() == []
    take(page, qtbot)
    assert project.items.counts().total == LARGE + 1


def test_an_import_under_way_is_told_in_figures(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_progress, "LEAST_SECONDS", 0.001)
    view = ProgressView()
    qtbot.addWidget(view)
    view.begin("rows.csv", "about 5,000", only_labels=False)
    view.show()
    view.show_progress(ImportProgress(fraction=0.1, imported=100))
    told = ImportProgress(fraction=0.5, imported=2000, duplicates=300, labeled=1500, rejected=45)
    far = view.findChild(QLabel, "data.far")
    assert isinstance(far, QLabel)

    def speed_is_told() -> bool:
        view.show_progress(told)
        return re.fullmatch(r"[\d,]+ rows per second · \d+ s left", far.text()) is not None

    qtbot.waitUntil(speed_is_told)
    shown = {name: tile.value() for name, tile in view.tiles.items() if tile.isVisible()}
    assert shown == {"rows": "2,345", "imported": "2,000", "labeled": "1,500", "duplicates": "300", "rejected": "45"}
    view.show_progress(replace(told, fraction=1.0))
    assert "put in order" in far.text()
    view.begin("labels.csv", "2", only_labels=True)
    view.show_progress(ImportProgress(fraction=0.0, duplicates=2, unknown=3))
    shown = {name: tile.value() for name, tile in view.tiles.items() if tile.isVisible()}
    assert shown == {"rows": "5", "unknown": "3", "duplicates": "2", "rejected": "0"}


def test_another_project_opens_while_an_import_runs(
    page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot, large: Path
) -> None:
    opened([], "First")
    look(page, qtbot, large)
    click(page, "data.go")
    qtbot.waitUntil(lambda: counted(page, "rows") > 0, timeout=20_000)
    problems: list[object] = []
    hub.error_shown.connect(problems.append)
    opened([("of the second", None)], "Second")
    qtbot.waitUntil(lambda: page.overview.rows.model.rowCount() == 1 and hub.background.idle)
    assert problems == []
    first = hub.settings.recent_projects[1]
    again = Project.open(Path(first))
    try:
        # broken off, unless its last row had come by then: never a part of it
        assert again.items.counts().total in (0, LARGE)
    finally:
        again.close()


def test_only_labels_can_be_taken(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    project = opened([("a", None), ("b", None)])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label,note\na,x,1\nnew,y,2\n"))
    tick = page.findChild(QCheckBox, "data.only_labels")
    assert isinstance(tick, QCheckBox)
    assert tick.isVisible()
    tick.click()
    qtbot.waitUntil(lambda: "No new texts" in label(page, "data.words").text())
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    assert "Kept beside" not in label(page, "data.words").text()
    take(page, qtbot)
    assert [figure(page, name) for name in ("imported", "labeled", "duplicates")] == ["1", "1", "1"]
    assert "Not in the project" in [one.text() for one in page.panel.report.tiles["imported"].findChildren(QLabel)]
    assert texts(project) == ["a", "b"]
    assert project.items.counts().labeled == 1


def test_files_dropped_together_come_one_after_the_other(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    project = opened([])
    files = [write(tmp_path / f"{name}.csv", f"text\n{name}\n") for name in ("one", "two")]
    look(page, qtbot, *files)
    take(page, qtbot)
    assert "two.csv" in button(page, "data.another").text()
    click(page, "data.another")
    qtbot.waitUntil(lambda: grid(page, "data.preview") == [["two"]] and button(page, "data.go").isEnabled())
    take(page, qtbot)
    assert texts(project) == ["one", "two"]


def test_the_report_can_be_kept(page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\na,x\n,y\nb,z\n"))
    take(page, qtbot)
    with qtbot.waitSignal(hub.message_shown):
        page.panel.report.save(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["imported"], told["rejected_count"], told["source"]) == (2, 1, "t.csv")
    assert (told["mapping"], told["encoding"]) == ({"text": "text", "label": "label"}, "utf-8")
    with qtbot.waitSignal(hub.error_shown) as problem:
        page.panel.report.save(tmp_path / "no such folder" / "report.json")
    assert problem.args is not None
    assert "does not exist" in problem.args[0].message


def test_rows_that_were_not_taken_are_shown_and_saved(
    page: DataPage, opened: Opened, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\na,x\n,y\nb,z\nc,d,e\n"))
    take(page, qtbot)
    button(page, "data.rejected_fold").click()
    assert grid(page, "data.rejected")[0] == ["3", "the text is empty", "", "y", ""]
    with qtbot.waitSignal(hub.message_shown) as told:
        page.panel.report.save_rejected(tmp_path / "rejected.csv")
    assert told.args is not None
    assert "The 2 rows that were not taken are in" in told.args[0]
    lines = (tmp_path / "rejected.csv").read_text().splitlines()
    assert lines[1] == '"3","the text is empty","","y",""'
    qtbot.waitUntil(button(page, "data.save_rejected").isEnabled)
    with qtbot.waitSignal(hub.error_shown):
        page.panel.report.save_rejected(tmp_path / "t.csv")
    look(page, qtbot, write(tmp_path / "fine.csv", "text,label\nall is well,x\n"))
    take(page, qtbot)
    assert button(page, "data.save_rejected").isHidden()
