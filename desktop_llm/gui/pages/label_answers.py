"""The strip above a row that several people are to judge: what is asked, and in a dispute all answers with their keys.

Whoever decides may hide the names, so that the answer counts and not who gave it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QPushButton, QWidget

from desktop_llm.widgets.card import Card
from desktop_llm.widgets.chip import keycap
from desktop_llm.widgets.elided import ElidedLabel

KEY = "Alt+{0}"
MOST_KEYS = 9
COLUMNS = 2
ROW_HEIGHT = 34
NAME_WIDTH = 220
"""So much of an answer is shown before there is room for who gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer in a dispute: the stored label, its words and colour, and who gave it when."""

    value: Any
    text: str
    color: str
    who: str


class AnswerRow(QPushButton):
    """One answer: its key in its colour, its words, who gave it. It is kept for the next row's: new ones are slow."""

    def __init__(self, place: int) -> None:
        """`place` from 0."""
        super().__init__()
        self.setObjectName(f"label.answer.{place + 1}")
        self.setProperty("kind", "choice-row")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedHeight(ROW_HEIGHT)
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 0, 8, 0)
        line.setSpacing(8)
        self._color = ""
        self._key = keycap(KEY.format(place + 1) if place < MOST_KEYS else "·")
        self._key.setFixedHeight(22)
        self._name, self._who = ElidedLabel(), ElidedLabel("", "muted")
        for part, stretch in ((self._key, 0), (self._name, 1), (self._who, 0)):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            line.addWidget(part, stretch)

    def show_answer(self, told: Answer) -> None:
        """Show this answer."""
        if told.color != self._color:
            self._color = told.color
            self._key.setStyleSheet(f"border-left: 3px solid {told.color};" if told.color else "")
        self._name.setText(told.text)
        self._name.setMinimumWidth(min(NAME_WIDTH, self._name.sizeHint().width()))
        self._who.setText(told.who)
        words = f"{told.text} – {told.who}" if told.who else told.text
        self.setAccessibleName(self.tr("Decide: {answer}").format(answer=words))
        # tool tips guess their format: escaped inside a tag, data stays data
        self.setToolTip(f"<span>{html.escape(words)}</span>")


class AnswersCard(Card):
    """Signals: `chosen(value)`: this answer is the right one; `names_hidden(bool)`."""

    chosen = Signal(object)
    names_hidden = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden until there is something to say."""
        super().__init__(" ", "", parent)
        self.setObjectName("label.others")
        self._answers: Sequence[Answer] = ()
        self._rows: list[AnswerRow] = []
        self._sentence = ElidedLabel("", "muted")
        self._sentence.setObjectName("label.others.sentence")
        self.hide_names = QCheckBox(self.tr("Hide names"))
        self.hide_names.setObjectName("label.others.hide")
        self.hide_names.setAccessibleName(self.hide_names.text())
        self.hide_names.setToolTip(self.tr("Who gave which answer is not shown, and their order says nothing either."))
        self.hide_names.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.hide_names.toggled.connect(self.names_hidden)
        self.head.insertWidget(1, self._sentence, 1)
        self.head.addWidget(self.hide_names)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(2)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
        self.body.addLayout(self._grid)
        self._keys = [self._shortcut(place) for place in range(MOST_KEYS)]
        self.hide()

    def tell(self, title: str, sentence: str, answers: Sequence[Answer] = ()) -> None:
        """A title, a sentence, and the answers that there are; the first of them have keys."""
        self.set_title(title)
        self._sentence.setText(sentence)
        self.show_answers(answers)

    def show_answers(self, answers: Sequence[Answer]) -> None:
        """Other answers under the same title."""
        self.hide_names.setVisible(bool(answers))
        self.show()
        if list(answers) == list(self._answers):
            return
        self._answers = answers
        while len(self._rows) < len(answers):
            self._add_row()
        for row, told in zip(self._rows, answers, strict=False):
            row.show_answer(told)
        for place, row in enumerate(self._rows):
            row.setVisible(place < len(answers))
        for place, key in enumerate(self._keys):
            key.setEnabled(place < len(answers))

    def _add_row(self) -> None:
        place = len(self._rows)
        row = AnswerRow(place)
        row.clicked.connect(lambda: self._choose(place))
        self._rows.append(row)
        self._grid.addWidget(row, place // COLUMNS, place % COLUMNS)

    def _shortcut(self, place: int) -> QShortcut:
        key = QShortcut(QKeySequence(KEY.format(place + 1)), self)
        key.setEnabled(False)
        key.activated.connect(lambda: self._choose(place))
        return key

    def _choose(self, place: int) -> None:
        if place < len(self._answers):
            self.chosen.emit(self._answers[place].value)
