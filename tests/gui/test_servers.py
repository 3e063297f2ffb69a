"""Runs on a server, by window: packed from the setup or the menu, called back, taken back while another run trains."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.background import Task
from desktop_llm.gui.pages.pack_dialog import PackDialog
from desktop_llm.gui.pages.return_dialog import ReturnDialog
from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs import recipe as recipes
from desktop_llm.verbs import queueing, training
from tests import projects
from tests.servers import RECIPE, Away, until
from tests.windows import LONG, click, find, open_in, project_of

D = TypeVar("D", PackDialog, ReturnDialog)


def _page(window: MainWindow) -> TrainPage:
    page = window.page("train")
    assert isinstance(page, TrainPage)
    return page


def _rest(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)


def _dialog(qtbot: QtBot, window: MainWindow, kind: type[D]) -> D:
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(kind)))
    _rest(qtbot, window)
    return next(one for one in window.findChildren(kind) if one.isVisible())


def _said(qtbot: QtBot, window: MainWindow, dialog: PackDialog | ReturnDialog) -> str:
    _rest(qtbot, window)
    return find(dialog, QLabel, f"{dialog.objectName()}.work.words").text()


def _under_way(window: MainWindow) -> list[Task]:
    return list(window.hub.background._callbacks)


def _state(window: MainWindow, number: int) -> str:
    return project_of(window).runs.get(number).state


def test_what_is_set_is_packed_and_called_back(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_in(qtbot, window, projects.make(tmp_path / "Tickets & more"), "train")
    assert not _page(window).away.isVisible()
    _page(window).setup.set_recipe(RECIPE)
    click(qtbot, window, "train.server")
    dialog = _dialog(qtbot, window, PackDialog)
    line, size = find(dialog, QLineEdit, "server.pack.line"), find(dialog, QLabel, "server.pack.size")
    assert (line.text(), size.text(), dialog.hours.value()) == ("sh run.sh", "about 1 MB", 24)
    dialog.gpus.setValue(2)
    dialog.nodes.setValue(3)
    assert line.text() == "sbatch run.slurm"
    dialog.gpus.setValue(0)
    assert (dialog.nodes.value(), dialog.nodes.isEnabled(), dialog.gpus.text()) == (1, False, "none")
    dialog.gpus.setValue(2)
    dialog.hours.setValue(7)
    _rest(qtbot, window)
    assert dialog.hours.value() == 7
    dialog.write(tmp_path / "to the server")
    assert "Run 1 is packed" in _said(qtbot, window, dialog)
    assert line.text() == "unzip 'to the server.zip' && cd run-0001 && sh run.sh"
    click(qtbot, dialog, "server.pack.copy")
    assert QGuiApplication.clipboard().text() == line.text()
    dialog.reject()
    with zipfile.ZipFile(tmp_path / "to the server.zip") as packed:
        assert b"--time=7:00:00" in packed.read("run-0001/run.slurm")
        assert b"--nproc-per-node 2" in packed.read("run-0001/run.sh")
    page = _page(window)
    qtbot.waitUntil(page.away.isVisible)
    assert [run.number for run in page.away.runs] == [1]
    again = page.controls.again
    qtbot.waitUntil(again.back.isEnabled)
    assert not again.pack.isEnabled()
    assert not again.longer.isEnabled()
    click(qtbot, window, "train.away.call.1")
    qtbot.waitUntil(lambda: not page.away.isVisible())
    _rest(qtbot, window)
    assert _state(window, 1) == "interrupted"
    qtbot.waitUntil(again.pack.isEnabled)
    assert find(window, QPushButton, "train.resume").isVisible()


def test_the_size_is_asked_once_at_a_time_and_never_put_over_the_exact_one(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    open_in(qtbot, window, projects.make(tmp_path / "Tickets"), "train")
    _page(window).setup.set_recipe(RECIPE)
    click(qtbot, window, "train.server")
    dialog = _dialog(qtbot, window, PackDialog)
    size = find(dialog, QLabel, "server.pack.size")
    for count in range(2, 9):
        dialog.gpus.setValue(count)
        assert len(_under_way(window)) == 1
    _rest(qtbot, window)
    assert size.text() == "about 1 MB"
    dialog.write(tmp_path / "pack.zip")
    (packing,) = _under_way(window)
    packing.wait()
    dialog.gpus.setValue(1)  # asks once more, before the dialog hears that the file is there
    assert len(_under_way(window)) == 2
    _rest(qtbot, window)
    assert not size.text().startswith("about")
    (tmp_path / "another.zip").write_text("of somebody")
    dialog.reject()
    queueing.add(project_of(window), RECIPE)
    second = PackDialog(window.hub, window, RECIPE)
    second.write(tmp_path / "another", replace_it=True)  # asked of a name without its ending
    assert "is there already" in _said(qtbot, window, second)
    second.write(tmp_path / "another.zip", replace_it=True)
    assert "is packed" in _said(qtbot, window, second)
    second.reject()


def test_a_run_of_the_list_is_packed_and_a_pack_that_was_stopped_is_none(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    path = projects.make(tmp_path / "Tickets")
    project = open_in(qtbot, window, path, "train")
    queueing.add(project, RECIPE)
    page = _page(window)
    page.controls.runs.reload(show_last=True)
    again = page.controls.again
    qtbot.waitUntil(again.pack.isEnabled)
    again.pack.trigger()
    dialog = _dialog(qtbot, window, PackDialog)
    assert dialog.windowTitle() == "Pack run 1 for a server"
    assert dialog.suggested() == "Tickets-run-1.zip"
    dialog.write(tmp_path / "gone" / "pack.zip")
    assert "does not exist" in _said(qtbot, window, dialog)
    dialog.write(tmp_path / "pack.zip")
    find(dialog, QPushButton, "server.pack.work.cancel").click()
    said = _said(qtbot, window, dialog)
    if "Stopped" in said:  # else it was over before it heard of it
        assert not list(tmp_path.glob("*.zip"))
        assert _state(window, 1) == "queued"
        dialog.write(tmp_path / "pack.zip")
        said = _said(qtbot, window, dialog)
    assert "Run 1 is packed" in said
    assert _state(window, 1) == "on a server"
    dialog.reject()


def test_a_dialog_that_is_closed_too_late_leaves_no_page_behind(
    qtbot: QtBot, window: MainWindow, away: Away, tmp_path: Path
) -> None:
    project = open_in(qtbot, window, away.project, "train")
    page, pack = _page(window), tmp_path / "second.zip"
    qtbot.waitUntil(page.away.isVisible)
    page.away.take_back()
    taking = _dialog(qtbot, window, ReturnDialog)
    taking.take(away.server)
    _close_once(taking, lambda: project.runs.get(1).state == "finished")
    qtbot.waitUntil(lambda: not page.away.isVisible())
    _rest(qtbot, window)
    queueing.add(project, RECIPE)
    page.controls.runs.reload(show_last=True)
    again = page.controls.again
    qtbot.waitUntil(again.pack.isEnabled)
    again.pack.trigger()
    packing = _dialog(qtbot, window, PackDialog)
    packing.write(pack)
    _close_once(packing, pack.exists)
    qtbot.waitUntil(page.away.isVisible)
    qtbot.waitUntil(lambda: not again.pack.isEnabled())
    _rest(qtbot, window)


def _close_once(dialog: PackDialog | ReturnDialog, done: Callable[[], bool]) -> None:
    """Close a dialog whose work is done, before the window's thread hears of it."""
    end = time.monotonic() + LONG / 1000
    while not done() and time.monotonic() < end:
        time.sleep(0.001)
    assert done()
    dialog.reject()
    QCoreApplication.sendPostedEvents(dialog, QEvent.Type.DeferredDelete)


