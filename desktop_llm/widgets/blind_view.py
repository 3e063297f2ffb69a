"""Two answers to a prompt side by side without the names of who wrote them, and keys to say which is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_llm.widgets.answer_card import AnswerCard
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import key_hint
from desktop_llm.widgets.flow import FlowLayout

LEFT, RIGHT, TIE = "left", "right", "tie"
KEYS = {LEFT: ("1", "Left"), TIE: ("0",), RIGHT: ("2", "Right")}
UNDO = "Backspace"


class BlindView(QWidget):
    """Signals: `judged(side)`: left, right, or tie; `undo_asked()`; `ended()`: back to talking; `rows_asked()`,
    `file_asked()`: what was judged is to become rows, or a file."""

    judged = Signal(str)
    undo_asked = Signal()
    ended = Signal()
    rows_asked = Signal()
    file_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to judge yet."""
        super().__init__(parent)
        self.setObjectName("judge.view")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._open = False
        self._result, self._count = "", 0
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self.prompt = AnswerCard("judge.prompt", self.tr("Prompt"))
        whole.addWidget(self.prompt, 1)
        answers = QHBoxLayout()
        answers.setSpacing(16)
        self.left = AnswerCard("judge.left", self.tr("First answer"))
        self.right = AnswerCard("judge.right", self.tr("Second answer"))
        answers.addWidget(self.left, 1)
        answers.addWidget(self.right, 1)
        whole.addLayout(answers, 3)
        whole.addLayout(self._build_choices())
        whole.addWidget(self._build_foot())
        for side, keys in KEYS.items():
            for key in keys:
                self._bind(key, partial(self._on_side, side))
        self._bind(UNDO, self._on_undo)
        self.show_nothing("")

    def show_duel(self, prompt: Sequence[Mapping[str, Any]], left: str, right: str) -> None:
        """Show a prompt, and two answers to be judged."""
        self._show_prompt(prompt)
        for card, text in ((self.left, left), (self.right, right)):
            card.show_answer(text if text.strip() else self.tr("(It says nothing.)"))
        self._tell("")
        self._let(True)

    def show_waiting(self, prompt: Sequence[Mapping[str, Any]], words: str) -> None:
        """The answers to a prompt are being written."""
        self._show_prompt(prompt)
        self._clear()
        self._tell(words)

    def show_nothing(self, words: str) -> None:
        """There is nothing to judge, for this reason."""
        self._show_prompt(())
        self._clear()
        self._tell(words)

    def show_progress(self, judged: int, total: int, result: str) -> None:
        """How far one is; `result` says who wins, and is shown when it is asked for."""
        self._count = judged
        words = self.tr("{judged:,} of {total:,} held-out prompts judged")
        self.progress.setText(words.format(judged=judged, total=total))
        self._result = result
        for part in (self.rows_button, self.file_button, self._undo_button):
            part.setEnabled(judged > 0)
        self.result_button.setEnabled(bool(result))
        self._show_result()

    def offer_rows(self, offered: bool) -> None:
        """Whether what was judged can become rows of this project."""
        self.rows_button.setVisible(offered)

    def _build_choices(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self._buttons: dict[str, QPushButton] = {}
        for side, words, key in (
            (LEFT, self.tr("First is better"), "1"),
            (TIE, self.tr("As good"), "0"),
            (RIGHT, self.tr("Second is better"), "2"),
        ):
            made = button(f"{words}   {key}", f"judge.choice.{side}", partial(self._on_side, side))
            made.setAccessibleName(words)
            made.setProperty("kind", "decision")
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._buttons[side] = made
            line.addWidget(made, 2 if side == TIE else 3)
        return line

    def _build_foot(self) -> QWidget:
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(8)
        self.progress = plain_label("", "card-title")
        self.progress.setObjectName("judge.progress")
        line.addWidget(self.progress)
        self.state = plain_label("", "muted")
        self.state.setObjectName("judge.state")
        line.addWidget(self.state)
        line.addStretch(1)
        self.result_button = button(self.tr("Show the result"), "judge.result", self._on_result)
        self.result_button.setCheckable(True)
        rows = self.tr("Add what was judged to the project’s rows, each pair with its verdict")
        self.rows_button = button(self.tr("Put into the data"), "judge.rows", self.rows_asked.emit, tip=rows)
        file = self.tr("Save what was judged, but for ties, as prompt, chosen and rejected")
        self.file_button = button(self.tr("Save as…"), "judge.file", self.file_asked.emit, tip=file)
        self._undo_button = button(self.tr("Undo"), "judge.undo", self._on_undo, tip=UNDO)
        self.end_button = button(self.tr("End"), "judge.end", self.ended.emit, tip="Esc")
        for part in (self._undo_button, self.result_button, self.rows_button, self.file_button, self.end_button):
            line.addWidget(part)
        card.body.addLayout(line)
        self.result = plain_label("", wrap=True)
        self.result.setObjectName("judge.standing")
        self.result.hide()
        card.body.addWidget(self.result)
        hints = QWidget()
        flow = FlowLayout(hints)
        for key, words in (
            ("1 / ←", self.tr("first is better")),
            ("2 / →", self.tr("second is better")),
            ("0", self.tr("as good")),
            ("⌫", self.tr("undo")),
        ):
            flow.addWidget(key_hint(key, words))
        card.body.addWidget(hints)
        self._bind("Esc", self.ended.emit)
        return card

    def _bind(self, key: str, do: Any) -> None:
        made = QShortcut(QKeySequence(key), self)
        made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(do)

    def _show_prompt(self, prompt: Sequence[Mapping[str, Any]]) -> None:
        said = [str(one.get("content") or "") for one in prompt]
        if len(prompt) > 1:
            said = [f"{one.get('role')}: {text}" for one, text in zip(prompt, said, strict=True)]
        self.prompt.show_answer("\n\n".join(said))

    def _clear(self) -> None:
        for card in (self.left, self.right):
            card.show_answer("")
        self._let(False)

    def _let(self, open_: bool) -> None:
        self._open = open_
        for made in self._buttons.values():
            made.setEnabled(open_)

    def _tell(self, words: str) -> None:
        self.state.setText(words)

    def _on_side(self, side: str) -> None:
        if self._open:
            self._let(False)  # one answer is given once
            self.judged.emit(side)

    def _on_undo(self) -> None:
        if self._count:
            self._let(False)
            self.undo_asked.emit()

    def _on_result(self) -> None:
        self._show_result()

    def _show_result(self) -> None:
        shown = self.result_button.isChecked() and bool(self._result)
        self.result_button.setText(self.tr("Hide the result") if shown else self.tr("Show the result"))
        self.result.setText(self._result if shown else "")
        self.result.setVisible(shown)
