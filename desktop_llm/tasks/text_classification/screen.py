"""What this task shows: the text and its labels, the figures per label and their confusions, and a text to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.widgets.card import Card
from desktop_llm.widgets.class_list import ClassList
from desktop_llm.widgets.confusion import Confusion
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ResultView, ShownItem, TryView
from desktop_llm.widgets.text_card import TextCard
from desktop_llm.widgets.text_trial import TextTrial

SUGGESTED = 2


class Editor(LabelEditor):
    """The text at the left, the labels at the right."""

    can_list = True

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
        self._card.set_keys(told)
        self._labels.set_find_key(told.get("find", ""))
        self._show_hints()

    def set_recent(self, values: Sequence[tuple[Any, str]]) -> None:
        """On top of the labels, where not all of them fit."""
        self._labels.show_recent(values)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these labels."""
        self._classes = tuple(classes)
        self._labels.show_classes(self._classes)
        self._show_hints()

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text."""
        self._item = item
        self._card.show_item(item)
        self._labels.mark(None if item is None else item.value)
        self._show_hints()

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

    def _show_hints(self) -> None:
        suggestion = self._item.suggestion if self._item is not None else None
        labeled = self._item is not None and self._item.value is not None
        words = self.tr("take the model’s") if labeled else self.tr("accept")
        keys = [] if suggestion is None else self._card.hint(words, "accept")
        keys += [] if self._item is None else self._card.usual_keys()
        self._card.show_hints([] if suggestion is None else suggestion.top[:SUGGESTED], keys)

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
        self.table = FigureTable("results.by_label", self.tr("Figures by label"), titles)
        self.table.asked.connect(lambda name: self.rows_asked.emit(name, None))
        right.body.addWidget(self.table, 1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        labels = list(details.get("labels", ()))
        rows = [row for row in details.get("per_label", ()) if row["support"] or row["predicted"]]
        rows.sort(key=lambda row: (row["f1"], -row["support"]))
        self.confusion.show_cells(labels, details.get("confusion", ()))
        self.table.show_rows(
            [
                (row["label"], *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), f"{row['support']:,}")
                for row in rows
            ]
        )


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    return TextTrial(parent)