def test_a_run_comes_back_half_done_and_whole_while_another_trains(
    qtbot: QtBot, window: MainWindow, away: Away, tmp_path: Path
) -> None:
    window.hub.save_settings(train_in_window=True)
    project = open_in(qtbot, window, away.project, "train")
    page = _page(window)
    qtbot.waitUntil(page.away.isVisible)
    here, _ = training.prepare(project, recipes.changed(RECIPE, {"num_train_epochs": 5000.0, "save_kept_steps": None}))
    window.hub.train(here)
    qtbot.waitUntil(lambda: page.live.fraction > 0, timeout=LONG)
    find(window, QPushButton, "train.away.back").click()
    dialog = _dialog(qtbot, window, ReturnDialog)
    dialog.take(tmp_path)
    assert "holds no run" in _said(qtbot, window, dialog)
    begun = until(away, 1, tmp_path / "begun")
    begun.events_file.write_bytes(begun.events_file.read_bytes().partition(b"\n")[0] + b"\n")
    dialog.take(begun.path)
    assert "Run 1 is taken back, interrupted. It has not begun a step. Taken" in _said(qtbot, window, dialog)
    dialog.take(until(away, 20, tmp_path / "half").path)
    assert "Run 1 is taken back, interrupted at step 20 of 30. Taken back from" in _said(qtbot, window, dialog)
    shutil.make_archive(str(tmp_path / "back"), "zip", away.server)
    dialog.take(tmp_path / "back.zip")
    assert _said(qtbot, window, dialog) == "Run 1 is taken back, finished after 30 steps; its model is here."
    dialog.take(tmp_path / "back.zip")
    assert _said(qtbot, window, dialog) == "Nothing in it was new: run 1 is finished, at step 30."
    dialog.reject()
    assert window.hub.is_training
    assert (_state(window, 1), _state(window, here)) == ("finished", "running")
    assert project.predictions.count(1) == 24
    assert not page.away.isVisible()
    window.hub.training.stop()
    qtbot.waitUntil(lambda: not window.hub.is_training, timeout=LONG)
    _rest(qtbot, window)
    assert [step for step, _ in project.runs.metrics(1)["loss"]] == list(range(1, 31))
    assert _state(window, here) == "stopped"
    window.show_page("results")
    _rest(qtbot, window)


def test_the_menu_takes_back_from_anywhere(qtbot: QtBot, window: MainWindow, away: Away) -> None:
    open_in(qtbot, window, away.project, "label")
    action = window.findChild(QAction, "action.train.back")
    assert isinstance(action, QAction)
    action.trigger()
    dialog = _dialog(qtbot, window, ReturnDialog)
    assert window.page_name == "train"
    dialog.take(away.server)
    assert "its model is here" in _said(qtbot, window, dialog)
    dialog.reject()
