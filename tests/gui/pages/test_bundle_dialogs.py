"""Bundles by window: what is sent, the look before anything is taken, what came, and every problem as one sentence."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm import paths
from desktop_llm.data import bundle
from desktop_llm.errors import Cancelled
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.bundle_send import SendDialog
from desktop_llm.gui.pages.bundle_take import TakeDialog
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.projects import ProjectsPage
from desktop_llm.rows import Changes, Edit, Filter
from desktop_llm.store.project import Project, is_project
from desktop_llm.verbs import bundles
from tests.gui.pages.conftest import TASK, fill
from tests.gui.pages.test_data import HOSTILE, page
from tests.windows import click, find

__all__ = ["page"]
YES, NO = 1, 2


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project], hub: Hub, qtbot: QtBot) -> Project:
    """Ann's: three rows, the first labeled by her."""
    hub.save_settings(labeler="Ann")
    made = opened([(HOSTILE, None), ("second", None), ("third", None)])
    made.classes.ensure(["yes", "no"])
    made.labels.set(1, YES, "Ann")
    qtbot.waitUntil(lambda: hub.background.idle)
    return made


def of_ben(tmp_path: Path, name: str = "Tickets", guideline: str = "") -> Path:
    """A bundle of Ben's copy: he labeled the first row otherwise, the second alone, and found a fourth."""
    copy = Project.create(tmp_path / "Ben", TASK.name, name)
    copy.classes.ensure(["yes", "no"])
    fill(copy, [(HOSTILE, None), ("second", None), ("fourth", None)])
    copy.labels.set(1, NO, "Ben")
    copy.guidelines.write(guideline, "Ben")
    copy.labels.set(2, YES, "Ben")
    bundles.write(copy, tmp_path / "ben.dllm", labeler="Ben")
    copy.close()
    return tmp_path / "ben.dllm"


def drop(page: DataPage | ProjectsPage, *files: Path) -> None:
    """Drop files on a page."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    nothing = Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, nothing))


def taking(page: DataPage | ProjectsPage, qtbot: QtBot) -> TakeDialog:
    """The dialog, after it has looked."""
    dialog = find(page, TakeDialog, "bundle.take")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    return dialog


def told(dialog: TakeDialog | SendDialog, name: str) -> str:
    """What a label of the dialog says."""
    return find(dialog, QLabel, f"{dialog.objectName()}.{name}").text()


def gone() -> None:
    """Take closed dialogs away, as the event loop does."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def sending(page: DataPage, qtbot: QtBot) -> SendDialog:
    """The dialog that sends, with what can be sent."""
    page.opened(send=True)
    dialog = find(page, SendDialog, "bundle.send")
    qtbot.waitUntil(lambda: dialog.rows.count() > 1)
    return dialog


def test_what_is_sent_is_what_was_chosen(page: DataPage, project: Project, qtbot: QtBot, tmp_path: Path) -> None:
    project.filters.put("Thirds", Filter(text="third"))
    dialog = sending(page, qtbot)
    choices = [dialog.rows.itemText(place) for place in range(dialog.rows.count())]
    assert choices == ["All 3 rows", "The 2 without a label", "Kept filter: Thirds"]
    assert dialog.suggested() == "Tickets – Ann.dllm"
    counts = []
    for place in range(3):
        dialog.rows.setCurrentIndex(place)
        file = tmp_path / f"{place}.dllm"
        dialog.write(file)
        qtbot.waitUntil(lambda file=file: str(file) in told(dialog, "work.words"))  # type: ignore[misc]
        head = bundles.look(file)
        counts.append((head.rows, head.events, head.labeler))
    assert counts == [(3, 1, "Ann"), (2, 0, "Ann"), (1, 0, "Ann")]
    dialog.reject()
    gone()


