"""What this task shows: the text and its labels, the figures per label and their confusions, and a text to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import chip, keycap
from desktop_llm.widgets.class_list import ClassList
from desktop_llm.widgets.confusion import Confusion
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ResultView, ShownItem, TryView

FIGURE_WIDTH = 76
TRY_MS = 250


class Editor(LabelEditor):
    """The text at the left, the labels at the right."""

    can_list = True

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to label yet."""
        super().__init__(parent)
        self._classes: tuple[ClassInfo, ...] = ()
        self._item: ShownItem | None = None
        self._keys: Mapping[str, str] = {}
        self._told: tuple[object, ...] = ()
        self._extra: Mapping[str, str] | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._middle = QVBoxLayout()
        self._middle.setSpacing(16)
        self._middle.addWidget(self._text_card(), 1)
        whole.addLayout(self._middle, 1)
        self._labels = ClassList()
        self._labels.chosen.connect(self._on_chosen)
        self._labels.edit_asked.connect(self.edit_classes_asked)
        whole.addWidget(self._labels)

    def set_foot(self, foot: QWidget) -> None:
        """Below the text; the labels keep the whole height."""
        self._middle.addWidget(foot)

    def show_list(self, listing: QWidget | None) -> None:
        """In the place of the text."""
        if listing is not None and self._middle.indexOf(listing) < 0:
            self._middle.insertWidget(0, listing, 1)
        self._card.setVisible(listing is None)

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the text and in the field that finds labels."""
        self._keys = told
        self._labels.set_find_key(told.get("find", ""))
        self._show_suggestion()

    def set_recent(self, values: Sequence[tuple[Any, str]]) -> None:
        """On top of the labels, where not all of them fit."""
        self._labels.show_recent(values)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these labels."""
        self._classes = tuple(classes)
        self._labels.show_classes(self._classes)
        self._show_suggestion()

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text."""
        self._item = item
        self._empty.setVisible(item is None)
        self._scroll.setVisible(item is not None)
        if item is not None:
            self._text.setText(next(iter(item.content.values()), ""))
            # Rows that were left out of a project leave gaps in the numbers of the others.
            known = item.position <= item.total
            words = self.tr("Text {position:,} of {total:,}") if known else self.tr("Text {position:,}")
            self._card.set_title(words.format(position=item.position, total=item.total))
            self._card.set_note(item.source)
            self._scroll.verticalScrollBar().setValue(0)
        else:
            self._card.set_title("")
            self._card.set_note("")
        self._show_extra({} if item is None else item.extra)
        self._labels.mark(None if item is None else item.value)
        self._show_suggestion()

    def key_for_label(self, text: str) -> bool:
        """Give the label of this key."""
        found = next((one for one in self._classes if one.key and one.key == text.lower()), None)
        if found is None or self._item is None:
            return False
        self.chosen.emit(found.id)
        return True

    def focus_filter(self) -> None:
        """Go to the field that finds labels."""
        self._labels.focus_filter()

    def _text_card(self) -> QWidget:
        self._card = Card(" ", " ")
        self._text = plain_label("", "item-text", wrap=True)
        self._text.setObjectName("label.text")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._text.setMinimumWidth(120)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(16)
        inside.addStretch(1)
        inside.addWidget(self._text)
        self._chips = QWidget()
        self._chips_line = FlowLayout(self._chips)
        inside.addWidget(self._chips)
        inside.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        words = self.tr("Nothing waits here. All texts come back with Show: All; the next step is Train.")
        self._empty = plain_label(words, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._card.body.addWidget(self._scroll, 1)
        self._card.body.addWidget(self._empty, 1)
        suggestion = QWidget()
        self._suggestion_line = FlowLayout(suggestion)
        self._card.body.addWidget(suggestion)
        return self._card

    def _show_extra(self, extra: Mapping[str, str]) -> None:
        if extra == self._extra:  # widgets are dear; a key press is not to wait for the same ones again
            return
        self._extra = dict(extra)
        self._chips_line.clear()
        for name, value in list(extra.items())[:12]:
            words = f"{name}: {value}".replace("\n", " ")
            self._chips_line.addWidget(chip(words if len(words) < 60 else words[:57] + "…"))
        self._chips.setVisible(bool(extra))

    def _show_suggestion(self) -> None:
        suggestion = self._item.suggestion if self._item is not None else None
        told = (suggestion, self._item is None, self._keys)
        if told == self._told:
            return
        self._told = told
        self._suggestion_line.clear()
        if suggestion is not None:
            self._suggestion_line.addWidget(plain_label(self.tr("Model suggests"), "muted"))
            for name, value in suggestion.top[:2]:
                self._suggestion_line.addWidget(chip(f"{name} {value:.2f}"))
            self._hint(self.tr("accept"), "accept")
        if self._item is not None:
            self._hint(self.tr("skip"), "skip")
            self._hint(self.tr("undo"), "undo")
            self._hint(self.tr("next, previous"), "next", "previous")

    def _hint(self, words: str, *commands: str) -> None:
        """The keys of commands and what they do, which stay together where the line is broken."""
        key = " / ".join(filter(None, (self._keys.get(one) for one in commands)))
        if not key:
            return
        both = QWidget()
        line = QHBoxLayout(both)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(keycap(key))
        line.addWidget(plain_label(words, "muted"))
        self._suggestion_line.addWidget(both)

    def _on_chosen(self, number: int) -> None:
        if self._item is not None:
            self.chosen.emit(number)


class Figures(ResultView):
    """The confusion matrix and the figures per label."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("Confusions"), self.tr("click a cell to see its texts"))
        self.confusion = Confusion()
        self.confusion.setObjectName("results.confusion")
        self.confusion.cell_clicked.connect(lambda truth, told: self.rows_asked.emit(truth, told))
        left.body.addWidget(self.confusion, 1)
        right = Card(self.tr("By label"), self.tr("worst F1 first"))
        titles = [self.tr("Label"), self.tr("Precision"), self.tr("Recall"), self.tr("F1"), self.tr("Texts")]
        self.table = QTableWidget(0, len(titles))
        self.table.setObjectName("results.by_label")
        self.table.setAccessibleName(self.tr("Figures by label"))
        self.table.setHorizontalHeaderLabels(titles)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setHighlightSections(False)
        for column in range(1, len(titles)):
            self.table.setColumnWidth(column, FIGURE_WIDTH)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.setTabKeyNavigation(False)
        self.table.cellActivated.connect(lambda row, _: self.rows_asked.emit(self._label_at(row), None))
        right.body.addWidget(self.table, 1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        labels = list(details.get("labels", ()))
        rows = [row for row in details.get("per_label", ()) if row["support"] or row["predicted"]]
        rows.sort(key=lambda row: (row["f1"], -row["support"]))
        self.confusion.show_cells(labels, details.get("confusion", ()))
        self.table.setRowCount(len(rows))
        for place, row in enumerate(rows):
            figures = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
            for column, text in enumerate([row["label"], *figures, f"{row['support']:,}"]):
                self.table.setItem(place, column, QTableWidgetItem(text))

    def _label_at(self, row: int) -> str:
        item = self.table.item(row, 0)
        return item.text() if item is not None else ""


class Trial(TryView):
    """A text to type or paste; what the model says of it beside it, at once."""

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
        right.body.addStretch(1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TRY_MS)
        self._timer.timeout.connect(self._ask)

    def show_waiting(self) -> None:
        """The answer before stays until there is another."""
        self._answer_card.set_note(self.tr("asking the model…"))

    def show_answer(self, prediction: Prediction, milliseconds: float) -> None:
        """The likeliest labels as bars."""
        self._problem.hide()
        self.answer.setText(str(prediction.label))
        self._bars.show_rows([(name, value, f"{100 * value:.1f} %") for name, value in prediction.top], most=1.0)
        self._answer_card.set_note(f"{milliseconds:.0f} ms")

    def show_problem(self, sentence: str) -> None:
        """One sentence instead of an answer."""
        self.answer.setText("")
        self._bars.show_rows([])
        self._answer_card.set_note("")
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))

    def _on_text_changed(self) -> None:
        self._timer.start()

    def _ask(self) -> None:
        self.asked.emit({"text": self.text.toPlainText().strip()})


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    return Trial(parent)
