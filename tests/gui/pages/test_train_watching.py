"""What a run says of itself on the Train page: advice with its button, and answers that change."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Advised, Event, Gauged, RolledBack, Sampled, StepDone
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import possible
from desktop_llm.widgets.card import Tile
from tests import projects, run_folders
from tests.windows import LONG, click, find, open_in, project_of

RECIPE = recipes.changed(TASKS[run_folders.TASK].recipe, run_folders.TINY)
SAMPLE = {"text": "a <b>bold</b> soup", "truth": "food", "answer": "travel", "right": False}


def _advised(about: str, action: str, value: dict[str, Any] | None = None) -> Advised:
    return Advised(
        at=time.time(), step=3, about=about, message=f"<i>{about}</i> is met.", action=action, value=value or {}
    )


@pytest.fixture
def page(qtbot: QtBot, window: MainWindow, trained: Path) -> TrainPage:
    """The Train page of a project with one finished run, of which more was said than was true."""
    open_in(qtbot, window, trained, "train")
    project = project_of(window)
    told: list[Event] = [
        _advised("divergence", "restart", {"learning_rate": 1e-3}),
        _advised("plateau", "stop"),
        _advised("dead_classes", "rows", {"label": "food"}),
        _advised("leakage", "leakage"),
        Sampled(at=time.time(), step=3, samples=(SAMPLE,)),
    ]
    window.hub.changed.emit(project.runs.ingest(1, told))
    made = window.page("train")
    assert isinstance(made, TrainPage)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    made.controls.runs.ask()
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    return made


def test_what_was_said_of_a_run_is_there_again_as_plain_text(page: TrainPage, window: MainWindow) -> None:
    assert page.advice.isVisible()
    assert find(page, QLabel, "train.advice.divergence.words").text() == "<i>divergence</i> is met."
    assert find(page, QPushButton, "train.advice.divergence.do").text() == "Start again: learning rate 0.001"
    assert not find(page, QPushButton, "train.advice.plateau.do").isVisible()  # the run is over
    table = find(page, QTableWidget, "train.samples.table")
    cells = [table.item(0, column) for column in range(3)]
    assert [cell.text() for cell in cells if cell] == ["a <b>bold</b> soup", "food", "✗ travel"]
    run = project_of(window).runs.get(1)
    assert run.advice["divergence"]["value"] == {"learning_rate": 1e-3}
    assert list(run.samples) == [SAMPLE]


def test_the_buttons_open_the_leakage_check_and_the_label_s_texts(
    qtbot: QtBot, page: TrainPage, window: MainWindow
) -> None:
    click(qtbot, page, "train.advice.leakage.do")
    assert window.page_name == "data"
    qtbot.waitUntil(find(window, QWidget, "data.tab.clean").isVisible, timeout=LONG)
    window.show_page("train")
    click(qtbot, page, "train.advice.dead_classes.do")
    assert window.page_name == "label"


def test_start_again_trains_with_the_changed_recipe(qtbot: QtBot, page: TrainPage, window: MainWindow) -> None:
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG) as begun:
        click(qtbot, page, "train.advice.divergence.do")
    assert begun.args == [2]
    assert not page.advice.isVisible()
    assert project_of(window).runs.get(2).recipe == recipes.changed(RECIPE, {"learning_rate": 1e-3})
    qtbot.waitUntil(lambda: not window.hub.is_training, timeout=LONG)


def test_a_run_that_goes_on_is_stopped_by_the_button_and_shows_its_answers(
    qtbot: QtBot, page: TrainPage, window: MainWindow
) -> None:
    page.setup.set_recipe(recipes.changed(RECIPE, {"num_train_epochs": 2000.0, "eval_steps": 5}))
    with qtbot.waitSignal(window.hub.training.began, timeout=LONG):
        click(qtbot, window, "train.start")
    samples = find(page, QWidget, "train.samples")
    qtbot.waitUntil(samples.isVisible, timeout=LONG)
    assert find(page, QTableWidget, "train.samples.table").rowCount() == 6
    assert window.hub._around is not None
    page._on_events([_advised("over_fitting", "stop")])
    with qtbot.waitSignal(window.hub.training.ended, timeout=LONG) as ended:
        click(qtbot, page, "train.advice.over_fitting.do")
    assert ended.args[0].kept
    assert not window.hub._around.awake.held


def test_going_back_takes_the_later_steps_out_of_the_curves(page: TrainPage, window: MainWindow) -> None:
    project = project_of(window)
    before = project.runs.metrics(1)["loss"]
    back = RolledBack(at=time.time(), step=10, message="The run went back to step 10.")
    again = StepDone(
        at=time.time(), step=11, epoch=1.1, loss=0.5, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=9.0,
        memory=1, seconds=0.1,
    )  # fmt: skip
    project.runs.ingest(1, [back, again])
    assert project.runs.metrics(1)["loss"] == [*before[:10], (11, 0.5)]
    page._on_events([back])
    assert window.banner.text() == "The run went back to step 10."


def test_the_last_training_says_which_labels_to_look_at_again(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "label")
    click(qtbot, window, "label.loop")
    made = window.page("label")
    assert isinstance(made, LabelPage)
    panel = made._loop._head.panel
    assert panel is not None
    assert panel.trained.text() == "Doubtful labels from run 1’s training"
    click(qtbot, panel, "label.loop.trained")
    bar = find(made, QFrame, "label.look_again")
    qtbot.waitUntil(bar.isVisible, timeout=LONG)
    assert "While run 1 learned" in find(bar, QLabel, "label.look_again.words").text()
    assert project_of(window).doubts.count() == 50


def test_advice_and_answers_survive_a_replay(tmp_path: Path, trained: Path) -> None:
    from desktop_llm.store.project import Project

    project = Project.open(trained)
    try:
        kept = project.runs.get(1)
        assert len(kept.samples) == 6
        project.runs.replay(1)
        assert project.runs.get(1) == kept
    finally:
        project.close()
    assert projects.counts(trained)[1] == 104


def test_what_the_machine_can_tell_of_the_device_is_offered(qtbot: QtBot, page: TrainPage) -> None:
    choice = find(page, QComboBox, "train.gauge")
    page.live.clear()
    page.live.device.append("memory", [1, 2], [1e9, 2e9])
    assert not choice.isVisible()
    assert page.live.device.plots["memory"].isVisible()
    page.live.take([Gauged(at=time.time(), step=4, mfu=0.25, celsius=71.0)])
    assert [choice.itemText(place) for place in range(choice.count())] == [
        "Memory, GB", "% of peak", "Temp., °C",
    ]  # fmt: skip
    qtbot.keyClicks(choice, "T")
    assert page.live.device.plots["celsius"].isVisible()
    assert not page.live.device.plots["memory"].isVisible()
    page.live.clear()
    assert not choice.isVisible()
    assert page.live.device.plots["memory"].isVisible()
    page.live.show_curves({"mfu": [(4, 0.25)], "memory": [(4, 1e9)], "celsius": [(4, 71.0)]}, 9)
    assert page.live.device.plots["celsius"].isVisible()  # what was chosen is shown again


def test_a_tile_says_what_there_is_room_for(qtbot: QtBot) -> None:
    tile = Tile("Progress")
    qtbot.addWidget(tile)
    tile.show()
    tile.resize(400, 90)
    tile.show_figure("5 %", "epoch 2.1 of 40 · 3 min left", "3 min left")
    assert tile.note() == "epoch 2.1 of 40 · 3 min left"
    tile.resize(130, 90)
    qtbot.waitUntil(lambda: tile.note() == "3 min left")


@pytest.mark.skipif(possible.has_cuda(), reason="there is an NVIDIA GPU here")
def test_what_this_computer_cannot_do_is_told_before_the_start(qtbot: QtBot, page: TrainPage) -> None:
    start, server = find(page, QPushButton, "train.start"), find(page, QPushButton, "train.server")
    qtbot.waitUntil(start.isEnabled, timeout=LONG)
    page.setup.set_value("device", "cuda")
    qtbot.waitUntil(lambda: not start.isEnabled(), timeout=LONG)
    assert find(page, QLabel, "train.problem").text().startswith("There is no NVIDIA GPU")
    assert server.isEnabled()  # another computer may have one
    page.setup.set_value("device", "cpu")
    qtbot.waitUntil(start.isEnabled, timeout=LONG)
    assert not find(page, QLabel, "train.problem").isVisible()
