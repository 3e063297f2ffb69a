"""The tab Compress: measured by a click, a point chosen and exported, a smaller model made and taken to Train."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox, QTabBar, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.result_compress import CompressTab
from desktop_llm.gui.pages.result_tabs import TABS
from desktop_llm.gui.pages.smaller_dialog import SmallerDialog
from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.widgets.scatter_plot import ScatterPlot
from tests.windows import LONG, click, find, open_in


def _open(qtbot: QtBot, window: MainWindow, trained: Path) -> CompressTab:
    open_in(qtbot, window, trained, "results")
    find(window, QTabBar, "results.tabs").setCurrentIndex(tuple(TABS).index("compress"))
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    return find(window, CompressTab, "results.tab.compress")


def test_a_point_is_measured_chosen_and_exported(qtbot: QtBot, window: MainWindow, formed: Path) -> None:
    tab = _open(qtbot, window, formed)
    assert tab.verdict.text().startswith("Nothing was measured yet.")
    assert not tab.export.isEnabled()
    click(qtbot, window, "results.compress.measure")
    table = find(window, QTableWidget, "results.compress.table")
    qtbot.waitUntil(lambda: table.rowCount() == 4, timeout=10 * LONG)
    plot = find(window, ScatterPlot, "results.compress.plot")
    assert [one.name for one in plot.dots()] == ["Run 1", "Run 1, ONNX", "Run 1, ONNX, 8 bits", "Run 1, ONNX, 4 bits"]
    assert plot.dots()[0].words.splitlines()[0] == "Run 1"
    assert "12 test rows" in tab.how.text()
    times = [one.x for one in plot.dots()]
    across = find(window, QComboBox, "results.compress.across")
    across.setCurrentIndex(1)
    across.activated.emit(1)
    assert [one.x for one in plot.dots()] != times
    plot.clicked.emit(2)
    assert table.currentRow() == 2
    assert tab.chosen is not None
    assert tab.chosen.format == "onnx-int8"
    click(qtbot, window, "results.compress.export")
    qtbot.waitUntil(lambda: window.page_name == "export" and window.hub.background.idle, timeout=LONG)
    assert find(window, QComboBox, "export.format").currentData() == "onnx-int8"
    assert find(window, QComboBox, "export.run").currentData() == 1


def test_what_was_measured_is_there_again(qtbot: QtBot, window: MainWindow, measured: Path) -> None:
    tab = _open(qtbot, window, measured)
    assert find(window, QTableWidget, "results.compress.table").rowCount() == 4
    assert tab.verdict.text()
    assert find(window, QPushButton, "results.compress.measure").text() == "Measure again"


def test_a_smaller_model_goes_to_train_with_its_teacher(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    tab = _open(qtbot, window, trained)
    click(qtbot, window, "results.compress.smaller")
    dialog = find(tab, SmallerDialog, "results.smaller")
    assert find(dialog, QSpinBox, "results.smaller.layers").value() == 1
    find(dialog, QCheckBox, "results.smaller.unlabeled").click()
    click(qtbot, dialog, "results.smaller.go")
    qtbot.waitUntil(lambda: window.page_name == "train", timeout=10 * LONG)
    page = window.page("train")
    assert isinstance(page, TrainPage)
    recipe = page.setup.recipe
    assert Path(recipe.model).name == "run1-1-layers-own-tokens"
    assert recipe.teacher == "1"
    assert recipe.distillation_unlabeled
    assert find(window, QLineEdit, "train.teacher").isVisible()
    assert find(window, QLineEdit, "train.distillation_weight").text() == "0.9"
    qtbot.waitUntil(lambda: find(window, QPushButton, "train.start").isEnabled(), timeout=LONG)


def test_a_student_of_one_that_writes_keeps_its_tokens(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    """Else it could not learn from it."""
    told = trained / "runs" / "0001" / "model" / "config.json"
    config = json.loads(told.read_text(encoding="utf-8"))
    told.write_text(json.dumps({**config, "architectures": ["LlamaForCausalLM"]}), encoding="utf-8")
    tab = _open(qtbot, window, trained)
    click(qtbot, window, "results.compress.smaller")
    tokens = find(find(tab, SmallerDialog, "results.smaller"), QCheckBox, "results.smaller.tokens")
    assert not tokens.isChecked()
    assert not tokens.isVisible()


def test_a_teacher_that_is_not_there_is_told_before_the_start(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    assert not find(window, QLineEdit, "train.teacher").isVisible()
    page.setup.set_values({"teacher": "7"})
    problem = find(window, QLabel, "train.problem")
    qtbot.waitUntil(lambda: "7" in problem.text(), timeout=LONG)
    assert not find(window, QPushButton, "train.start").isEnabled()


def test_points_are_found_by_the_pointer_and_lie_inside(qtbot: QtBot) -> None:
    from desktop_llm.widgets.scatter_plot import Dot

    plot = ScatterPlot("a.plot")
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    plot.show()
    qtbot.waitExposed(plot)
    values = [(12.0, 92.0, 91.0, 93.0), (4.0, 91.5, 90.5, 92.5), (1.5, 90.0, float("nan"), float("nan"))]
    dots = [
        Dot(name=f"dot {place}", x=x, y=y, low=low, high=high, role="accent", words=f"dot {place}")
        for place, (x, y, low, high) in enumerate(values)
    ]
    plot.show_dots(dots, "ms", "%")
    box = plot._plot.getPlotItem().getViewBox()
    (left, right), (bottom, top) = box.viewRange()
    assert left <= 0.0 < right
    assert bottom < 90.0
    assert top > 93.0
    for place, (x, y, _, _) in enumerate(values):
        at = box.mapViewToScene(QPointF(x, y))
        assert plot._place(at) == place
        assert plot._place(QPointF(at.x() + 40, at.y() + 40)) is None
    assert plot.accessibleName() == "dot 0; dot 1; dot 2"
