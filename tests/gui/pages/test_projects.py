"""The Projects page: make, open, go on, forget, and look around in the sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm import paths
from desktop_llm.errors import Cancelled
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import samples
from desktop_llm.gui.pages.projects import ProjectsPage, folder_name
from desktop_llm.store.project import Project, is_project
from tests.gui.pages.conftest import TASK

HOSTILE = "<b>x</b> & <img src=x>"


@pytest.fixture
def page(qtbot: QtBot, hub: Hub) -> ProjectsPage:
    """The page, shown."""
    made = ProjectsPage(hub)
    qtbot.addWidget(made)
    hub.project_opened.connect(made.set_project)
    made.resize(1096, 640)
    made.show()
    qtbot.waitUntil(lambda: hub.background.idle)
    return made


def click(page: ProjectsPage, name: str) -> None:
    """Click the button of that object name, as a person would."""
    found = page.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isEnabled()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def recent(page: ProjectsPage) -> list[tuple[str, bool]]:
    """Names in the list, and whether they can be opened."""
    found = page.recent.findChildren(QPushButton)
    cards = [one for one in found if one.objectName().startswith("projects.recent.")]
    return [(one.accessibleName(), one.isEnabled()) for one in cards]


def test_a_project_is_made_by_mouse(page: ProjectsPage, hub: Hub, qtbot: QtBot, tmp_path: Path) -> None:
    page.folder_field.setText(str(tmp_path / "work"))
    QTest.keyClicks(page.name_field, "Support: tickets?")
    with qtbot.waitSignals([hub.project_opened, hub.page_asked]):
        click(page, "projects.new")
    assert hub.project is not None
    assert hub.project.name == "Support: tickets?"
    assert hub.project.task == TASK.name
    assert hub.project.path == tmp_path / "work" / "Support_ tickets"
    assert page.name_field.text() == ""


def test_a_project_is_made_by_keyboard(page: ProjectsPage, hub: Hub, qtbot: QtBot) -> None:
    page.opened(new=True)
    QTest.keyClicks(page.name_field, "Reviews")
    with qtbot.waitSignal(hub.project_opened):
        QTest.keyClick(page.name_field, Qt.Key.Key_Return)
    assert hub.project is not None
    assert hub.project.path == paths.projects_dir() / "Reviews"


def test_nothing_is_made_without_a_name(page: ProjectsPage, hub: Hub) -> None:
    QTest.keyClicks(page.name_field, " ..")
    QTest.keyClick(page.name_field, Qt.Key.Key_Return)
    assert not page.create_button.isEnabled()
    assert hub.background.idle


@pytest.mark.parametrize(
    ("name", "folder"),
    [("Support tickets", "Support tickets"), ("a/b\\c", "a_b_c"), ("..", ""), ("反馈", "反馈"), ("x\ny. ", "x_y")],
)
def test_a_name_becomes_a_folder_on_every_system(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_a_taken_folder_is_told_and_the_name_stays(page: ProjectsPage, hub: Hub, qtbot: QtBot) -> None:
    (paths.projects_dir() / "Taken").mkdir(parents=True)
    (paths.projects_dir() / "Taken" / "something.txt").write_text("mine")
    QTest.keyClicks(page.name_field, "Taken")
    with qtbot.waitSignal(hub.error_shown) as told:
        click(page, "projects.new")
    assert told.args is not None
    assert "Taken" in told.args[0].message
    qtbot.waitUntil(page.create_button.isEnabled)
    assert page.name_field.text() == "Taken"
    assert hub.project is None


def test_recent_projects_that_are_gone_are_grey_and_can_be_removed(
    page: ProjectsPage, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    Project.create(tmp_path / "Here", TASK.name).close()
    hub.save_settings(recent_projects=(str(tmp_path / HOSTILE.replace("/", "")), str(tmp_path / "Here")))
    gone = HOSTILE.replace("/", "")
    qtbot.waitUntil(lambda: recent(page) == [(gone, False), ("Here", True)])
    assert {label.textFormat() for label in page.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    click(page, "projects.forget.0")
    assert recent(page) == [("Here", True)]
    assert hub.settings.recent_projects == (str(tmp_path / "Here"),)


def test_a_double_click_opens_once_and_to_write(page: ProjectsPage, hub: Hub, qtbot: QtBot, tmp_path: Path) -> None:
    Project.create(tmp_path / "Mine", TASK.name).close()
    hub.save_settings(recent_projects=(str(tmp_path / "Mine"),))
    qtbot.waitUntil(lambda: recent(page) == [("Mine", True)])
    card = page.findChild(QPushButton, "projects.recent.0")
    assert isinstance(card, QPushButton)
    with qtbot.waitSignal(hub.project_opened):
        card.click()
        card.click()
    qtbot.waitUntil(page.open_button.isEnabled)
    assert hub.project is not None
    assert not hub.project.read_only
    opened: list[Any] = []
    hub.project_opened.connect(opened.append)
    with qtbot.waitSignal(hub.page_asked) as asked:
        click(page, "projects.recent.0")
    assert asked.args == ["label", {}]
    assert opened == []


def test_the_sample_is_filled_and_opened_for_labeling(page: ProjectsPage, hub: Hub, qtbot: QtBot) -> None:
    with qtbot.waitSignal(hub.page_asked, timeout=20_000) as asked:
        click(page, "projects.sample")
    assert asked.args == ["label", {}]
    assert hub.project is not None
    counts = hub.project.items.counts()
    assert (counts.total, counts.labeled) == (240, 120)
    assert sorted(one.count for one in hub.project.classes.all()) == [20] * 6
    qtbot.waitUntil(page.open_button.isEnabled)
    with qtbot.waitSignal(hub.page_asked):
        click(page, "projects.sample")
    assert hub.project.items.counts().total == 240


def test_a_sample_that_was_stopped_leaves_nothing(tmp_path: Path) -> None:
    sample, *_ = samples.shipped()
    with pytest.raises(Cancelled):
        samples.make(sample, tmp_path, lambda: True)
    assert list(tmp_path.iterdir()) == []
    path = samples.make(sample, tmp_path)
    assert is_project(path)


def test_a_sample_left_empty_by_a_kill_is_filled(tmp_path: Path, counted: Callable[[Path], int]) -> None:
    sample, *_ = samples.shipped()
    Project.create(tmp_path / sample.name, sample.task, sample.name).close()
    assert counted(samples.make(sample, tmp_path)) == 240


@pytest.fixture
def counted() -> Callable[[Path], int]:
    """The number of rows in a project that nobody has open."""

    def count(path: Path) -> int:
        project = Project.open(path)
        try:
            return project.items.counts().total
        finally:
            project.close()

    return count


def test_the_sample_is_worth_labeling() -> None:
    sample, *_ = samples.shipped()
    rows = [json.loads(line) for line in sample.file.read_text(encoding="utf-8").splitlines()]
    assert len({row["text"].casefold() for row in rows}) == len(rows) == 240
    assert Counter(row["label"] for row in rows)[None] == 120
    openings = Counter(" ".join(row["text"].split()[:3]).casefold() for row in rows)
    assert openings.most_common(1)[0][1] <= 4, "texts that begin alike were made from a template"


@pytest.mark.parametrize("sample", samples.shipped(), ids=lambda one: one.task)
def test_every_sample_has_something_done_and_something_to_do(sample: samples.Sample, tmp_path: Path) -> None:
    project = Project.open(samples.make(sample, tmp_path))
    try:
        counts = project.items.counts()
    finally:
        project.close()
    assert counts.labeled
    assert counts.unlabeled
    assert sample.words
