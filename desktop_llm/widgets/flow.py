"""A layout that puts small things side by side and goes to the next line where the room ends."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

GAP = 8


class FlowLayout(QLayout):
    """For chips, key caps and the words beside them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty, without margins."""
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def clear(self) -> None:
        """Take everything out."""
        while self._items:
            widget = self._items.pop().widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.invalidate()

    def _place(self, rect: QRect, *, move: bool) -> int:
        """Lay out inside `rect`; the height needed."""
        x, y, line = rect.x(), rect.y(), 0
        tallest = max((item.sizeHint().height() for item in self._items), default=0)
        for item in self._items:
            if item.isEmpty():  # hidden: it takes no gap either
                continue
            size = item.sizeHint()
            width = min(size.width(), rect.width())
            if x > rect.x() and x + width > rect.right() + 1:
                x, y, line = rect.x(), y + line + GAP, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), QSize(width, tallest)))
            x += width + GAP
            line = tallest
        return y + line - rect.y()

    def addItem(self, item: QLayoutItem) -> None:
        """For Qt."""
        self._items.append(item)

    def count(self) -> int:
        """For Qt."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """For Qt."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """For Qt."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """It wants no more than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Narrower is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height that a width needs."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Lay out."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        """One line."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """The largest of its things."""
        size = QSize(0, 0)
        for item in self._items:
            size = size.expandedTo(QSize(40, item.sizeHint().height()))
        return size
