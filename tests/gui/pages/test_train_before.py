"""What the Train page says before a run: how many texts it would learn from."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.train_before import TrainBefore
from desktop_llm.verbs.training import Readiness
from tests.windows import find


@pytest.mark.parametrize(
    ("unlabeled", "words", "line"),
    [
        (0, "1,200", "1,200 to learn from, 300 held out · 2 labels"),
        (
            4000,
            "1,200, and 4,000 without a label",
            "1,200, and 4,000 without a label to learn from, 300 held out · 2 labels",
        ),
    ],
)
def test_what_a_run_learns_from_is_told_also_in_one_line(qtbot: QtBot, unlabeled: int, words: str, line: str) -> None:
    card = TrainBefore()
    qtbot.addWidget(card)
    card.show_readiness(
        Readiness(
            splits={"train": 1200, "validation": 100, "test": 200}, classes={"a": 600, "b": 600}, unlabeled=unlabeled
        )
    )
    assert find(card, QLabel, "train.before.train").text() == words
    assert line in {label.text() for label in card.findChildren(QLabel)}
