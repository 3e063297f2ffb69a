"""From a finished run on: its confusions, the model tried by hand, and the model handed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.widgets.banner import Banner
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.confusion import Confusion
from tests import run_folders
from tests.gui.conftest import HOSTILE
from tests.windows import LONG, click, find, open_in, project_of

NAMES = (HOSTILE, "travel")


def _cell(window: MainWindow, *, wrong: bool) -> tuple[int, int, int]:
    """A cell of the matrix with its count: (true, predicted, count)."""
    details = project_of(window).runs.get(1).details["test"]
    assert tuple(details["labels"]) == NAMES
    return next((row, column, count) for row, column, count in details["confusion"] if (row != column) == wrong)


@pytest.mark.parametrize(("by", "renamed"), [("mouse", False), ("keyboard", False), ("mouse", True)])
def test_a_cell_of_the_matrix_opens_its_texts(
    qtbot: QtBot, window: MainWindow, tickets: Path, by: str, *, renamed: bool
) -> None:
    project = open_in(qtbot, window, tickets, "results")
    matrix = find(window, Confusion, "results.confusion")
    row, column, count = _cell(window, wrong=False)
    number, name = next((one.id, one.name) for one in project.classes.all() if one.name == NAMES[row])
    if renamed:
        name = "another name"
        project.classes.rename(number, name)
    if by == "mouse":
        place = matrix.cell_rect(row, column).center()
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(int(place.x()), int(place.y())))
    else:
        matrix.setFocus()
        for key, times in ((Qt.Key.Key_Down, row), (Qt.Key.Key_Right, column), (Qt.Key.Key_Return, 1)):
            for _ in range(times):
                qtbot.keyClick(matrix, key)
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle)
    page = window.page("label")
    assert isinstance(page, LabelPage)
    chip = find(window, QPushButton, "label.filter_chip")
    assert chip.isVisible()
    assert name.replace("&", "&&") in chip.text()
    seen: list[int] = []
    while page.item is not None and page.item.id not in seen:
        seen.append(page.item.id)
        item = project.items.get(page.item.id)
        assert item is not None
        assert item.value == number
        qtbot.keyClick(page, Qt.Key.Key_D)
    assert len(seen) == count
    click(qtbot, window, "label.filter_chip")
    assert not chip.isVisible()
    qtbot.waitUntil(lambda: window.hub.background.idle)


def test_a_label_of_the_table_opens_its_texts_by_enter(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "results")
    table = find(window, QTableWidget, "results.by_label")
    table.setFocus()
    table.setCurrentCell(0, 0)
    chosen = table.item(0, 0)
    assert chosen is not None
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle)
    assert chosen.text().replace("&", "&&") in find(window, QPushButton, "label.filter_chip").text()


def test_runs_sort_by_their_values(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "results")
    table = find(window, QTableWidget, "results.runs")
    accuracy = project_of(window).runs.get(1).metrics["test"]["accuracy"]
    shown = [cell.text() for column in range(table.columnCount()) if (cell := table.item(0, column)) is not None]
    assert any(words.startswith(f"{100 * accuracy:.1f} % (") for words in shown)
    assert "finished" in shown
    assert "80 texts" in shown


def _wait_for_words(qtbot: QtBot, label: QLabel, words: str) -> None:
    qtbot.waitUntil(lambda: label.text() == words, timeout=LONG)


def test_a_text_is_answered_and_an_empty_one_is_not(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "try")
    text, answer = find(window, QPlainTextEdit, "try.text"), find(window, QLabel, "try.answer")
    bars = window.page("try").findChildren(Bars)[0]
    for topic, name in (("soup bread oven", HOSTILE), ("train ticket map", "travel")):
        assert topic.split()[0] in run_folders.WORDS["food"] + run_folders.WORDS["travel"]
        text.clear()
        qtbot.keyClicks(text, topic)
        _wait_for_words(qtbot, answer, name)
        shares = [float(words.removesuffix(" %")) for _, _, words in bars._rows]
        assert sum(shares) == pytest.approx(100, abs=0.2)
        assert bars._rows[0][0] == name
    text.clear()
    qtbot.waitUntil(lambda: not answer.text())
    assert bars._rows == ()
    qtbot.keyClicks(text, "   ")
    qtbot.keyClick(text, Qt.Key.Key_Tab)
    assert not text.hasFocus()
    assert not find(window, QLabel, "try.problem").isVisible()


def test_a_full_folder_is_refused_and_a_new_one_is_filled(
    qtbot: QtBot, window: MainWindow, tickets: Path, tmp_path: Path
) -> None:
    open_in(qtbot, window, tickets, "export")
    folder, result = find(window, QLineEdit, "export.folder"), find(window, QLabel, "export.result")
    assert folder.text()
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    folder.setText(str(taken))
    click(qtbot, window, "export.go")
    banner = find(window, Banner, "banner")
    qtbot.waitUntil(banner.isVisible, timeout=LONG)
    assert str(taken) in banner.text()
    assert result.text() == ""
    assert [one.name for one in taken.iterdir()] == ["mine.txt"]
    new = tmp_path / "new & <b>"
    folder.setText(str(new))
    click(qtbot, window, "export.go")
    qtbot.waitUntil(lambda: bool(result.text()), timeout=LONG)
    assert str(new) in result.text()
    assert "answers" in result.text()
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {one.name for one in new.iterdir()}
    assert find(window, QPushButton, "export.open").isVisible()
    assert find(window, QPlainTextEdit, "export.card").toPlainText() == (new / "README.md").read_text(encoding="utf-8")


@pytest.mark.spawned
def test_a_cancelled_export_leaves_the_page_free_and_no_folder(
    qtbot: QtBot, window: MainWindow, tickets: Path, tmp_path: Path
) -> None:
    open_in(qtbot, window, tickets, "export")
    out = tmp_path / "out"
    out.mkdir()
    find(window, QLineEdit, "export.folder").setText(str(out / "model"))
    click(qtbot, window, "export.go")
    go = find(window, QPushButton, "export.go")
    assert not go.isEnabled()
    click(qtbot, window, "status.cancel")
    qtbot.waitUntil(lambda: go.isEnabled() and window.hub.background.idle, timeout=LONG)
    assert list(out.iterdir()) == []
    assert find(window, QLabel, "export.result").text() == ""


@pytest.mark.spawned  # while it loads its libraries there is time to cancel
def test_a_cancelled_look_at_the_waiting_texts_can_be_begun_again(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    project = open_in(qtbot, window, tickets, "label")
    suggest = find(window, QPushButton, "label.suggest")
    qtbot.waitUntil(suggest.isVisible)
    suggest.click()
    assert not suggest.isEnabled()
    click(qtbot, window, "status.cancel")
    qtbot.waitUntil(suggest.isEnabled, timeout=LONG)
    click(qtbot, window, "label.suggest")
    qtbot.waitUntil(lambda: project.predictions.has_any() and window.hub.background.idle, timeout=LONG)


def test_a_split_is_measured_again(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    project = open_in(qtbot, window, tickets, "results")
    before = project.runs.get(1).metrics["test"]
    click(qtbot, window, "results.measure")
    measure = find(window, QPushButton, "results.measure")
    assert not measure.isEnabled()
    qtbot.waitUntil(lambda: measure.isEnabled() and window.hub.background.idle, timeout=LONG)
    assert project.runs.get(1).metrics["test"]["accuracy"] == before["accuracy"]
    assert not window.banner.isVisible()


def test_what_a_run_trained_on_is_a_click_away(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    project = open_in(qtbot, window, tickets, "results")
    click(qtbot, window, "results.data")
    qtbot.waitUntil(lambda: window.page_name == "data" and window.hub.background.idle)
    assert find(window, QLineEdit, "snapshots.hash").text() == project.runs.get(1).snapshot["sha256"]
    assert find(window, QLabel, "snapshots.state").text().startswith("Whole")
