"""What this task shows: the prompt above, two answers side by side without their names, and four keys to choose.

On which side an answer stands is drawn by the texts themselves: the same for everybody and at any time, and even over
many rows, so that a liking for one side is no liking for one model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_llm.tasks.preference.labels import BAD, TIE, A, B, messages
from desktop_llm.widgets.answer_card import AnswerCard
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import chip, key_hint
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.pair_view import PairView
from desktop_llm.widgets.screen import ClassInfo, Command, LabelEditor, ResultView, ShownItem, WritingView
from desktop_llm.widgets.source_card import SourceCard
from desktop_llm.widgets.talk import USER
from desktop_llm.widgets.talk_trial import TalkTrial

LEFT, RIGHT = "left", "right"


def sides(content: Mapping[str, str]) -> tuple[str, str]:
    """Which answer stands left and which right."""
    told = "\0".join(content.get(name, "") for name in ("prompt", A, B))
    odd = hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()[0] & 1
    return (B, A) if odd else (A, B)


def readable(text: str) -> str:
    """An answer or a prompt; messages turn by turn, the role of a single one left out."""
    told = messages(text)
    if told is None:
        return text
    if len(told) == 1:
        return str(told[0].get("content") or "")
    return "\n\n".join(f"{one.get('role')}: {one.get('content') or ''}" for one in told)


class Editor(LabelEditor):
    """One key decides, and the next row comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to decide yet."""
        super().__init__(parent)
        self._item: ShownItem | None = None
        self._keys: Mapping[str, str] = {}
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(16)
        self._prompt = SourceCard("label.text")
        self._whole.addWidget(self._prompt, 2)
        answers = QHBoxLayout()
        answers.setSpacing(16)
        self.left = AnswerCard("label.answer.left", self.tr("First answer"))
        self.right = AnswerCard("label.answer.right", self.tr("Second answer"))
        answers.addWidget(self.left, 1)
        answers.addWidget(self.right, 1)
        self._whole.addLayout(answers, 3)
        self._buttons: dict[str, QPushButton] = {}
        self._whole.addWidget(self._build_choices())

    def commands(self) -> Sequence[Command]:
        """The four choices."""
        return (
            Command(name=LEFT, title=self.tr("The first answer is better"), keys=("1", "Left")),
            Command(name=RIGHT, title=self.tr("The second answer is better"), keys=("2", "Right")),
            Command(name=TIE, title=self.tr("Both are as good"), keys=("T", "3")),
            Command(name=BAD, title=self.tr("Both are bad"), keys=("X", "4")),
        )

    def do(self, command: str) -> None:
        """Choose."""
        if self._item is not None:
            left, right = sides(self._item.content)
            self.chosen.emit({LEFT: left, RIGHT: right}.get(command, command))

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the choices."""
        self._keys = told
        self.show_item(self._item)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """This task has none."""

    def show_item(self, item: ShownItem | None) -> None:
        """Show a row, and what was chosen for it."""
        same = item is not None and self._item is not None and item.id == self._item.id
        self._item = item
        left, right = (A, B) if item is None else sides(item.content)
        if not same:
            prompt = "" if item is None else readable(item.content.get("prompt", ""))
            self._prompt.show_item(item, [("", prompt)])
            for card, name in ((self.left, left), (self.right, right)):
                card.show_answer("" if item is None else readable(item.content.get(name, "")))
        self._prompt.show_place(item)
        value = None if item is None else item.value
        for name, chosen in ((LEFT, left), (RIGHT, right), (TIE, TIE), (BAD, BAD)):
            self._buttons[name].setChecked(item is not None and value == chosen)
            self._buttons[name].setEnabled(item is not None)
        self._show_suggestion({left: self.tr("first answer"), right: self.tr("second answer")})

    def set_foot(self, foot: QWidget) -> None:
        """Below the choices."""
        self._whole.addWidget(foot)

    def key_for_label(self, text: str) -> bool:
        """The keys are commands."""
        return False

    def _build_choices(self) -> QWidget:
        box = QWidget()
        whole = QVBoxLayout(box)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        line = QHBoxLayout()
        line.setSpacing(8)
        for name, words, key in (
            (LEFT, self.tr("First is better"), "1"),
            (TIE, self.tr("As good"), "T"),
            (BAD, self.tr("Both bad"), "X"),
            (RIGHT, self.tr("Second is better"), "2"),
        ):
            made = button(f"{words}   {key}", f"label.choice.{name}", partial(self._on_clicked, name))
            made.setAccessibleName(words)
            made.setCheckable(True)
            made.setProperty("kind", "decision")
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._buttons[name] = made
            line.addWidget(made, 3 if name in (LEFT, RIGHT) else 2)
        whole.addLayout(line)
        hints = QWidget()
        self._hints = FlowLayout(hints)
        whole.addWidget(hints)
        return box

    def _show_suggestion(self, called: Mapping[str, str]) -> None:
        self._hints.clear()
        suggestion = self._item.suggestion if self._item is not None else None
        if suggestion is not None:
            said = called.get(str(suggestion.label), str(suggestion.label))
            self._hints.addWidget(plain_label(self.tr("Model suggests"), "muted"))
            self._hints.addWidget(chip(f"{said} {suggestion.probability:.2f}"))
        self._hints.addWidget(key_hint("← / →", self.tr("first, second")))
        for words, *commands in (
            (self.tr("skip"), "skip"),
            (self.tr("undo"), "undo"),
            (self.tr("next, previous"), "next", "previous"),
        ):
            key = " / ".join(filter(None, map(self._keys.get, commands)))
            if key:
                self._hints.addWidget(key_hint(key, words))

    def _on_clicked(self, name: str) -> None:
        # What is checked is the label, not the click: it is checked again when the row is shown with it.
        self._buttons[name].setChecked(False)
        self.do(name)


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return PairView(parent)


def _told(messages: Sequence[Mapping[str, Any]]) -> str:
    """A prompt as a row keeps it: a text where it is just that."""
    if len(messages) == 1 and messages[0].get("role") == USER:
        return str(messages[0].get("content") or "")
    return json.dumps([dict(one) for one in messages], ensure_ascii=False)


def _row(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A conversation to be answered."""
    return {"prompt": _told(messages), A: "", B: ""}


def _pair(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What was asked last, and both answers; of what was said before both know what was said at the left."""
    asked = list(left)
    answer = str(asked.pop().get("content") or "") if asked else ""
    return {"prompt": _told(asked), A: answer, B: str(right[-1].get("content") or "") if right else ""}


def try_view(parent: QWidget | None = None) -> WritingView:
    """The view to try a model by hand."""
    return TalkTrial(_row, chat=True, pair_of=_pair, parent=parent)