def test_a_name_given_while_sending_is_kept_and_an_ending_added(
    page: DataPage, project: Project, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = sending(page, qtbot)
    name = find(dialog, QLineEdit, "bundle.send.name")
    name.setText("Anna")
    name.editingFinished.emit()
    assert hub.settings.labeler == "Anna"
    dialog.write(tmp_path / "v1.2")
    qtbot.waitUntil(lambda: "v1.2.dllm" in told(dialog, "work.words"))
    assert bundles.look(tmp_path / "v1.2.dllm").labeler == "Anna"
    dialog.write(tmp_path / "missing" / "x.dllm")
    qtbot.waitUntil(lambda: "does not exist" in told(dialog, "work.words"))
    dialog.reject()
    gone()


def test_a_bundle_is_looked_at_before_anything_is_taken(
    page: DataPage, project: Project, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    drop(page, of_ben(tmp_path, "Other tickets"))
    dialog = taking(page, qtbot)
    assert told(dialog, "from") == "Ben"
    assert told(dialog, "project") == "Other tickets · Text classification"
    assert told(dialog, "holds") == "3 rows with 2 entries of their history"
    assert "comes from the project “Other tickets”" in told(dialog, "note")
    assert project.items.counts().total == 3
    with qtbot.waitSignal(hub.changed) as changed:
        click(qtbot, dialog, "bundle.take.go")
    assert changed.args is not None
    assert changed.args[0].items
    assert told(dialog, "work.words").splitlines() == [
        "New rows: 1 · new entries of the labels’ history: 2",
        "One row has two labels now and waits for a decision.",
    ]
    assert project.items.counts().total == 4
    with qtbot.waitSignal(hub.page_asked) as asked:
        click(qtbot, dialog, "bundle.take.decide")
    assert asked.args == ["label", {"show": "disputed"}]
    gone()


def test_the_guideline_that_came_is_told_of(page: DataPage, project: Project, qtbot: QtBot, tmp_path: Path) -> None:
    file = of_ben(tmp_path, guideline="Read it to the end.")
    for lines in (["New versions of the guideline: 1"], []):
        drop(page, file)
        dialog = taking(page, qtbot)
        click(qtbot, dialog, "bundle.take.go")
        qtbot.waitUntil(lambda dialog=dialog: find(dialog, QPushButton, "bundle.take.go").isHidden())  # type: ignore[misc]
        assert told(dialog, "work.words").splitlines()[1:-1] == lines
        dialog.reject()
        gone()
    assert project.guidelines.get().text == "Read it to the end."
    assert [one.guideline for one in project.labels.history(2)] == [1]


def test_the_same_bundle_again_brings_nothing_and_what_lies_in_the_bin_stays_there(
    page: DataPage, project: Project, qtbot: QtBot, tmp_path: Path
) -> None:
    project.operations.apply("delete", "Delete", [Edit(item=1, to_bin=True)])
    file = of_ben(tmp_path)
    left = "About rows that lie in your bin, and left out: 1"
    for expected in ("New rows: 1 · new entries of the labels’ history: 1", "Nothing in it was new."):
        drop(page, file)
        dialog = taking(page, qtbot)
        click(qtbot, dialog, "bundle.take.go")
        qtbot.waitUntil(lambda dialog=dialog: find(dialog, QPushButton, "bundle.take.go").isHidden())  # type: ignore[misc]
        assert told(dialog, "work.words").splitlines()[0].startswith(expected)
        assert told(dialog, "work.words").splitlines()[1:] == [left]
        assert find(dialog, QPushButton, "bundle.take.decide").isHidden()
        dialog.reject()
        gone()


def damaged(file: Path, **head: object) -> Path:
    """The bundle with another head."""
    made = file.with_name("damaged.dllm")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == bundle.HEAD:
                content = json.dumps({**json.loads(content), **head}).encode()
            new.writestr(name, content)
    return made


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ({"format": 9}, "newer desktop_llm"),
        ({"task": "weather"}, "“weather”, is not known here"),
        ({"rows": -1}, "is damaged"),
        ({"labeler": "Ann"}, ""),
    ],
)
def test_what_cannot_be_taken_says_why_at_once(
    page: DataPage, project: Project, qtbot: QtBot, tmp_path: Path, head: dict[str, object], words: str
) -> None:
    drop(page, damaged(of_ben(tmp_path), **head))
    dialog = taking(page, qtbot)
    assert words in told(dialog, "work.words")
    assert find(dialog, QPushButton, "bundle.take.go").isEnabled() == (not words)
    if not words:
        assert "sent under the name that you go by" in told(dialog, "note")
    dialog.reject()
    gone()


