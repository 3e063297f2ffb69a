"""What this task shows: the text with its spans to be marked, what was found and missed by label, and a text to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets import span_keys
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.class_list import ClassList
from desktop_llm.widgets.screen import ClassInfo, Command, LabelEditor, ResultView, ShownItem, TryView
from desktop_llm.widgets.span_card import SpanCard
from desktop_llm.widgets.span_editor import Span
from desktop_llm.widgets.span_figures import SpanFigures
from desktop_llm.widgets.span_paint import Mark
from desktop_llm.widgets.span_view import SpanView

TRY_MS = 250
COLORS = (
    "#3558e6", "#17845a", "#b3690b", "#c8372d", "#7a4fd0", "#0e7f93", "#b03a7a", "#5a7a1c", "#8a5a2b", "#4a6480",
)  # fmt: skip
"""For a model's labels, which have no colours of their own."""
NOTHING: tuple[Any, ...] = ()


class Editor(LabelEditor):
    """The text at the left, the labels at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to label yet."""
        super().__init__(parent)
        self.setObjectName("label.editor")
        self._classes: tuple[ClassInfo, ...] = ()
        self._item: ShownItem | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._middle = QVBoxLayout()
        self._middle.setSpacing(16)
        self.card = SpanCard()
        self.spans = self.card.spans
        self.spans.edited.connect(self._on_edited)
        self.spans.moved.connect(self._on_moved)
        self._middle.addWidget(self.card, 1)
        whole.addLayout(self._middle, 1)
        self._labels = ClassList()
        self._labels.chosen.connect(self._on_chosen)
        self._labels.edit_asked.connect(self.edit_classes_asked)
        whole.addWidget(self._labels)

    def commands(self) -> Sequence[Command]:
        """Caret, selection, and what becomes of the active span."""
        return span_keys.commands() if self._item is not None else ()

    def do(self, command: str) -> None:
        """Do one of the commands."""
        if self._item is not None:
            span_keys.do(self.spans, command)

    def confirm(self) -> bool:
        """The spans as they are, perhaps none; a model's guess is accepted by the page."""
        if self._item is None or self._shows_guess():
            return False
        self.chosen.emit(self.spans.value)
        return True

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the text and in the field that finds labels."""
        self.card.set_keys(told)
        self._labels.set_find_key(told.get("find", ""))
        self._show_hints()

    def set_switches(self, switches: Mapping[str, bool]) -> None:
        """Whether spans may overlap."""
        self.spans.set_overlapping(switches.get("overlapping", False))

    def set_foot(self, foot: QWidget) -> None:
        """Below the text; the labels keep the whole height."""
        self._middle.addWidget(foot)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these labels."""
        self._classes = tuple(classes)
        self._labels.show_classes(self._classes)
        self.spans.set_classes(self._classes)
        self.card.show_names(self._classes)
        if self._shows_guess():
            self.show_item(self._item)

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text; the same one keeps caret, selection and active span."""
        if item is not None and (self._item is None or self._item.id != item.id):
            self.spans.show_row("", ())
        self._item = item
        self.card.show_item(item)
        self._show_hints()
        if item is None:
            self.spans.show_row("", ())
            return
        text = next(iter(item.content.values()), "")
        if item.value is not None or item.suggestion is None:
            self.spans.show_row(text, [_span(one) for one in item.value or NOTHING])
        else:
            notes = self._guess(item.suggestion)
            self.spans.show_row(text, list(notes), draft=True, notes=notes)

    def key_for_label(self, text: str) -> bool:
        """Give the label of this key to what is selected or active, or take it as the brush."""
        found = next((one for one in self._classes if one.key and one.key == text.lower()), None)
        if found is None or self._item is None:
            return False
        self.spans.label(found.id)
        return True

    def focus_filter(self) -> None:
        """Go to the field that finds labels."""
        self._labels.focus_filter()

    def _show_hints(self) -> None:
        if self._item is None:
            self.card.show_hints((), ())
            return
        suggestion = self._item.suggestion if self._shows_guess() else None
        done = self.tr("accept the model's spans") if suggestion is not None else self.tr("done, next")
        keys = [*self.card.hint(done, "accept"), ("[ ]", self.tr("from span to span"))]
        self.card.show_hints((), [*keys, *self.card.usual_keys()])

    def _shows_guess(self) -> bool:
        return self._item is not None and self._item.value is None and self._item.suggestion is not None

    def _guess(self, suggestion: Prediction) -> dict[Span, str]:
        """A model's spans that the project has labels for, with their chances in words."""
        numbers = {one.name: one.id for one in self._classes}
        chances = [f"{value:.2f}" for _, value in suggestion.top]
        if len(chances) != len(suggestion.label):
            chances = [""] * len(suggestion.label)
        return {
            (one["start"], one["end"], numbers[one["label"]]): chance
            for one, chance in zip(suggestion.label, chances, strict=True)
            if one["label"] in numbers
        }

    def _on_chosen(self, number: int) -> None:
        if self._item is not None:
            self.spans.label(number)

    def _on_edited(self, value: list[list[int]]) -> None:
        if self._item is not None:
            self.edited.emit(value)

    def _on_moved(self) -> None:
        active = self.spans.active
        self._labels.mark(active[2] if active is not None else self.spans.brush)


