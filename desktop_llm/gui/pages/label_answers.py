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

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import keycap
from desktop_llm.widgets.elided import ElidedLabel

KEY = "Alt+{0}"
MOST_KEYS = 9
COLUMNS = 2
ROW_HEIGHT = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer in a dispute: the stored label, its words and colour, and who gave it when."""

    value: Any
    text: str
    color: str
    who: str


class AnswersCard(Card):
    """Signals: `chosen(value)`: this answer is the right one; `names_hidden(bool)`."""

    chosen = Signal(object)
    names_hidden = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Hidden until there is something to say."""
        super().__init__(" ", "", parent)
        self.setObjectName("label.others")
        self._answers: Sequence[Answer] = ()
        self._rows: list[QPushButton] = []
        self._sentence = plain_label("", "muted")
        self._sentence.setObjectName("label.others.sentence")
        self.hide_names = QCheckBox(self.tr("Hide names"))
        self.hide_names.setObjectName("label.others.hide")
        self.hide_names.setAccessibleName(self.hide_names.text())
        self.hide_names.setToolTip(self.tr("Who gave which answer is not shown, and their order says nothing either."))
        self.hide_names.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.hide_names.toggled.connect(self.names_hidden)
        self.head.insertWidget(1, self._sentence)
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
        for row in self._rows:
            self._grid.removeWidget(row)
            row.setParent(None)
            row.deleteLater()
        self._rows = [self._row(place, told) for place, told in enumerate(answers)]
        for place, row in enumerate(self._rows):
            self._grid.addWidget(row, place // COLUMNS, place % COLUMNS)
            row.show()
        for place, key in enumerate(self._keys):
            key.setEnabled(place < len(answers))

    def _shortcut(self, place: int) -> QShortcut:
        key = QShortcut(QKeySequence(KEY.format(place + 1)), self)
        key.setEnabled(False)
        key.activated.connect(lambda: self._choose(place))
        return key

    def _choose(self, place: int) -> None:
        if place < len(self._answers):
            self.chosen.emit(self._answers[place].value)

    def _row(self, place: int, told: Answer) -> QPushButton:
        row = QPushButton()
        row.setObjectName(f"label.answer.{place + 1}")
        row.setProperty("kind", "choice-row")
        row.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.setFixedHeight(ROW_HEIGHT)
        row.clicked.connect(lambda: self._choose(place))
        line = QHBoxLayout(row)
        line.setContentsMargins(8, 0, 8, 0)
        line.setSpacing(8)
        key = keycap(KEY.format(place + 1) if place < MOST_KEYS else "·")
        key.setFixedHeight(22)
        if told.color:
            key.setStyleSheet(f"border-left: 3px solid {told.color};")
        name = ElidedLabel(told.text)
        name.setMinimumWidth(60)
        who = ElidedLabel(told.who, "muted")
        for part, stretch in ((key, 0), (name, 1), (who, 0)):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            line.addWidget(part, stretch)
        who.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        words = f"{told.text} – {told.who}" if told.who else told.text
        row.setAccessibleName(self.tr("Decide: {answer}").format(answer=words))
        row.setToolTip(f"<span>{html.escape(words)}</span>")
        return row
