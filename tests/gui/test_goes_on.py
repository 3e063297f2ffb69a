"""A run that goes on after it had ended: its model of before can be used, measured and started from meanwhile."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.window import MainWindow
from desktop_llm.verbs import rerunning
from tests.windows import LONG, click, find, open_in, project_of


def test_the_model_of_before_is_there_until_the_run_ends_again(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "train")
    changes = rerunning.prolong(project_of(window), 1, {"num_train_epochs": 400.0})
    assert changes.after == 4000
    click(qtbot, window, "rail.export")
    runs = find(window, QComboBox, "export.run")
    qtbot.waitUntil(lambda: runs.count() == 1, timeout=LONG)
    assert runs.currentText().endswith("as it was before it goes on")
    qtbot.waitUntil(lambda: find(window, QPushButton, "export.go").isEnabled(), timeout=LONG)
    click(qtbot, window, "rail.results")
    qtbot.waitUntil(lambda: find(window, QPushButton, "results.export").isEnabled(), timeout=LONG)
