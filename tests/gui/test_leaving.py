"""Closing the window while a run trains: stay, leave with a checkpoint, stop and keep; and the lane in the window."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.store.project import Project
from desktop_llm.store.runs import Run
from desktop_llm.verbs import training
from tests import run_folders
from tests.windows import LONG, click, find, open_in, project_of


def _begin(qtbot: QtBot, window: MainWindow, path: Path, **values: object) -> TrainPage:
    """Start a run of the tiny model and wait for its first steps."""
    open_in(qtbot, window, path, "train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    for key, value in {**run_folders.TINY, "eval_steps": 50, **values}.items():
        page.setup.set_value(key, value)
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG):
        click(qtbot, window, "train.start")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > 3, timeout=LONG)
    return page


def _close(window: MainWindow, answer: str) -> list[str]:
    """Close the window and answer its question with this button; what was asked."""
    asked: list[str] = []

    def reply() -> None:
        box = window.findChild(QMessageBox, "close.ask")
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        button = box.findChild(QPushButton, f"close.{answer}")
        assert isinstance(button, QPushButton)
        button.click()

    # The question has an event loop of its own, in which this comes.
    QTimer.singleShot(0, window, reply)
    window.close()
    return asked


def _run_in(path: Path) -> Run:
    with closing(Project.open(path)) as project:
        return project.runs.get(2)


def test_staying_changes_nothing_and_leaving_can_be_resumed(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    page = _begin(qtbot, window, tickets, num_train_epochs=2000.0)
    assert _close(window, "stay") == ["A run is training. What shall become of it?"]
    assert window.isVisible()
    assert window.hub.is_training
    before = page.live.plots["loss"].points("training")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > before, timeout=LONG)
    assert len(_close(window, "leave")) == 1
    assert not window.isVisible()
    run = _run_in(tickets)
    assert run.state == "interrupted"
    with closing(Project.open(tickets)) as project:
        folder = training.resumable(project, 2)
    newest = max(int(one.name[5:]) for one in folder.checkpoints.glob("step-*"))
    assert newest == run.step > 3


def test_a_pause_holds_the_run_and_stopping_keeps_its_model_and_closes(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    page = _begin(qtbot, window, tickets, num_train_epochs=2000.0)
    pause, state = find(window, QPushButton, "train.pause"), find(window, QLabel, "train.state")
    assert window.hub.training.pid, "the process is the lane unless another is set"
    click(qtbot, window, "train.pause")
    qtbot.waitUntil(lambda: "paused" in state.text(), timeout=LONG)
    assert pause.text() == "Go on"
    assert find(window, QComboBox, "train.model").isEnabled(), "the next run can be set up for the queue"
    held = page.live.plots["loss"].points("training")
    click(qtbot, window, "train.pause")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > held, timeout=LONG)
    assert len(_close(window, "stop")) == 1
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    assert _run_in(tickets).state == "stopped"
    with closing(Project.open(tickets)) as project:
        assert (project.runs.folder(2).model / "model.safetensors").is_file()


def test_the_lane_inside_the_window_is_a_setting(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    window.hub.save_settings(train_in_window=True)
    pids: list[int] = []
    window.hub.training.events_arrived.connect(lambda _: pids.append(window.hub.training.pid))
    _begin(qtbot, window, tickets, num_train_epochs=40.0)
    qtbot.waitUntil(lambda: not window.hub.is_training, timeout=LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert project_of(window).runs.get(2).state == "finished"
    assert pids
    assert not any(pids)
