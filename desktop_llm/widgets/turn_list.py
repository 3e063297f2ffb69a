"""A conversation as a chat: painted turn by turn, so that thousands of turns stay quick, and written in place."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPen, QResizeEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop_llm.widgets import theme
from desktop_llm.widgets.turn_model import BESIDE, ROLE, SAID, TurnModel
from desktop_llm.widgets.writing_field import WritingField

Index = QModelIndex | QPersistentModelIndex
INDENT = 48
"""Pixels by which questions leave room at the right, and answers at the left."""
PAD, TITLE, GAP, RADIUS = 10, 18, 6, 8
TEXT_PIXELS, SMALL_PIXELS = 15, 12
WRITING_LINES = 3
LEAST_WIDTH = 40
REMEMBERED, PAINTED = 5000, 200
LINE_END = "\u2028"


class TurnDelegate(QStyledItemDelegate):
    """Paints a turn as a bubble, and puts a field into it while it is written. Signals: `opened()`: it has one."""

    opened = Signal()

    def __init__(self, view: QListView) -> None:
        """`view` says how wide turns are."""
        super().__init__(view)
        self._view = view
        self._heights: dict[tuple[str, int, int], int] = {}
        self._rows: dict[int, QSize] = {}
        self._width = 0
        self._layouts: dict[tuple[str, int, int], QTextLayout] = {}
        self.names: dict[str, str] = {}
        """What roles are called."""

    def bubble(self, rect: QRect, role: str) -> QRect:
        """Where a turn's surface lies in its row."""
        left = INDENT if role == "assistant" else 0
        right = INDENT if role not in ("assistant", "system") else 0
        return rect.adjusted(2 + left, GAP // 2, -2 - right, -GAP // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Who, and what is said."""
        colors, role = theme.current(), str(index.data(ROLE))
        bubble = self.bubble(option.rect, role)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colors.accent_soft if role == "assistant" else colors.hover))
        painter.setPen(QPen(QColor(colors.accent if chosen else colors.line), 2 if chosen else 1))
        painter.drawRoundedRect(bubble, RADIUS, RADIUS)
        inside = bubble.adjusted(PAD, PAD // 2, -PAD, -PAD // 2)
        painter.setFont(_font(self._view, SMALL_PIXELS, bold=True))
        painter.setPen(QColor(colors.accent if role == "assistant" else colors.muted))
        painter.drawText(QRect(inside.left(), inside.top(), inside.width(), TITLE), 0, self.names.get(role, role))
        top = inside.top() + TITLE
        for text, size, color in self._parts(index):
            painter.setFont(_font(self._view, size))
            painter.setPen(QColor(color))
            height = self._height(text, inside.width(), size)
            self._layout(text, inside.width(), size).draw(painter, QPointF(inside.left(), top))
            top += height + 2
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As high as what is said, at the width there is."""
        width = self._view.viewport().width()
        if width != self._width:
            self.forget()
            self._width = width
        row = index.row()
        known = self._rows.get(row)
        if known is None:
            known = self._rows[row] = self._size(width, index)
        return known

    def forget(self, row: int | None = None) -> None:
        """A turn says something else, or (None) all have other places."""
        if row is None:
            self._rows.clear()
        else:
            self._rows.pop(row, None)

    def _size(self, width: int, index: Index) -> QSize:
        inside = self.bubble(QRect(0, 0, width, 100), str(index.data(ROLE))).width() - 2 * PAD
        height = sum(self._height(text, inside, size) + 2 for text, size, _ in self._parts(index))
        if self._view.indexWidget(index) is not None:
            least = WRITING_LINES * QFontMetrics(_font(self._view, TEXT_PIXELS)).lineSpacing() + 2 * PAD
            height = max(height + 2 * PAD, least)
        return QSize(width, height + TITLE + PAD + GAP)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """A field in the bubble."""
        field = WritingField("turns.writing", self.tr("What is said"), parent)
        field.setProperty("role", "turn-text")
        place = QPersistentModelIndex(index)
        field.textChanged.connect(lambda: self._on_typed(place, field))
        self.opened.emit()
        return field

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """What is said now; nothing where it is being written."""
        if isinstance(editor, WritingField) and not editor.document().isModified():
            text = str(index.data(SAID))
            if editor.text() != text or not text:
                editor.load(text)
                editor.moveCursor(editor.textCursor().MoveOperation.End)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """As it stands in the field."""
        if isinstance(editor, WritingField):
            model.setData(index, editor.text())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Below the title."""
        bubble = self.bubble(option.rect, str(index.data(ROLE)))
        editor.setGeometry(bubble.adjusted(3, PAD // 2 + TITLE - 2, -3, -3))

    def _on_typed(self, place: QPersistentModelIndex, field: WritingField) -> None:
        if place.isValid():
            index = self._view.model().index(place.row(), 0)
            self._view.model().setData(index, field.text())

    def _parts(self, index: Index) -> list[tuple[str, int, str]]:
        """Words, and below them, smaller, what else there is."""
        colors = theme.current()
        said, beside = str(index.data(SAID)), str(index.data(BESIDE))
        told = [(said, TEXT_PIXELS, colors.text)] if said or not beside else []
        return [*told, (beside, SMALL_PIXELS, colors.muted)] if beside else told

    def _height(self, text: str, width: int, size: int) -> int:
        least = QFontMetrics(_font(self._view, size)).lineSpacing()
        key = (text, width, size)
        if key not in self._heights:
            if len(self._heights) > REMEMBERED:
                self._heights.clear()
            self._heights[key] = max(least, ceil(self._layout(text, width, size).boundingRect().height()))
        return self._heights[key]

    def _layout(self, text: str, width: int, size: int) -> QTextLayout:
        """The text in lines; those that were painted last are remembered."""
        key = (text, width, size)
        if key not in self._layouts:
            if len(self._layouts) > PAINTED:
                self._layouts.clear()
            self._layouts[key] = _lines(text, max(LEAST_WIDTH, width), _font(self._view, size))
        return self._layouts[key]


class TurnList(QListView):
    """The conversation. Its keys are those of whoever it stands in. Signals: `opened()`, `left()`: a field was."""

    opened = Signal()
    left = Signal()

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.turns = TurnModel(self)
        self.setModel(self.turns)
        self.delegate = TurnDelegate(self)
        self.delegate.closeEditor.connect(lambda *_: self._on_editor_closed())
        self.delegate.opened.connect(self.opened)
        self.setItemDelegate(self.delegate)
        for moved in (
            self.turns.modelReset,
            self.turns.rowsInserted,
            self.turns.rowsRemoved,
            self.turns.rowsMoved,
        ):
            moved.connect(lambda *_: self.delegate.forget())
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.verticalScrollBar().setSingleStep(24)
        theme.notifier().changed.connect(self.viewport().update)

    @property
    def place(self) -> int:
        """The turn that is chosen; -1 for none."""
        return self.currentIndex().row()

    @property
    def writing(self) -> bool:
        """Whether a turn is being written."""
        return self.state() == QAbstractItemView.State.EditingState

    def choose(self, place: int) -> None:
        """Choose a turn and show it."""
        index = self.turns.index(max(0, min(place, self.turns.rowCount() - 1)))
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def let_write(self, allowed: bool) -> None:
        """Whether a turn may be written."""
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked if allowed else triggers.NoEditTriggers)

    def write(self) -> None:
        """Open the field in the chosen turn."""
        index = self.currentIndex()
        if self.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers:
            return
        if index.isValid() and index.flags() & Qt.ItemFlag.ItemIsEditable and not self.writing:
            self.edit(index)
            self._measure(index)
            self.scrollTo(index)

    def leave(self) -> None:
        """Close the field, if one is open; what was written stays."""
        field = self.indexWidget(self.currentIndex())
        if isinstance(field, WritingField) and self.writing:
            self.commitData(field)
            self.closeEditor(field, QStyledItemDelegate.EndEditHint.NoHint)

    def _on_editor_closed(self) -> None:
        QTimer.singleShot(0, self, lambda: self._measure(self.currentIndex()))
        self.left.emit()

    def _measure(self, index: QModelIndex) -> None:
        """A field came or went."""
        self.delegate.forget()
        self.delegate.sizeHintChanged.emit(index)

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:
        """All turns are laid out anew only where one needs another height: most keys change none."""
        self.delegate.forget(first.row())
        if self.visualRect(first).height() == self.sizeHintForIndex(first).height():
            self.update(first)
        else:
            super().dataChanged(first, last, list(roles))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Not ours."""
        event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other widths, other heights."""
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


def _lines(text: str, width: int, font: QFont) -> QTextLayout:
    layout = QTextLayout(text.replace("\n", LINE_END), font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    top = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, top))
        top += line.height()
    layout.endLayout()
    return layout


def _font(view: QListView, pixels: int, *, bold: bool = False) -> QFont:
    font = QFont(view.font())
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font
