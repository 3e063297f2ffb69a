"""Painting must not use up references to None.

PySide6 6.12.0 gives up one reference at every call that returns nothing; below Python 3.12, where None
can die, the program aborts after a minute of plotting. This notices before a person does.
"""

from __future__ import annotations

import sys

import pyqtgraph
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

REPAINTS = 2_000
# The broken binding lost thousands. Gaining is harmless (6.11 gains some at each setData, and memory
# stays level): only a count that sinks to nothing ends the program.
TOLERATED = 50


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_repaints_keep_none_alive(qtbot: QtBot) -> None:
    plot, label = pyqtgraph.PlotWidget(), QLabel()
    qtbot.addWidget(plot)
    qtbot.addWidget(label)
    curve = plot.plot([0.0, 1.0, 0.0])
    plot.show()
    label.show()

    def repaint(times: int) -> None:
        for turn in range(times):
            curve.setData([0.0, float(turn % 7), 0.0])
            label.setText(str(turn))
            plot.grab()
            label.repaint()

    repaint(20)
    before = sys.getrefcount(None)
    repaint(REPAINTS)
    assert before - sys.getrefcount(None) < TOLERATED
