"""Answers compared through the real window, and what tasks without labels or a model have no button for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import NewItem
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.preference.screen import sides
from desktop_llm.tasks.task import no_learn_room, no_score
from tests.gui.written import (
    TEXTS,
    hints_on,
    open_for_labels,
    press_on_page,
    project_with,
    shown_id,
    value_of,
)
from tests.windows import click, find, open_in, press

CHOICES = [
    NewItem(content={"prompt": f"question {place}", "a": f"<i>one</i> {place}", "b": f"two {place}"})
    for place in range(6)
]


def _show(window: MainWindow, which: str) -> None:
    box = find(window, QComboBox, "label.show")
    box.setCurrentIndex(box.findData(which))


def test_answers_are_compared_by_keys_and_kept_by_name(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_for_labels(qtbot, window, project_with(tmp_path / "Choices", "preference", CHOICES))
    keys = (Qt.Key.Key_1, Qt.Key.Key_Right, Qt.Key.Key_T, Qt.Key.Key_X, Qt.Key.Key_2, Qt.Key.Key_Left)
    for place, key in enumerate(keys):
        left, right = sides(CHOICES[place].content)
        assert find(window, QLabel, "label.answer.left.text").text() == CHOICES[place].content[left]
        assert find(window, QLabel, "label.answer.right.text").text() == CHOICES[place].content[right]
        press_on_page(window, key)
        wanted = {"1": left, "2": right, "T": "tie", "X": "both bad"}.get(chr(int(key)) if int(key) < 256 else "", "")
        wanted = wanted or {Qt.Key.Key_Right: right, Qt.Key.Key_Left: left}[key]
        assert value_of(window, place + 1) == wanted
    assert len({sides(one.content) for one in CHOICES}) == 2, "both orders are seen"
    press(qtbot, window, "Ctrl+Z")
    assert (shown_id(window), value_of(window, 6)) == (6, None)
    _show(window, "all")
    click(qtbot, window, "label.choice.right")
    assert value_of(window, 1) == sides(CHOICES[0].content)[1]


def test_a_choice_is_shown_as_chosen(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_for_labels(qtbot, window, project_with(tmp_path / "Choices", "preference", CHOICES))
    _show(window, "all")
    press_on_page(window, Qt.Key.Key_X)
    press_on_page(window, Qt.Key.Key_A)
    chosen = [name for name in ("left", "tie", "both bad", "right") if _checked(window, f"label.choice.{name}")]
    assert chosen == ["both bad"]


def _checked(window: MainWindow, name: str) -> bool:
    return find(window, QPushButton, name).isChecked()


@pytest.mark.parametrize(("task", "rows"), [("rewriting", TEXTS), ("preference", CHOICES)])
def test_what_is_not_there_has_no_button(
    qtbot: QtBot,
    window: MainWindow,
    tmp_path: Path,
    task: str,
    rows: Sequence[NewItem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # whichever tasks have a model by now, here they have none
    monkeypatch.setitem(TASKS, task, replace(TASKS[task], open_learn=no_learn_room, open_score=no_score, metrics=()))
    open_in(qtbot, window, project_with(tmp_path / "Rows", task, rows), "data")
    for name in ("train", "results", "try", "export"):
        assert not find(window, QPushButton, f"rail.{name}").isVisible()
        action = window.findChild(QAction, f"action.view.{name}")
        assert isinstance(action, QAction)
        assert not action.isVisible()
        assert not action.isEnabled()
        window.show_page(name)
        assert window.page_name == "label"
    for name in ("train.start", "train.export", "edit.labels", "label.find"):
        action = window.findChild(QAction, f"action.{name}")
        assert isinstance(action, QAction)
        assert not action.isVisible()
        assert not action.isEnabled()
    press(qtbot, window, "Ctrl+T")
    press(qtbot, window, "Ctrl+4")
    assert window.page_name == "label"
    for name in ("label.order", "data.label_filter", "data.more.disagrees", "data.more.predicted"):
        found = window.findChildren(QWidget, name)
        assert not any(one.isVisibleTo(window) for one in found)
    window.show_page("data")
    bar = find(window, QTabBar, "data.tabs")
    assert [bar.tabText(place) for place in range(bar.count()) if not bar.isTabVisible(place)] == ["Snapshots"]
    window.hub.close_project()
    assert find(window, QPushButton, "rail.train").isVisible()


def test_hints_follow_the_keys_that_somebody_has_chosen(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_for_labels(qtbot, window, project_with(tmp_path / "Choices", "preference", CHOICES))
    assert hints_on(window) == ["← / →", "Space", "Backspace", "D / A"]
    window.hub.save_settings(key_preset="prodigy")
    qtbot.waitUntil(lambda: hints_on(window) == ["← / →", "Space", "Backspace", "↓ / ↑"])
