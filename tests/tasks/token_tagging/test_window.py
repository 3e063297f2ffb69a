"""Spans through the real window: what is selected on screen is what is stored and what files give back."""

from __future__ import annotations

import json
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks.token_tagging.screen import Editor
from desktop_llm.verbs import importing, saving, switching
from desktop_llm.widgets.span_caret import is_forward
from tests.tasks.token_tagging import texts
from tests.tasks.token_tagging.texts import CLASSES, FORMATS, PIECES, TASK, span
from tests.windows import LONG, find, open_in, project_of

MANY = 500


def _editor(window: MainWindow) -> Editor:
    return find(window, Editor, "label.editor")


def _page(window: MainWindow) -> LabelPage:
    page = window.page("label")
    assert isinstance(page, LabelPage)
    return page


def _press(page: LabelPage, *keys: str) -> None:
    for key in keys:
        QTest.keySequence(page, QKeySequence(key))


def _texts(count: int) -> list[str]:
    """Different texts of what is hard to count in."""
    source = random.Random(11)
    made: dict[str, str] = {}
    while len(made) < count:
        text = "".join(source.choice(PIECES) for _ in range(source.randint(1, 24)))
        if text.strip():
            made[texts.normal(text)] = text
    return list(made.values())


def _import(path: Path, raw: list[str]) -> Path:
    """A project with these texts, read from a file, as a person brings them in."""
    file = path.with_suffix(".jsonl")
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in raw), "utf-8")
    with closing(Project.create(path, TASK.name)) as project:
        project.classes.ensure(CLASSES)
        report = importing.run(project, importing.plan(TASK, file))
        assert (report.imported, report.rejected_count) == (len(raw), 0)
    return path


def _select(page: LabelPage, editor: Editor, source: random.Random) -> tuple[int, int]:
    """Select some characters by keys; where they are by the rules of Unicode."""
    spans = editor.spans
    signs = texts.graphemes(spans.text)
    first = source.randrange(len(signs))
    count = source.randint(1, len(signs) - first)
    _press(page, "Esc", "Esc", "Ctrl+Home")
    for place in range(first + count):
        onward = "Right" if is_forward(spans._layout, spans._caret, "right") else "Left"
        _press(page, onward if place < first else f"Shift+{onward}")
    start = len("".join(signs[:first]))
    return start, start + len("".join(signs[first : first + count]))


@pytest.mark.parametrize("count", [40, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_what_is_selected_is_what_is_stored_and_given_back(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, count: int
) -> None:
    path = _import(tmp_path / "Names", _texts(count))
    open_in(qtbot, window, path, "label")
    project, page, editor = project_of(window), _page(window), _editor(window)
    switching.choose(project, TASK, "overlapping", on=True)
    editor.set_switches({"overlapping": True})
    source, wanted = random.Random(7), {}
    keys = {one.key: one.name for one in project.classes.all()}
    for _ in range(count):
        item = page.item
        assert item is not None
        text = item.content["text"]
        told: dict[tuple[int, int, str], dict[str, Any]] = {}
        for _ in range(source.randint(0, 2)):
            start, end = _select(page, editor, source)
            assert editor.spans.selected == (start, end), text
            key = source.choice(list(keys))
            _press(page, key)
            told[start, end, keys[key]] = span(start, end, keys[key])
            shown = editor.spans.active
            assert shown is not None
            assert editor.spans.piece(shown) == text[start:end]
        wanted[text] = [told[place] for place in sorted(told)]
        _press(page, "Return")
        assert page.item is None or page.item.id != item.id
    assert texts.held(project) == wanted
    for form in FORMATS:
        file = tmp_path / f"out-{form}"
        saving.save(project, Filter(), file, form)
        assert texts.imported(tmp_path / f"back-{form}", file) == wanted, form
    assert project.check() == []
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)


def test_every_span_is_one_step_to_undo(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = _import(tmp_path / "Names", ["Anna flew to Berlin", "another"])
    open_in(qtbot, window, path, "label")
    project, page = project_of(window), _page(window)
    _press(page, "Ctrl+Shift+Right", "1", "Esc", "Ctrl+End", "Ctrl+Shift+Left", "2")
    both = texts.held(project)["Anna flew to Berlin"]
    assert both == [span(0, 4, "person"), span(13, 19, "place")]
    _press(page, "Ctrl+Z")
    assert texts.held(project)["Anna flew to Berlin"] == [span(0, 4, "person")]
    assert _editor(window).spans.value == [[0, 4, 1]]
    _press(page, "Ctrl+Z")
    assert texts.held(project)["Anna flew to Berlin"] is None
    _press(page, "Ctrl+Y", "Ctrl+Y")
    assert texts.held(project)["Anna flew to Berlin"] == both
    qtbot.waitUntil(lambda: [one.count for one in project.classes.all()][:2] == [1, 1], timeout=LONG)


def test_the_switch_is_kept_in_the_project(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = _import(tmp_path / "Names", ["Anna flew to Berlin"])
    open_in(qtbot, window, path, "label")
    page, project = _page(window), project_of(window)
    _press(page, "Ctrl+Shift+Right", "1", "Esc", "Ctrl+Home", "Ctrl+Shift+Right", "Ctrl+Shift+Right", "2")
    assert texts.held(project)["Anna flew to Berlin"] == [span(0, 9, "place")]
    page.edit_classes()
    box = find(window, QCheckBox, "classes.switch.overlapping")
    assert not box.isChecked()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert switching.switches(project, TASK) == {"overlapping": True}
    dialog = box.window()
    dialog.close()
    _press(page, "Esc", "Ctrl+Home", "Ctrl+Shift+Right", "1")
    assert texts.held(project)["Anna flew to Berlin"] == [span(0, 4, "person"), span(0, 9, "place")]
