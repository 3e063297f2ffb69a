"""The Results page: how sure figures are, runs against each other, slices, and the rows behind each, by the mouse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QTabBar, QTableView, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.limits_dialog import LimitsDialog
from desktop_llm.gui.pages.result_certainty import CertaintyTab
from desktop_llm.gui.pages.result_curves import CurvesTab
from desktop_llm.gui.pages.result_on import OnChoice
from desktop_llm.gui.pages.result_slices import SlicesTab
from desktop_llm.gui.pages.results import ResultsPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import evaluating
from desktop_llm.widgets.line_plot import LinePlot
from tests import projects
from tests.windows import LONG, click, find, open_in, project_of


@pytest.fixture(scope="module")
def _measured(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two runs, both measured on the test texts; only copied, never used."""
    path = shutil.copytree(_trained, tmp_path_factory.mktemp("measured") / "Tickets")
    projects.train(path)
    project = Project.open(path)
    for number in (1, 2):
        evaluating.evaluate(project, number)
    project.close()
    return path


@pytest.fixture
def measured(_measured: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(_measured, tmp_path / "Tickets")


def _tab(qtbot: QtBot, window: MainWindow, name: str) -> ResultsPage:
    page = window.page("results")
    assert isinstance(page, ResultsPage)
    from desktop_llm.gui.pages.result_tabs import TABS

    find(window, QTabBar, "results.tabs").setCurrentIndex(tuple(TABS).index(name))
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    return page


def _in_label(qtbot: QtBot, window: MainWindow, words: str) -> None:
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle, timeout=LONG)
    assert words in find(window, QPushButton, "label.filter_chip").text()


def test_figures_tell_between_what_they_lie_and_open_what_is_wrong(
    qtbot: QtBot, window: MainWindow, measured: Path
) -> None:
    project = open_in(qtbot, window, measured, "results")
    accuracy = project.runs.get(2).metrics["test"]["accuracy"]
    assert f"Accuracy {100 * accuracy:.1f} % (" in find(window, QLabel, "results.figures.line").text()
    wrong = find(window, QPushButton, "results.figures.wrong")
    assert wrong.text() == f"{round(12 * (1 - accuracy))} wrong ›"
    click(qtbot, window, "results.figures.wrong")
    _in_label(qtbot, window, "run 2 is wrong")


def test_two_runs_that_are_the_same_are_not_told_apart(qtbot: QtBot, window: MainWindow, measured: Path) -> None:
    open_in(qtbot, window, measured, "results")
    _tab(qtbot, window, "compare")
    verdict = find(window, QLabel, "results.compare.verdict")
    assert verdict.text().startswith("Run 2 and run 1 cannot be told apart by accuracy on the same 12 rows")
    model = find(window, QTableView, "results.compare.table").model()
    assert [model.index(0, column).data() for column in (0, 3, 4)] == ["Accuracy", "no", "+0.0"]
    assert len(find(window, LinePlot, "results.compare.plot").lines()) == 1, "runs that differ by nothing are one band"
    click(qtbot, window, "results.compare.none")
    _in_label(qtbot, window, "both have wrong")


def test_a_run_that_was_not_measured_is_measured_from_there(qtbot: QtBot, window: MainWindow, measured: Path) -> None:
    project = open_in(qtbot, window, measured, "results")
    project.filters.put("soups", Filter(text="soup"))
    page = window.page("results")
    page.opened()
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    choice = find(window, OnChoice, "results.split")
    choice.setCurrentIndex(next(place for place in range(choice.count()) if "soups" in choice.itemText(place)))
    choice.activated.emit(choice.currentIndex())
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert "was not measured on the filter “soups” yet" in find(window, QLabel, "results.note").text()
    _tab(qtbot, window, "compare")
    for number in (2, 1):
        assert find(window, QPushButton, "results.compare.measure").text() == f"Measure run {number}"
        click(qtbot, window, "results.compare.measure")
        qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
        assert project.evaluations.find(number, "filter", "soups") is not None
    assert "cannot be told apart" in find(window, QLabel, "results.compare.verdict").text()
    assert "among those that the run learned from" in find(window, QLabel, "results.note").text()


