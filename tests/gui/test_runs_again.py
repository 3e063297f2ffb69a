"""The menu about a run on the Train page: longer, again exactly, what differs; and starting from its model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QDialog, QDoubleSpinBox, QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from tests.windows import LONG, click, find, open_in, project_of


def _page(window: MainWindow) -> TrainPage:
    page = window.page("train")
    assert isinstance(page, TrainPage)
    return page


def _dialog(qtbot: QtBot, window: MainWindow, name: str) -> QDialog:
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(QDialog, name)))
    return next(one for one in window.findChildren(QDialog, name) if one.isVisible())


def _says(label: QLabel, words: str) -> bool:
    return words in label.text()


def _wait_for_run(qtbot: QtBot, window: MainWindow, number: int, steps: int) -> None:
    run = project_of(window).runs

    def ended() -> bool:
        there = [one for one in run.all() if one.number == number]
        return bool(there) and (there[0].state, there[0].step) == ("finished", steps) and not window.hub.is_training

    qtbot.waitUntil(ended, timeout=2 * LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)


def test_a_run_is_repeated_compared_and_made_longer(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    window.hub.save_settings(train_in_window=True)
    said: list[str] = []
    window.hub.message_shown.connect(said.append)
    open_in(qtbot, window, trained, "train")
    page = _page(window)
    qtbot.waitUntil(page.controls.again.isVisible)
    assert page.controls.again.longer.isEnabled()
    assert not page.controls.again.differs.isEnabled()
    page.controls.again.again.trigger()
    _wait_for_run(qtbot, window, 2, 30)
    assert said == ["Run 2 is finished. The weights are those of run 1, the same to the last bit."]

    qtbot.waitUntil(page.controls.again.differs.isEnabled)
    page.controls.again.differs.trigger()
    dialog = _dialog(qtbot, window, "train.differs")
    words = find(dialog, QLabel, "train.differs.work.words")
    qtbot.waitUntil(lambda: words.text() == "Recipe, data, program and device are the same.")
    model = find(dialog, QTableView, "train.differs.table").model()
    rows = {model.index(row, 1).data(): model.index(row, 3).data() for row in range(model.rowCount())}
    assert rows["weights"] == rows["SHA-256"] == "the same"
    dialog.reject()

    page.controls.again.longer.trigger()
    dialog = _dialog(qtbot, window, "train.longer")
    go, words = find(dialog, QPushButton, "train.longer.go"), find(dialog, QLabel, "train.longer.work.words")
    qtbot.waitUntil(go.isEnabled)
    assert words.text() == "From step 30 to step 60; 30 were planned."
    epochs = find(dialog, QDoubleSpinBox, "train.longer.epochs")
    epochs.setValue(1.0)
    qtbot.waitUntil(lambda: "would end at step 10" in words.text())
    assert not go.isEnabled()
    epochs.setValue(4.0)
    click(qtbot, dialog, "train.longer.go")
    _wait_for_run(qtbot, window, 2, 40)
    assert project_of(window).runs.get(2).recipe.num_train_epochs == 4.0


def test_the_model_of_a_run_can_be_started_from(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "train")
    choice = find(window, QComboBox, "train.model")
    qtbot.waitUntil(lambda: choice.findText("Model of run 1") > 0)
    choice.setCurrentIndex(choice.findText("Model of run 1"))
    choice.activated.emit(choice.currentIndex())
    setup = _page(window).setup
    assert Path(setup.recipe.model) == (trained / "runs" / "0001" / "model").resolve()
    qtbot.waitUntil(lambda: find(window, QPushButton, "train.start").isEnabled(), timeout=LONG)
    assert [choice.itemText(place) for place in range(choice.count())] == [
        "From scratch",
        "Model of run 1",
        "A model folder…",
        "Models…",
    ]


def test_a_run_is_deleted_after_a_question(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "train")
    page = _page(window)
    qtbot.waitUntil(page.controls.again.isVisible)
    for answer in ("cancel", "go"):
        assert page.controls.again.delete.isEnabled()
        page.controls.again.delete.trigger()
        dialog = _dialog(qtbot, window, "train.delete")
        what = find(dialog, QLabel, "train.delete.what")
        qtbot.waitUntil(partial(_says, what, "become free"))
        click(qtbot, dialog, f"train.delete.{answer}")
        qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
        assert len(project_of(window).runs.all()) == (1 if answer == "cancel" else 0)
    qtbot.waitUntil(lambda: not page.controls.again.isVisible(), timeout=LONG)
    assert list((trained / "runs").iterdir()) == []
