"""A text to type or paste; what a model says of it beside it, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.screen import TryView
from desktop_llm.widgets.what_if import WhatIf

TRY_MS = 250
TOP = 5
"""Labels that are shown, the likeliest first; more where more are said."""


class TextTrial(TryView):
    """Shared by tasks whose rows are texts and whose answers are classes with their chances."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing asked yet."""
        super().__init__(parent)
        self._in_words: Callable[[Prediction], str] = lambda told: str(told.label)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("Your text"))
        self.text = QPlainTextEdit()
        self.text.setObjectName("try.text")
        self.text.setAccessibleName(self.tr("Your text"))
        self.text.setPlaceholderText(self.tr("Type or paste a text."))
        self.text.setTabChangesFocus(True)
        self.text.textChanged.connect(self._on_text_changed)
        left.body.addWidget(self.text, 1)
        right = Card(self.tr("What the model says"), "")
        self._answer_card = right
        self.answer = plain_label("", "tile-value", wrap=True)
        self.answer.setObjectName("try.answer")
        self._problem = plain_label("", "bad", wrap=True)
        self._problem.setObjectName("try.problem")
        self._problem.hide()
        self._bars = Bars(choosing=False)
        right.body.addWidget(self.answer)
        right.body.addWidget(self._problem)
        right.body.addWidget(self._bars)
        self._rest = QWidget()
        right.body.addWidget(self._rest, 1)
        self.what_if = WhatIf()
        self.what_if.back_asked.connect(lambda text: self.put({"text": text}))
        self.what_if.changed.connect(self._show_either)
        right.body.addWidget(self.what_if)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TRY_MS)
        self._timer.timeout.connect(self._ask)
        self._asked = ""

    def put(self, row: Mapping[str, str]) -> None:
        """Another text."""
        self.text.setPlainText(row.get("text", ""))

    def put_in_words(self, words: Callable[[Prediction], str]) -> None:
        """How an answer is said; unless told, as its label."""
        self._in_words = words

    def show_waiting(self) -> None:
        """The answer before stays until there is another."""
        self._answer_card.set_note(self.tr("asking the model…"))

    def show_answer(self, prediction: Prediction, milliseconds: float) -> None:
        """The likeliest labels as bars."""
        self._problem.hide()
        self.answer.setText(self._in_words(prediction))
        shown = prediction.top[: max(TOP, len(prediction.label) if isinstance(prediction.label, list) else 1)]
        self._bars.show_rows([(name, value, f"{100 * value:.1f} %") for name, value in shown], most=1.0)
        self.what_if.show_answer(self._asked, prediction)
        self._answer_card.set_note(f"{milliseconds:.0f} ms")

    def show_problem(self, sentence: str) -> None:
        """One sentence instead of an answer."""
        self.answer.setText("")
        self._bars.show_rows([])
        self.what_if.show_answer("", None)
        self._answer_card.set_note("")
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))

    def _on_text_changed(self) -> None:
        self._timer.start()

    def _ask(self) -> None:
        self._asked = self.text.toPlainText().strip()
        self.asked.emit({"text": self._asked})

    def _show_either(self) -> None:
        """The bars, or while an answer is kept what differs from it."""
        for part in (self._bars, self._rest):
            part.setVisible(not self.what_if.keeps)
        layout = self._answer_card.body
        layout.setStretchFactor(self.what_if, 1 if self.what_if.keeps else 0)