def test_taking_can_be_cancelled_and_what_came_stays(
    page: DataPage, project: Project, hub: Hub, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, real = threading.Event(), bundles.take

    def slow(project: Project, path: Path, **how: Any) -> bundles.Taken:
        real(project, path)
        begun.set()
        while not how["should_stop"]():
            threading.Event().wait(0.01)
        raise Cancelled

    monkeypatch.setattr(bundles, "take", slow)
    drop(page, of_ben(tmp_path))
    dialog = taking(page, qtbot)
    click(qtbot, dialog, "bundle.take.go")
    qtbot.waitUntil(begun.is_set)
    assert not find(dialog, QPushButton, "bundle.take.go").isEnabled()
    with qtbot.waitSignal(hub.changed) as changed:
        dialog.reject()  # closing it stops first, and then says how far it came
    assert changed.args == [Changes(items=True, labels=True, classes=True)]
    assert dialog.isVisible()
    assert told(dialog, "work.words").startswith("Stopped: what was taken by then stays")
    assert project.items.counts().total == 4
    dialog.reject()
    assert not dialog.isVisible()
    gone()


def test_a_project_whose_making_is_cancelled_is_not_there(
    projects: ProjectsPage, hub: Hub, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slow(project: Project, path: Path, **how: Any) -> bundles.Taken:
        begun.set()
        while not how["should_stop"]():
            threading.Event().wait(0.01)
        raise Cancelled

    monkeypatch.setattr(bundles, "take", slow)
    drop(projects, of_ben(tmp_path))
    dialog = taking(projects, qtbot)
    click(qtbot, dialog, "bundle.take.go")
    qtbot.waitUntil(begun.is_set)
    assert is_project(paths.projects_dir() / "Tickets")
    click(qtbot, dialog, "bundle.take.work.cancel")
    qtbot.waitUntil(lambda: "no project was made" in told(dialog, "work.words"))
    assert not (paths.projects_dir() / "Tickets").exists()
    assert hub.project is None
    dialog.reject()
    gone()


def test_bundles_and_other_files_are_not_taken_together(
    page: DataPage, project: Project, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(hub.error_shown) as shown:
        drop(page, of_ben(tmp_path), tmp_path / "rows.csv")
    assert shown.args is not None
    assert "one after the other" in shown.args[0].message


@pytest.fixture
def projects(qtbot: QtBot, hub: Hub) -> ProjectsPage:
    """The page of projects, shown; nothing is open."""
    made = ProjectsPage(hub)
    qtbot.addWidget(made)
    hub.project_opened.connect(made.set_project)
    made.show()
    qtbot.waitUntil(lambda: hub.background.idle)
    return made


def test_a_bundle_dropped_on_projects_becomes_one(
    projects: ProjectsPage, hub: Hub, qtbot: QtBot, tmp_path: Path
) -> None:
    drop(projects, of_ben(tmp_path, "R&D: <b>"))
    dialog = taking(projects, qtbot)
    assert find(dialog, QLineEdit, "bundle.take.name").text() == "R&D: <b>"
    assert str(paths.projects_dir() / "R&D_ _b") in told(dialog, "note")
    dialog.name.clear()
    assert not find(dialog, QPushButton, "bundle.take.go").isEnabled()
    dialog.name.setText("From Ben")
    with qtbot.waitSignals([hub.project_opened, hub.message_shown]):
        click(qtbot, dialog, "bundle.take.go")
    assert hub.project is not None
    assert (hub.project.name, hub.project.path) == ("From Ben", paths.projects_dir() / "From Ben")
    assert hub.project.items.counts().total == 3
    qtbot.waitUntil(lambda: hub.background.idle)
    gone()
    # the same name again: one sentence, and the project that has it stays as it is
    drop(projects, tmp_path / "ben.dllm")
    dialog = taking(projects, qtbot)
    dialog.name.setText("From Ben")
    click(qtbot, dialog, "bundle.take.go")
    qtbot.waitUntil(lambda: "There is a project in" in told(dialog, "work.words"))
    assert is_project(paths.projects_dir() / "From Ben")
    dialog.reject()
    gone()


def test_several_bundles_come_one_after_the_other(
    page: DataPage, project: Project, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "photo.dllm").write_bytes(b"no bundle")
    drop(page, of_ben(tmp_path), tmp_path / "photo.dllm")
    first = taking(page, qtbot)
    assert told(first, "from") == "Ben"
    first.reject()
    gone()
    qtbot.waitUntil(lambda: page.findChild(TakeDialog, "bundle.take") is not None)
    second = taking(page, qtbot)
    assert "no bundle" in told(second, "work.words")
    second.reject()
    gone()
