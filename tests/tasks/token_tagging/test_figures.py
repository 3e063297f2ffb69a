"""The view of a run's figures: mistakes open their rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.results import ResultsPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.token_tagging.score import score
from desktop_llm.tasks.token_tagging.screen import Trial
from desktop_llm.widgets.span_figures import FIRST_KIND, KINDS, SpanFigures
from tests.tasks.token_tagging.texts import make, span
from tests.windows import LONG, find, open_in

TRUTH = [[span(0, 4, "person"), span(8, 14, "place")], [span(0, 3, "person")], []]
TOLD = [[span(0, 4, "person")], [span(0, 3, "place")], [span(1, 2, "place")]]


def _details() -> dict[str, object]:
    answers = [Prediction(label=one, probability=0.5, uncertainty=0.5) for one in TOLD]
    scores = score(TRUTH, answers, ("person", "place"))
    return {**scores.details, "rows": {key: [place + 1 for place in some] for key, some in scores.places.items()}}


@pytest.fixture
def figures(qtbot: QtBot) -> SpanFigures:
    """The view with three texts measured."""
    view = SpanFigures()
    qtbot.addWidget(view)
    view.resize(1000, 360)
    view.show_details(_details())
    view.show()
    return view


def test_a_number_opens_its_texts(figures: SpanFigures, qtbot: QtBot) -> None:
    asked: list[tuple[object, str]] = []
    figures.these_asked.connect(lambda ids, words: asked.append((ids, words)))
    for kind in KINDS:
        counted = find(figures, QPushButton, f"results.{kind}")
        qtbot.mouseClick(counted, Qt.MouseButton.LeftButton)
    assert asked == [([1], "Missed"), ([3], "Spurious"), ([2], "Confused")]
    assert not find(figures, QPushButton, "results.boundary").isEnabled()
    names = [cell.text() if (cell := figures.table.item(place, 0)) else "" for place in range(2)]
    row = names.index("place")
    figures.table.cellClicked.emit(row, FIRST_KIND)
    figures.table.cellClicked.emit(row, 1)
    assert asked[3:] == [([1], "Missed: place")]
    confused = figures.confusions.item(0, 0)
    assert confused is not None
    assert confused.text() == "person"
    figures.show_details({})
    assert figures.table.rowCount() == 0


def test_the_names_of_labels_can_be_read(figures: SpanFigures) -> None:
    figures.resize(1048, 360)  # what a window of 1280 pixels leaves
    assert figures.table.columnWidth(0) >= 107
    assert figures.table.horizontalScrollBar().maximum() == 0


def test_the_window_shows_the_texts_of_a_mistake(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    made = make(tmp_path / "Names", [("Anna in Berlin", TRUTH[0]), ("Bob", TRUTH[1]), ("nothing", [])])
    made.close()
    open_in(qtbot, window, tmp_path / "Names", "results")
    results, label = window.page("results"), window.page("label")
    assert isinstance(results, ResultsPage)
    assert isinstance(label, LabelPage)
    results._on_these_asked([2, 3], "Missed")
    qtbot.waitUntil(lambda: window.page_name == "label" and label.item is not None, timeout=LONG)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    assert label.item is not None
    assert label.item.id == 2
    label.do("next")
    assert label.item.content["text"] == "nothing"


def test_an_answer_is_shown_in_its_text(qtbot: QtBot) -> None:
    trial = Trial()
    qtbot.addWidget(trial)
    trial.show()
    with qtbot.waitSignal(trial.asked, timeout=LONG) as asked:
        trial.text.setPlainText(" Anna in Berlin 😀")
    assert asked.args == [{"text": "Anna in Berlin 😀"}]
    trial.show_answer(
        Prediction(label=TRUTH[0], probability=0.6, uncertainty=0.4, top=(("person", 0.9), ("place", 0.6))), 3.0
    )
    assert trial.answer.text == "Anna in Berlin 😀"
    assert [(mark.name, mark.note) for mark in trial.answer.marks] == [("person", "0.90"), ("place", "0.60")]
    trial.show_answer(Prediction(label=[], probability=1.0, uncertainty=0.0), 3.0)
    assert trial.answer.marks == []
    trial.show_problem("No.")
    assert trial.answer.text == ""
