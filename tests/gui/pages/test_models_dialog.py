"""The models that a person keeps, in the window: listed, told of, taken off, looked up on a hub and downloaded."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from desktop_llm.gui.hub import Hub as WindowHub
from desktop_llm.gui.pages.models_dialog import ModelsDialog
from desktop_llm.verbs import fetching, shelving
from tests.catalog import hub_server
from tests.catalog.folders import BERT, LLAMA, make, weights
from tests.catalog.hub_server import Hub
from tests.windows import LONG, find

NAME = "owner/tiny"


@pytest.fixture
def dialog(qtbot: QtBot, hub: WindowHub) -> Iterator[ModelsDialog]:
    """The dialog, to choose a model for dialogue."""
    parent = QWidget()
    made = ModelsDialog(hub, parent, "dialogue")
    made.show()
    _rest(qtbot, made)
    yield made
    if isValid(made):
        made.reject()
    qtbot.waitUntil(lambda: hub.background.idle, timeout=LONG)
    parent.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine that may be asked."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE")
    folder = make(tmp_path / "there", LLAMA, card="---\nlicense: mit\n---\n")
    (folder / "model.safetensors").write_bytes(weights(1024, 1024))
    with hub_server.running() as running:
        running.put(NAME, folder, license="mit")
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


def _rest(qtbot: QtBot, dialog: ModelsDialog) -> None:
    qtbot.waitUntil(lambda: dialog._work is None, timeout=LONG)


def _text(dialog: ModelsDialog, name: str) -> str:
    return find(dialog, QLabel, f"models.{name}").text()


def _button(dialog: ModelsDialog, name: str) -> QPushButton:
    return find(dialog, QPushButton, f"models.{name}")


def _names(dialog: ModelsDialog) -> list[str]:
    return [cell.text() for row in range(dialog.table.rowCount()) if (cell := dialog.table.item(row, 0))]


def test_folders_are_added_told_of_and_taken_off(qtbot: QtBot, dialog: ModelsDialog, tmp_path: Path) -> None:
    assert _text(dialog, "good_for").startswith("No models yet")
    assert not _button(dialog, "remove").isEnabled()
    bert = make(tmp_path / "all" / "bert", BERT, card="---\nlicense: mit\n---\n")
    make(tmp_path / "all" / "llama", LLAMA)
    dialog.add(tmp_path / "all", below=True)
    _rest(qtbot, dialog)
    assert _names(dialog) == ["bert", "llama"]
    cells = [cell.text() for column in range(6) if (cell := dialog.table.item(0, column))]
    assert cells == ["bert", "BertModel", "12", "512", "1 MB", "mit"]
    assert _text(dialog, "place") == str(bert)
    assert "Tagging" in _text(dialog, "good_for")
    assert "it is of the type “bert”, which does not write texts from left to right" in _text(dialog, "not_for")
    assert not _button(dialog, "start").isEnabled()
    assert not _button(dialog, "delete").isVisible()
    dialog.remove()
    _rest(qtbot, dialog)
    assert _names(dialog) == ["llama"]
    assert bert.is_dir()
    with qtbot.waitSignal(dialog.chosen) as chosen:
        _button(dialog, "start").click()
    assert chosen.args == [str(tmp_path / "all" / "llama")]


def test_what_is_wrong_with_a_folder_is_told(qtbot: QtBot, dialog: ModelsDialog, tmp_path: Path) -> None:
    damaged = make(tmp_path / "<b>damaged", LLAMA)
    (damaged / "model.safetensors").write_bytes(b"cut")
    dialog.add(damaged)
    _rest(qtbot, dialog)
    assert "are damaged (it does not begin as safetensors do)" in _text(dialog, "good_for")
    assert not _button(dialog, "start").isEnabled()
    dialog.add(tmp_path)
    _rest(qtbot, dialog)
    assert "config.json is missing" in _text(dialog, "work.words")
    assert _names(dialog) == ["<b>damaged"]


@pytest.mark.loopback
def test_a_model_is_looked_up_and_downloaded(qtbot: QtBot, dialog: ModelsDialog, there: Hub) -> None:
    assert there.asked == []
    assert not _button(dialog, "hub.fetch").isEnabled()
    dialog.hub_part.field.setText(NAME)
    _button(dialog, "hub.look").click()
    _rest(qtbot, dialog)
    facts = _text(dialog, "hub.facts")
    assert facts.startswith("owner/tiny: 4 MB to download. Licence: mit. Can be trained for:")
    assert "Dialogue" in facts
    assert _text(dialog, "hub.files") == "model.safetensors (4 MB), and 3 smaller files."
    assert len(there.asked) == 1
    _button(dialog, "hub.fetch").click()
    _rest(qtbot, dialog)
    assert _names(dialog) == ["tiny"]
    assert _text(dialog, "place").endswith("from owner/tiny")
    assert _button(dialog, "start").isEnabled()
    assert "huggingface_hub" not in sys.modules or "torch" in sys.modules  # other tests may have loaded both
    _button(dialog, "delete").click()
    question = find(dialog, QMessageBox, "models.delete.question")
    next(one for one in question.buttons() if one.text() == "Delete for good").click()
    _rest(qtbot, dialog)
    assert shelving.kept() == []
    assert not dialog.table.isVisible()


@pytest.mark.loopback
def test_a_download_is_stopped_and_gone_on_with(qtbot: QtBot, dialog: ModelsDialog, there: Hub) -> None:
    there.held = threading.Event()
    there.cut_after["model.safetensors"] = 3_000_000
    found = fetching.look_up(NAME)
    dialog.fetch(found)
    qtbot.waitUntil(there.reached.is_set, timeout=LONG)
    find(dialog, QPushButton, "models.work.cancel").click()
    _rest(qtbot, dialog)
    there.held.set()
    assert "what is here is kept, and the next download goes on there" in _text(dialog, "work.words")
    assert _names(dialog) == []
    dialog.fetch(found)
    _rest(qtbot, dialog)
    assert _names(dialog) == ["tiny"]


@pytest.mark.loopback
def test_a_name_that_the_hub_does_not_know(qtbot: QtBot, dialog: ModelsDialog, there: Hub) -> None:
    dialog.look_up("owner/other")
    _rest(qtbot, dialog)
    assert "There is no model “owner/other” on the hub" in _text(dialog, "work.words")
    assert not _button(dialog, "hub.fetch").isEnabled()
