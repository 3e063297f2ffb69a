"""What this task shows: the text and labels to switch on and off, the figures of each label, and a text to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets import theme
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.choice_row import ChoiceRow
from desktop_llm.widgets.class_list import ClassList
from desktop_llm.widgets.confusion import Confusion
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.screen import ClassInfo, Command, LabelEditor, ResultView, ShownItem, TryView
from desktop_llm.widgets.text_card import TextCard
from desktop_llm.widgets.text_trial import TextTrial

NONE, TAKE = "none", "take"
NONE_KEYS = ("0", "-")
"""The key for “none of them”: the first that no label has."""


class Editor(LabelEditor):
    """The text at the left, the labels at the right; each goes on and off and is kept at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to label yet."""
        super().__init__(parent)
        self._classes: tuple[ClassInfo, ...] = ()
        self._item: ShownItem | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._middle = QVBoxLayout()
        self._middle.setSpacing(16)
        self._card = TextCard()
        self._middle.addWidget(self._card, 1)
        whole.addLayout(self._middle, 1)
        self._labels = ClassList()
        self._labels.chosen.connect(self._toggle)
        self._labels.edit_asked.connect(self.edit_classes_asked)
        self._none = ChoiceRow(self._none_info(), 0)
        self._none.setObjectName("label.none")
        self._none.clicked.connect(lambda: self.do(NONE))
        self._labels.add_below(self._none)
        whole.addWidget(self._labels)

    def commands(self) -> Sequence[Command]:
        """None of them; and the suggestion as a beginning."""
        return (
            Command(name=NONE, title=self.tr("None of the labels applies"), keys=(self._none_key(),)),
            Command(
                name=TAKE,
                title=self.tr("Take what the model suggests, to change it"),
                keys=("Shift+Return", "Shift+Enter"),
            ),
        )

    def do(self, command: str) -> None:
        """Do one of the `commands`."""
        if self._item is None:
            return
        if command == NONE:
            self.chosen.emit([])
        elif command == TAKE and self._item.suggestion is not None:
            numbers = {one.name: one.id for one in self._classes}
            self.edited.emit(sorted(numbers[name] for name in self._item.suggestion.label if name in numbers))

    def confirm(self) -> bool:
        """Go on with the labels that the text has."""
        if self._item is None or self._item.value is None:
            return False
        self.chosen.emit(self._item.value)
        return True

    def set_foot(self, foot: QWidget) -> None:
        """Below the text; the labels keep the whole height."""
        self._middle.addWidget(foot)

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the text and in the field that finds labels."""
        self._card.set_keys(told)
        self._labels.set_find_key(told.get("find", ""))
        self._show_hints()

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these labels."""
        self._classes = tuple(classes)
        self._labels.show_classes(self._classes)
        self._none.show_info(self._none_info())
        self._none.setVisible(bool(classes))
        self._show_hints()

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text."""
        self._item = item
        self._card.show_item(item)
        value = None if item is None else item.value
        self._labels.mark(value)
        self._none.setChecked(value == [])
        self._show_hints()

    def key_for_label(self, text: str) -> bool:
        """Switch the label of this key on or off."""
        found = next((one for one in self._classes if one.key and one.key == text.lower()), None)
        if found is None or self._item is None:
            return False
        self._toggle(found.id)
        return True

    def focus_filter(self) -> None:
        """Go to the field that finds labels."""
        self._labels.focus_filter()

    def _toggle(self, number: int) -> None:
        """Without any label left a text has no label: that none applies is to be said."""
        if self._item is not None:
            value = sorted({*(self._item.value or ())} ^ {number})
            self.edited.emit(value or None)

    def _none_key(self) -> str:
        taken = {one.key for one in self._classes}
        return next(key for key in NONE_KEYS if key not in taken)

    def _none_info(self) -> ClassInfo:
        return ClassInfo(
            id=0, name=self.tr("None of them"), color=theme.current().muted, key=self._none_key(), count=-1
        )

    def _show_hints(self) -> None:
        item = self._item
        if item is None:
            self._card.show_hints((), ())
            return
        keys: list[tuple[str, str]] = []
        if item.value is not None:
            keys += self._card.hint(self.tr("done"), "accept")
        elif item.suggestion is not None:
            keys += [*self._card.hint(self.tr("accept"), "accept"), ("Shift+Enter", self.tr("take and change"))]
        self._card.show_hints(_said(item.suggestion, self.tr("none of them")), [*keys, *self._card.usual_keys()])


class Figures(ResultView):
    """What is said of the texts of each label, and the figures per label."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("Found, and wrongly said"), self.tr("click a cell to see its texts"))
        self.together = Confusion()
        self.together.setObjectName("results.together")
        self.together.cell_clicked.connect(lambda truth, told: self.rows_asked.emit(truth, told))
        left.body.addWidget(self.together, 1)
        right = Card(self.tr("By label"), self.tr("worst F1 first"))
        titles = [
            self.tr("Label"),
            self.tr("Precision"),
            self.tr("Recall"),
            self.tr("F1"),
            self.tr("Texts"),
            self.tr("Said"),
        ]
        self.table = FigureTable("results.by_label", self.tr("Figures by label"), titles)
        self.table.asked.connect(lambda name: self.rows_asked.emit(name, None))
        right.body.addWidget(self.table, 1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        labels, told = list(details.get("labels", ())), list(details.get("per_label", ()))
        totals = {place: int(row["support"]) for place, row in enumerate(told)}
        self.together.show_cells(labels, details.get("together", ()), totals)
        rows = [row for row in told if row["support"] or row["predicted"]]
        rows.sort(key=lambda row: (row["f1"], -row["support"]))
        self.table.show_rows(
            [
                (
                    row["label"],
                    *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
                    f"{row['support']:,}",
                    f"{row['predicted']:,}",
                )
                for row in rows
            ]
        )


def _said(suggestion: Prediction | None, none: str) -> list[tuple[str, float]]:
    """The labels that a model says, with their chances; that it says none, with the chance of it."""
    if suggestion is None:
        return []
    chances = dict(suggestion.top)
    return [(name, chances.get(name, 0.0)) for name in suggestion.label] or [(none, suggestion.probability)]


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    made = TextTrial(parent)
    made.put_in_words(lambda told: ", ".join(told.label) or made.tr("None of them"))
    return made
