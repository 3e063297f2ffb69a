"""The dialog of the learning rate, drawn in the theme: a curve whose words can be read, and one rate to take.

Here, too, as it needs the theme: a choice that is as wide as its longest entry cuts none.
"""

from __future__ import annotations

import math

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QStyle, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.rate_dialog import RateDialog
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import rate_curve
from desktop_llm.tasks import TASKS
from desktop_llm.widgets.form import AROUND, Choice
from desktop_llm.widgets.line_plot import LinePlot
from tests import run_folders
from tests.windows import find


def test_the_curve_can_be_read_and_its_rate_is_taken(qtbot: QtBot, window: MainWindow) -> None:
    dialog = RateDialog(window.hub, window, TASKS[run_folders.TASK].recipe)  # no project is open: nothing is measured
    dialog.open()
    rates = [10 ** (-7 + place / 10) for place in range(60)]
    dialog._show(rate_curve.of(rates, [3 - 2 / (1 + math.exp(-4 * (math.log10(rate) + 3))) for rate in rates]))
    found = dialog._found
    assert found is not None
    assert f"falls fastest at a learning rate of {found.suggested:g}" in find(dialog, QLabel, "rate.words").text()
    axis = find(dialog, LinePlot, "rate.plot")._plot.getAxis("bottom")
    assert axis.tickStrings([-5.0, -4.0], 1.0, 1.0) == ["1e-5", "1e-4"]
    title = axis.label
    assert isinstance(title, pg.QtWidgets.QGraphicsTextItem)
    qtbot.waitUntil(lambda: title.isVisible())
    letters = title.mapRectToScene(title.boundingRect()).bottom() - title.document().documentMargin()
    assert letters <= axis.scene().views()[0].height()
    chosen: list[float] = []
    dialog.rate_chosen.connect(chosen.append)
    qtbot.mouseClick(find(dialog, QPushButton, "rate.use"), Qt.MouseButton.LeftButton)
    assert chosen == [found.suggested]


def test_a_choice_as_wide_as_its_longest_entry_cuts_none(qtbot: QtBot, window: MainWindow) -> None:
    box = Choice(window)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.addItem("Run 3 · from scratch · search 1, trial 2 · 33.3 %")
    box.ensurePolished()
    box.resize(box.sizeHint())
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    field = QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, box).width()
    assert room - AROUND >= option.fontMetrics.horizontalAdvance(box.currentText())
