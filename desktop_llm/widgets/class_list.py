"""The classes of a project to choose from: each with its key, found by typing where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.choice_row import ChoiceRow
from desktop_llm.widgets.screen import ClassInfo
from desktop_llm.widgets.scrolling import scrolling

NARROWEST, WIDEST = 264, 340
ROW_HEIGHT = 36
"""Of a class in the list, with the gap below it."""
LEAST_ROWS = 3
"""Classes that stay in sight below the recent ones, with their title."""
ROOM_BESIDE = 56
"""Pixels of the card beside its rows."""


class ClassList(Card):
    """Signals: `chosen(class id)`: by a click, or found by typing; `edit_asked()`: the person wants other classes."""

    chosen = Signal(int)
    edit_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(" ", "0", parent)
        self.set_title(self.tr("Labels"))
        self.setFixedWidth(NARROWEST)
        self._rows: list[ChoiceRow] = []
        self._recent: list[ChoiceRow] = []
        self._recent_told: list[tuple[object, str]] = []
        self._value: object = None
        self._found = 0
        self.filter = QLineEdit()
        self.filter.setObjectName("label.filter")
        self.filter.setAccessibleName(self.tr("Find a label"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._on_filter_changed)
        self.filter.installEventFilter(self)
        self.set_find_key("/")
        self._recent_box = QWidget()
        self._recent_lines = QVBoxLayout(self._recent_box)
        self._recent_lines.setContentsMargins(0, 0, 4, 0)
        self._recent_lines.setSpacing(2)
        self._recent_lines.addWidget(plain_label(self.tr("Recent"), "muted"))
        self._recent_box.hide()
        self._none = plain_label(self.tr("No labels yet. Add the ones that you need."), "muted", wrap=True)
        inner = QWidget()
        self._lines = QVBoxLayout(inner)
        self._lines.setContentsMargins(0, 0, 4, 0)
        self._lines.setSpacing(2)
        self._lines.addStretch(1)
        self._scroll = scrolling(inner)
        edit = button(self.tr("Edit labels…"), "label.edit", self.edit_asked.emit)
        edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.body.addWidget(self.filter)
        self.body.addWidget(self._recent_box)
        self.body.addWidget(self._none)
        self.body.addWidget(self._scroll, 1)
        self.body.addWidget(edit)

    def show_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these; the same ones with other numbers stay where they are."""
        if [row.told.id for row in self._rows] == [one.id for one in classes]:
            for row, told in zip(self._rows, classes, strict=True):
                row.show_info(told)
        else:
            self._make_rows(classes)
        offered = sum(not one.archived for one in classes)
        self.set_note(f"{offered:,}")
        self._none.setVisible(not offered)
        self.mark(self._value)
        self._make_recent()

    def show_recent(self, told: Sequence[tuple[object, str]]) -> None:
        """Ids of the classes given last, each with a key in words; they are shown where not all classes fit."""
        self._recent_told = list(told)
        self._make_recent()

    def set_find_key(self, key: str) -> None:
        """The key, in words, that leads to the field that finds classes."""
        words = self.tr("Type to find a label  ( {key} )") if key else self.tr("Type to find a label")
        self.filter.setPlaceholderText(words.format(key=key))

    def mark(self, value: object) -> None:
        """Check the class with this id, or all classes of a list of ids; None: no class."""
        self._value = value
        chosen = self._chosen()
        for row in (*self._rows, *self._recent):
            row.setChecked(row.told.id in chosen)
        for row in self._rows:
            if row.told.archived:
                row.setVisible(self._fits(row))

    def add_below(self, widget: QWidget) -> None:
        """Put something between the classes and the button to edit them."""
        self.body.insertWidget(self.body.count() - 1, widget)

    def _chosen(self) -> list[object]:
        return self._value if isinstance(self._value, list) else [self._value]

    def focus_filter(self) -> None:
        """Go to the field that finds classes."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _make_rows(self, classes: Sequence[ClassInfo]) -> None:
        for row in self._rows:
            self._lines.removeWidget(row)
            row.deleteLater()
        self._rows = []
        for place, told in enumerate(classes, 1):
            row = ChoiceRow(told, place)
            row.clicked.connect(lambda _checked=False, row=row: self._on_row_clicked(row))
            self._lines.insertWidget(place - 1, row)
            self._rows.append(row)
        wanted = max((row.wanted_width() for row in self._rows), default=0) + ROOM_BESIDE
        self.setFixedWidth(max(NARROWEST, min(wanted, WIDEST)))
        self._on_filter_changed(self.filter.text())

    def _on_row_clicked(self, row: ChoiceRow) -> None:
        # A click checks the row by itself; whether it is chosen is for others to say.
        self.mark(self._value)
        self.chosen.emit(row.told.id)

    def _make_recent(self) -> None:
        """The classes given last, each with a key of its own."""
        told = {row.told.id: row.told for row in self._rows if not row.told.archived}
        wanted = [replace(told[one], key=key) for one, key in self._recent_told if isinstance(one, int) and one in told]
        while len(self._recent) > len(wanted):
            row = self._recent.pop()
            self._recent_lines.removeWidget(row)
            row.deleteLater()
        for one in wanted[len(self._recent) :]:
            row = ChoiceRow(one, len(self._recent) + 1, "label.recent")
            row.clicked.connect(lambda _checked=False, row=row: self._on_row_clicked(row))
            self._recent_lines.addWidget(row)
            self._recent.append(row)
        for row, one in zip(self._recent, wanted, strict=True):
            row.show_info(one)
            row.setChecked(one.id in self._chosen())
        self._show_recent_box()

    def _show_recent_box(self) -> None:
        """Where all classes are in sight, or hardly any, nobody needs to be told of some of them twice.

        What is found by typing is told once, too.
        """
        needed = sum(ROW_HEIGHT for row in self._rows if not row.told.archived)
        room = self._scroll.height() + (self._recent_box.height() if self._recent_box.isVisible() else 0)
        enough = room >= ROW_HEIGHT * (len(self._recent) + LEAST_ROWS)
        self._recent_box.setVisible(bool(self._recent) and needed > room and enough and not self.filter.text())

    def _fits(self, row: ChoiceRow) -> bool:
        """Whether a row is to be seen: found by what is typed, and archived ones only where they are the label."""
        wanted = self.filter.text().strip().lower()
        return wanted in row.told.name.lower() and (not row.told.archived or row.told.id in self._chosen())

    def _on_filter_changed(self, text: str) -> None:
        for row in self._rows:
            row.setVisible(self._fits(row))
        self._found = 0
        self._show_found()
        self._show_recent_box()

    def _found_rows(self) -> list[ChoiceRow]:
        return [row for row in self._rows if not row.isHidden()]

    def _move_found(self, by: int) -> None:
        self._found = min(max(0, self._found + by), max(0, len(self._found_rows()) - 1))
        self._show_found()

    def _show_found(self) -> None:
        """Mark the class that Enter would take, as long as something is typed."""
        typed = bool(self.filter.text().strip())
        for place, row in enumerate(self._found_rows()):
            row.setDown(typed and place == self._found)
            if row.isDown():
                self._scroll.ensureWidgetVisible(row)

    def _on_filter_entered(self) -> None:
        rows = self._found_rows()
        if rows:
            found = rows[self._found]
            self._leave_filter()
            self.chosen.emit(found.told.id)

    def _leave_filter(self) -> None:
        """Back to the keys of the page."""
        self.filter.clear()
        page = self.parentWidget()
        while page is not None and page.focusPolicy() == Qt.FocusPolicy.NoFocus:
            page = page.parentWidget()
        if page is not None:
            page.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or fewer classes fit."""
        super().resizeEvent(event)
        self._show_recent_box()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In the field that finds classes: Esc leaves, arrows go through what was found, Enter takes it.

        Enter ends here: the field would hand it on, and it means something to the page, too.
        """
        pressed = event.key() if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress else None
        if watched is self.filter and pressed == Qt.Key.Key_Escape:
            self._leave_filter()
            return True
        if watched is self.filter and pressed in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._move_found(1 if pressed == Qt.Key.Key_Down else -1)
            return True
        if watched is self.filter and pressed in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_filter_entered()
            return True
        return super().eventFilter(watched, event)
