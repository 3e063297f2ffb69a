"""What this task shows: the text above the scale, how far off answers are, and a text to try."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import keycap
from desktop_llm.widgets.confusion import Confusion
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ResultView, ShownItem, TryView
from desktop_llm.widgets.text_card import TextCard
from desktop_llm.widgets.text_trial import TextTrial

SUGGESTED = 2
BEGINS = re.compile(r"([-+−]?\d+(?:[.,]\d+)?)(?![\d.,])\s*(.*)")
ROOM_FOR_COUNT = 84
"""Pixels from which on a button tells how often its level is used, too."""
IN_A_LINE = 11
"""Levels side by side: 0 to 10 are."""


class LevelButton(QPushButton):
    """A level of the scale, large: its name, its key, and how often it is used."""

    def __init__(self, told: ClassInfo, place: int) -> None:
        """`place`, from 1, is part of the object name."""
        super().__init__()
        self.told = told
        self.setObjectName(f"label.choice.{place}")
        self.setProperty("kind", "choice")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCheckable(True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(4)
        self._name = ElidedLabel("", "tile-value")
        self._name.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._more = ElidedLabel("", "muted")
        self._more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._key = keycap("")
        self._key.setMinimumWidth(26)
        self._key.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._count = plain_label("", "muted")
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addStretch(1)
        below.addWidget(self._key)
        below.addWidget(self._count)
        below.addStretch(1)
        whole.addWidget(self._name)
        whole.addWidget(self._more)
        whole.addLayout(below)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for part in (self._name, self._more, self._key, self._count):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.show_info(told)

    def show_info(self, told: ClassInfo) -> None:
        """The same level with other numbers."""
        self.told = told
        large, more = _parted(told.name)
        self._name.setText(large)
        self._more.setText(more)
        self._key.setText(told.key.upper())
        self._key.setVisible(bool(told.key))
        self._count.setText(f"{told.count:,}")
        self.setAccessibleName(f"{told.name} ({told.key})" if told.key else told.name)
        # Tool tips guess their format: escaped inside a tag, a name stays a name.
        self.setToolTip(f"<span>{html.escape(told.name)}</span>")

    def sizeHint(self) -> QSize:
        """As high as its texts."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for many side by side."""
        return QSize(44, self.sizeHint().height())

    def show_more(self, *, shown: bool) -> None:
        """Whether there is a line for what a name says beyond its number; all levels of a scale have it, or none."""
        self._more.setVisible(shown)

    def says_more(self) -> bool:
        """Whether its name is more than what is written large."""
        return bool(self._more.text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the key goes first."""
        super().resizeEvent(event)
        self._count.setVisible(event.size().width() >= ROOM_FOR_COUNT)


class Editor(LabelEditor):
    """The text, and below it the scale from the lowest level to the highest."""

    can_list = True

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to label yet."""
        super().__init__(parent)
        self._item: ShownItem | None = None
        self._buttons: list[LevelButton] = []
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(16)
        self._card = TextCard()
        self._whole.addWidget(self._card, 1)
        scale = Card(" ", " ")
        scale.set_title(self.tr("Level"))
        scale.set_note(self.tr("from the lowest to the highest"))
        edit = button(self.tr("Edit levels…"), "label.edit", self.edit_classes_asked.emit, kind="quiet")
        edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        scale.head.addWidget(edit)
        self._none = plain_label(self.tr("No levels yet. Add them from the lowest to the highest."), "muted", wrap=True)
        self._lines = QGridLayout()
        self._lines.setSpacing(8)
        scale.body.addWidget(self._none)
        scale.body.addLayout(self._lines)
        self._whole.addWidget(scale)

    def set_foot(self, foot: QWidget) -> None:
        """Below the scale."""
        self._whole.addWidget(foot)

    def show_list(self, listing: QWidget | None) -> None:
        """In the place of the text."""
        if listing is not None and self._whole.indexOf(listing) < 0:
            self._whole.insertWidget(0, listing, 1)
        self._card.setVisible(listing is None)

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the text."""
        self._card.set_keys(told)
        self._show_hints()

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these levels, but those that are archived."""
        classes = [one for one in classes if not one.archived]
        if [one.told.id for one in self._buttons] == [told.id for told in classes]:
            for one, told in zip(self._buttons, classes, strict=True):
                one.show_info(told)
        else:
            self._make(classes)
        more = any(one.says_more() for one in self._buttons)
        for one in self._buttons:
            one.show_more(shown=more)
        self._none.setVisible(not classes)
        self._mark()
        self._show_hints()

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text."""
        self._item = item
        self._card.show_item(item)
        self._mark()
        self._show_hints()

    def key_for_label(self, text: str) -> bool:
        """Give the level of this key."""
        found = next((one.told for one in self._buttons if one.told.key and one.told.key == text.lower()), None)
        if found is None or self._item is None:
            return False
        self.chosen.emit(found.id)
        return True

    def _make(self, classes: Sequence[ClassInfo]) -> None:
        for one in self._buttons:
            self._lines.removeWidget(one)
            one.deleteLater()
        self._buttons = []
        for place, told in enumerate(classes):
            made = LevelButton(told, place + 1)
            made.clicked.connect(lambda _checked=False, made=made: self._on_clicked(made))
            self._lines.addWidget(made, place // IN_A_LINE, place % IN_A_LINE)
            self._buttons.append(made)
        for column in range(IN_A_LINE):
            self._lines.setColumnStretch(column, int(column < len(classes)))

    def _mark(self) -> None:
        value = None if self._item is None else self._item.value
        for one in self._buttons:
            one.setChecked(one.told.id == value)

    def _on_clicked(self, made: LevelButton) -> None:
        # A click checks the button by itself; whether it is chosen is for others to say.
        self._mark()
        if self._item is not None:
            self.chosen.emit(made.told.id)

    def _show_hints(self) -> None:
        suggestion = self._item.suggestion if self._item is not None else None
        labeled = self._item is not None and self._item.value is not None
        words = self.tr("take the model’s") if labeled else self.tr("accept")
        keys = [] if suggestion is None else self._card.hint(words, "accept")
        keys += [] if self._item is None else self._card.usual_keys()
        self._card.show_hints([] if suggestion is None else suggestion.top[:SUGGESTED], keys)


class Figures(ResultView):
    """True against predicted levels in their order, and the figures per level."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("True and predicted"), self.tr("click a cell to see its texts"))
        self.confusion = Confusion()
        self.confusion.setObjectName("results.confusion")
        self.confusion.cell_clicked.connect(lambda truth, told: self.rows_asked.emit(truth, told))
        left.body.addWidget(self.confusion, 1)
        right = Card(self.tr("By level"), self.tr("lean: predicted minus true, in levels"))
        titles = [
            self.tr("Level"),
            self.tr("Right"),
            self.tr("Within 1"),
            self.tr("Error"),
            self.tr("Lean"),
            self.tr("Texts"),
        ]
        self.table = FigureTable("results.by_level", self.tr("Figures by level"), titles)
        self.table.asked.connect(lambda name: self.rows_asked.emit(name, None))
        right.body.addWidget(self.table, 1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        self.confusion.show_cells(list(details.get("labels", ())), details.get("confusion", ()))
        self.table.show_rows(
            [
                (
                    row["label"],
                    *(f"{100 * row[key]:.0f} %" if row["support"] else "–" for key in ("right", "within_one")),
                    f"{row['mae']:.2f}" if row["support"] else "–",
                    _signed(row["bias"]) if row["support"] else "–",
                    f"{row['support']:,}",
                )
                for row in details.get("per_level", ())
            ]
        )


def _signed(value: float) -> str:
    words = f"{value:+.2f}".replace("-", "−")
    return "0.00" if words[1:] == "0.00" else words


def _parted(name: str) -> tuple[str, str]:
    """What a level's button says large, and what below: “5” and “very good” of “5 (very good)”."""
    found = BEGINS.match(name)
    return (found[1], found[2].strip(" ()–-:.")) if found else (name, "")


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    return TextTrial(parent)