class Trial(TryView):
    """A text to type or paste; beside it the same text with the spans that the model finds, at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing asked yet."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("Your text"))
        self.text = QPlainTextEdit()
        self.text.setObjectName("try.text")
        self.text.setAccessibleName(self.tr("Your text"))
        self.text.setPlaceholderText(self.tr("Type or paste a text."))
        self.text.setTabChangesFocus(True)
        left.body.addWidget(self.text, 1)
        self._card = Card(self.tr("What the model finds"), " ")
        self._card.set_note("")
        self.answer = SpanView(text_size=16)
        self.answer.setObjectName("try.answer")
        self.answer.setAccessibleName(self.tr("What the model finds"))
        self._none = plain_label("", "muted", wrap=True)
        self._none.setObjectName("try.none")
        self._problem = plain_label("", "bad", wrap=True)
        self._problem.setObjectName("try.problem")
        self._problem.hide()
        self._card.body.addWidget(self.answer, 1)
        self._card.body.addWidget(self._none)
        self._card.body.addWidget(self._problem)
        whole.addWidget(left, 1)
        whole.addWidget(self._card, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TRY_MS)
        self._timer.timeout.connect(self._ask)
        self.text.textChanged.connect(self._timer.start)
        self._asked = ""

    def put(self, row: Mapping[str, str]) -> None:
        """Another text."""
        self.text.setPlainText(row.get("text", ""))

    def show_waiting(self) -> None:
        """The answer before stays until there is another."""
        self._card.set_note(self.tr("asking the model…"))

    def show_answer(self, prediction: Prediction, milliseconds: float) -> None:
        """The spans with their chances."""
        self._problem.hide()
        chances = [value for _, value in prediction.top]
        names = sorted({one["label"] for one in prediction.label})
        marks = [
            Mark(
                one["start"],
                one["end"],
                names.index(one["label"]),
                one["label"],
                COLORS[names.index(one["label"]) % len(COLORS)],
                f"{chances[place]:.2f}" if place < len(chances) else "",
            )
            for place, one in enumerate(prediction.label)
        ]
        self.answer.show_text(self._asked, marks)
        self._none.setText("" if marks else self.tr("It finds nothing here."))
        self._card.set_note(f"{milliseconds:.0f} ms")

    def show_problem(self, sentence: str) -> None:
        """One sentence instead of an answer."""
        self.answer.show_text("")
        self._none.setText("")
        self._card.set_note("")
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))

    def _ask(self) -> None:
        self._asked = self.text.toPlainText().strip()
        self.asked.emit({"text": self._asked})


def _span(one: Sequence[int]) -> Span:
    return one[0], one[1], one[2]


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for spans."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return SpanFigures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    return Trial(parent)
