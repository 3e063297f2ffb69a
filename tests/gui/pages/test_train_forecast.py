"""The card before the start measures what a run takes, says to what the figures belong, and lets go at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from tests import projects, run_folders
from tests.windows import LONG, click, find, open_in

if TYPE_CHECKING:
    from desktop_llm.gui.measuring import Measuring
    from desktop_llm.gui.pages.train import TrainPage
    from desktop_llm.gui.pages.train_forecast import TrainForecast
    from desktop_llm.gui.window import MainWindow

TINY = {key: value for key, value in run_folders.TINY.items() if key != "num_train_epochs"}


def _opened(qtbot: QtBot, window: MainWindow, path: Path) -> tuple[TrainPage, TrainForecast, Measuring]:
    from desktop_llm.gui.pages.train import TrainPage
    from desktop_llm.gui.pages.train_forecast import TrainForecast

    open_in(qtbot, window, path, "train")
    page = window.findChildren(TrainPage)[0]
    page.setup.set_values({**TINY, "num_train_epochs": 2.0})
    shown = window.findChildren(TrainForecast)[0]
    qtbot.waitUntil(lambda: not page._check_timer.isActive() and window.hub.background.idle, timeout=LONG)
    assert shown.measuring.possible
    return page, shown, shown.measuring


def _left(path: Path) -> list[Path]:
    return list((path / "runs").glob(".*")) if (path / "runs").is_dir() else []


@pytest.mark.timeout(600)
def test_a_recipe_is_measured_and_what_was_foretold_stays_with_the_run(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    path = projects.make(tmp_path / "Tickets")
    page, _, measuring = _opened(qtbot, window, path)
    note, time = find(window, QLabel, "train.forecast.note"), find(window, QLabel, "train.forecast.time")
    assert "Not measured yet" in note.text()
    assert not time.isVisible()
    assert "parameters" in find(window, QLabel, "train.size_advice").text()
    click(qtbot, window, "train.measure")
    assert measuring.busy
    qtbot.waitUntil(lambda: time.isVisible() or bool(measuring.problem), timeout=4 * LONG)
    assert measuring.problem == ""
    assert "GB" in find(window, QLabel, "train.forecast.memory").text()
    assert note.text() == ""
    assert not find(window, QPushButton, "train.measure").isVisible()
    assert _left(path) == []

    page.setup.set_value("learning_rate", 1e-3)  # costs nothing
    qtbot.waitUntil(lambda: window.hub.background.idle and not page._check_timer.isActive(), timeout=LONG)
    assert note.text() == ""
    page.setup.set_value("per_device_train_batch_size", 16)
    qtbot.waitUntil(lambda: "batch size" in note.text(), timeout=LONG)
    assert time.isVisible()
    page.setup.set_value("per_device_train_batch_size", 8)
    qtbot.waitUntil(lambda: note.text() == "", timeout=LONG)

    with qtbot.waitSignal(window.hub.training.ended, timeout=4 * LONG):
        click(qtbot, window, "train.start")
    assert window.hub.project is not None
    told = window.hub.project.runs.get(1).details["forecast"]
    assert told["predicted"]["total_steps"] == told["real"]["steps"] == 20
    assert told["real"]["seconds"] > 0
    assert told["predicted"]["memory"] / told["real"]["memory"] > 0.5
    window.show_page("results")
    foretold = find(window, QLabel, "results.foretold")
    qtbot.waitUntil(lambda: "it took" in foretold.text(), timeout=LONG)


def test_measuring_is_told_to_stop_and_leaves_nothing(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = projects.make(tmp_path / "Tickets")
    _, _, measuring = _opened(qtbot, window, path)
    click(qtbot, window, "train.measure")
    qtbot.waitUntil(lambda: bool(_left(path)), timeout=LONG)
    click(qtbot, window, "train.measure")
    qtbot.waitUntil(lambda: not measuring.busy and window.hub.background.idle, timeout=LONG)
    assert _left(path) == []
    assert not measuring.problem
    assert find(window, QPushButton, "train.measure").text() == "Measure"


def test_it_measures_by_itself_when_a_recipe_rests(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = projects.make(tmp_path / "Tickets")
    page, _, measuring = _opened(qtbot, window, path)
    measuring._rest.setInterval(50)
    window.hub.save_settings(measure_by_itself=True)
    page.setup.set_value("per_device_train_batch_size", 4)
    qtbot.waitUntil(lambda: measuring.busy, timeout=LONG)
    page.setup.set_value("per_device_train_batch_size", 2)  # what is measured is wanted no more
    window.hub.save_settings(measure_by_itself=False)
    qtbot.waitUntil(lambda: not measuring.busy and window.hub.background.idle, timeout=LONG)
    assert measuring.known.forecast is None
    assert _left(path) == []