def test_a_bar_of_how_sure_opens_its_texts(qtbot: QtBot, window: MainWindow, measured: Path) -> None:
    open_in(qtbot, window, measured, "results")
    _tab(qtbot, window, "certainty")
    plot = find(window, LinePlot, "results.certainty.plot")
    assert plot.bars()
    assert "sure of an answer on average" in find(window, QLabel, "results.certainty.verdict").text()
    assert "Calibration error" in find(window, QLabel, "results.certainty.advice").text()
    table = find(window, QTableWidget, "results.certainty.table")
    assert table.rowCount() == len(plot.bars())
    table.setFocus()
    table.setCurrentCell(0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    _in_label(qtbot, window, "% sure")


@pytest.mark.parametrize("name", ["certainty", "curves"])
def test_what_was_asked_for_another_run_is_not_shown(
    qtbot: QtBot, window: MainWindow, measured: Path, name: str
) -> None:
    open_in(qtbot, window, measured, "results")
    page = _tab(qtbot, window, name)
    tab, shown = page._tab(name), page._shown
    assert isinstance(tab, CertaintyTab | CurvesTab)
    assert shown is not None
    tab.show_run(shown)
    tab.show_run(None)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert not tab._told


def test_curves_are_drawn_for_the_label_that_is_chosen(qtbot: QtBot, window: MainWindow, measured: Path) -> None:
    open_in(qtbot, window, measured, "results")
    _tab(qtbot, window, "curves")
    table = find(window, QTableWidget, "results.curves.labels")
    assert table.rowCount() == 3
    plot = find(window, LinePlot, "results.curves.pr")
    assert [one.name for one in plot.lines()] == ["all labels"]
    table.setCurrentCell(1, 0)
    first = table.item(1, 0)
    assert first is not None
    assert [one.name for one in plot.lines()] == [first.text()]


def test_curves_of_a_run_that_left_no_chances_are_measured(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "results")
    _tab(qtbot, window, "curves")
    click(qtbot, window, "results.curves.measure")
    table = find(window, QTableWidget, "results.curves.labels")
    qtbot.waitUntil(lambda: table.rowCount() == 3, timeout=LONG)


def test_slices_open_their_texts_and_keep_a_floor(
    qtbot: QtBot, window: MainWindow, measured: Path, tmp_path: Path
) -> None:
    project = open_in(qtbot, window, measured, "results")
    page = _tab(qtbot, window, "slices")
    by = find(window, QComboBox, "results.slices.by")
    by.setCurrentIndex(by.findData("label"))
    by.activated.emit(by.currentIndex())
    table = find(window, QTableWidget, "results.slices.table")
    qtbot.waitUntil(lambda: table.rowCount() == 2 and window.hub.background.idle, timeout=LONG)
    floor, refuse = find(window, QLineEdit, "results.slices.floor"), find(window, QCheckBox, "results.slices.refuse")
    floor.setText("100")
    refuse.click()
    rule = find(window, QLabel, "results.slices.rule")
    # with so few texts no slice is large enough to be judged
    qtbot.waitUntil(lambda: rule.text().startswith("This run may not be exported: by label no slice"), timeout=LONG)
    refuse.click()
    qtbot.waitUntil(lambda: not rule.text() and window.hub.background.idle, timeout=LONG)
    tab = page.findChild(SlicesTab)
    assert tab is not None
    tab.save_to(tmp_path / "report.md")
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert "## By label" in (tmp_path / "report.md").read_text(encoding="utf-8")
    table.setFocus()
    table.setCurrentCell(0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    _in_label(qtbot, window, "label: ")
    assert project is project_of(window)


def test_a_label_that_is_told_unlike_gets_a_limit_for_each_slice(
    qtbot: QtBot, window: MainWindow, measured: Path, tmp_path: Path
) -> None:
    open_in(qtbot, window, measured, "results")
    _tab(qtbot, window, "slices")
    rows = [
        {"text": f"{('soups', 'train')[place % 2]} {place:02}{more}", "label": ("food", "travel")[place % 2]}
        for place, more in enumerate(["", " today", " today", ""] * 16)
    ]
    find(window, OnChoice, "results.split").take_file(projects.write_csv(tmp_path / "new.csv", rows))
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    gaps = find(window, QTableWidget, "results.slices.gaps")
    qtbot.waitUntil(lambda: gaps.rowCount() == 2 and window.hub.background.idle, timeout=LONG)
    gaps.setFocus()
    gaps.setCurrentCell(1, 0)
    label = gaps.item(1, 0)
    assert label is not None
    qtbot.keyClick(gaps, Qt.Key.Key_Return)
    dialog = find(window, LimitsDialog, "limits")
    assert dialog.windowTitle() == f"A limit for each slice: {label.text()}"
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2 and dialog.table.isVisible(), timeout=LONG)
    assert dialog.verdict.text().startswith("The slices find ")
    assert dialog.remarks.text().startswith("Each limit is to find ")
    model = dialog.table.model()
    assert [model.index(row, 1).data() for row in range(2)] == ["16", "16"]
    assert not find(dialog, QPushButton, "limits.measure").isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_limits_need_all_chances_which_are_asked_for(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "results")
    page = _tab(qtbot, window, "slices")
    tab = page.findChild(SlicesTab)
    assert tab is not None
    tab.gaps.asked.emit("food")
    dialog = find(window, LimitsDialog, "limits")
    assert dialog.verdict.text().startswith("For this the model is asked for the chance of every label")
    assert not dialog.table.isVisible()
    click(qtbot, dialog, "limits.measure")
    qtbot.waitUntil(lambda: project.evaluations.find(1, "split", "test") is not None, timeout=LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    tab.gaps.asked.emit("food")
    again = find(window, LimitsDialog, "limits")
    qtbot.waitUntil(lambda: bool(again.verdict.text()), timeout=LONG)
    assert "nothing can be levelled" in again.verdict.text(), "twelve texts are too few"
    again.reject()


def test_a_file_is_measured_and_its_rows_are_listed(
    qtbot: QtBot, window: MainWindow, measured: Path, tmp_path: Path
) -> None:
    project = open_in(qtbot, window, measured, "results")
    rows = [{"text": f"soup {place}", "label": ("travel", "food")[place % 2]} for place in range(6)]
    file = projects.write_csv(tmp_path / "new.csv", rows)
    find(window, OnChoice, "results.split").take_file(file)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert project.evaluations.find(2, "file", str(file)) is not None
    click(qtbot, window, "results.figures.wrong")
    model = find(window, QTableView, "results.rows.table").model()
    assert model.rowCount() >= 3
    assert model.index(0, 3).data().startswith("soup")
    click(qtbot, window, "results.rows.close")
