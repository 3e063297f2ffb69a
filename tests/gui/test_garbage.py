"""What stands in the window is left out of the collector's rounds, what comes later goes in its thread."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from desktop_llm.gui import garbage
from desktop_llm.gui.hub import Hub
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS


class Ring:
    """Two of these that know each other are found by the collector alone."""

    other: Ring | None = None


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub; what it left out takes part again afterwards, but for what tests leave out, see leaks.py."""
    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))
    made = Hub()
    yield made
    made.close()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def test_what_there_is_once_a_project_stands_is_left_out(hub: Hub, qtbot: QtBot, tmp_path: Path) -> None:
    """Not before, as the pages are still empty."""
    Project.create(tmp_path / "P", next(iter(TASKS))).close()
    before = gc.get_freeze_count()
    garbage.spare(hub)
    hub.project_opened.emit(None)
    assert gc.get_freeze_count() == before
    hub.open_project(tmp_path / "P")
    qtbot.waitUntil(lambda: gc.get_freeze_count() > before)
    one, two = Ring(), Ring()
    one.other, two.other = two, one
    gone = weakref.ref(one)
    del one, two
    gc.collect()
    assert gone() is None


def test_rings_go_in_the_thread_of_the_window_alone(qtbot: QtBot) -> None:
    went: list[threading.Thread] = []
    owner = QObject()
    garbage.keep_to_this_thread(owner)
    assert not gc.isenabled()

    def make_rings() -> None:
        for _ in range(2 * gc.get_threshold()[0]):
            one, two = Ring(), Ring()
            one.other, two.other = two, one
            weakref.finalize(one, lambda: went.append(threading.current_thread()))

    worker = threading.Thread(target=make_rings)
    worker.start()
    worker.join()
    assert not went
    qtbot.waitUntil(lambda: len(went) > 0)
    assert set(went) == {threading.main_thread()}
    owner.deleteLater()
