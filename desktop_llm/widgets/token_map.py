"""Attention, painted: every head small in a grid of layers, and one of them large, token by token."""

from __future__ import annotations

import html

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_llm.jobs.explanation import Attention
from desktop_llm.widgets import theme

GAP = 3
PALE = 8
"""So many times as much as its even share a token must take to be drawn in the full colour."""
LARGEST = 96
"""Pixels of a small head at most."""
NAMED = 40
"""Up to so many tokens their texts stand beside the map."""
WIDEST_NAME = 96
WIDE = 16_777_215
"""Qt's own word for a width without a limit."""
MOVES = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


def picture(weights: np.ndarray) -> QImage:
    """Weights (0…1, [rows, columns]) from the surface's colour to the accent; as deep as the largest of them.

    Where none is larger than some times what each has if all are alike, nothing is deep: such a head looks everywhere.
    """
    palette = theme.current()
    under, over = (
        np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float32)
        for color in (palette.hover, palette.accent)
    )
    told = weights.astype(np.float32)
    deep = min(1.0, PALE / max(1, told.shape[-1]))
    depth = np.sqrt(told / max(deep, float(told.max(initial=0.0))))[..., None]
    colors = np.ascontiguousarray(np.rint(under + depth * (over - under)).astype(np.uint8))
    rows, columns = told.shape
    return QImage(colors.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()


class HeadGrid(QWidget):
    """Layers down, heads across. Signals: `chosen(layer, head)`, by a click or the arrow keys."""

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        self.setObjectName("try.heads.grid")
        self.setAccessibleName(self.tr("Heads of all layers"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self._told: Attention | None = None
        self._pictures: list[list[QImage]] = []
        self._marked = (0, 0)
        theme.notifier().changed.connect(self._draw)

    def show_attention(self, told: Attention | None) -> None:
        """Show all heads; the first is chosen."""
        self._told, self._marked = told, (0, 0)
        self.setMaximumWidth(WIDE if told is None else GAP + LARGEST * max(2, told.weights.shape[1]))
        self._draw()

    def _draw(self) -> None:
        told = self._told
        self._pictures = [] if told is None else [[picture(head) for head in layer] for layer in told.weights]
        self.update()

    def cell(self, layer: int, head: int) -> QRectF:
        """Where a head is drawn."""
        layers, heads = len(self._pictures), len(self._pictures[0])
        side = min((self.width() - GAP) / heads, (self.height() - GAP) / layers, LARGEST)
        return QRectF(GAP + head * side, GAP + layer * side, side - GAP, side - GAP)

    def _choose(self, layer: int, head: int) -> None:
        if self._pictures and 0 <= layer < len(self._pictures) and 0 <= head < len(self._pictures[0]):
            self._marked = (layer, head)
            self.update()
            self.chosen.emit(layer, head)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the head under the pointer."""
        if self._pictures:
            side = self.cell(0, 0).width() + GAP
            self._choose(int((event.position().y() - GAP) // side), int((event.position().x() - GAP) // side))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrows go from head to head."""
        move = MOVES.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self._choose(self._marked[0] + move[0], self._marked[1] + move[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Small pictures; a frame around the chosen one."""
        painter, palette = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for layer, heads in enumerate(self._pictures):
            for head, drawn in enumerate(heads):
                place = self.cell(layer, head)
                painter.drawImage(place, drawn)
                if (layer, head) == self._marked:
                    painter.setPen(QPen(QColor(palette.text if self.hasFocus() else palette.accent), 2))
                    painter.drawRect(place)
        painter.end()


class TokenMap(QWidget):
    """One head: tokens that take down, those taken from across; pointing at a cell tells it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        self.setObjectName("try.heads.map")
        self.setAccessibleName(self.tr("Attention of one head"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 160)
        self._tokens: tuple[str, ...] = ()
        self._weights: np.ndarray | None = None
        self._picture: QImage | None = None
        theme.notifier().changed.connect(self._draw)

    def show_head(self, tokens: tuple[str, ...], weights: np.ndarray | None) -> None:
        """Weights [tokens, tokens]; None clears."""
        self._tokens, self._weights = tokens, weights
        names, least = self._names(), QFontMetrics(self.font()).height() * len(tokens)
        self.setMinimumSize(*((names + least, names + least) if names else (160, 160)))
        self._draw()

    def words_at(self, point: QPointF) -> str:
        """What a cell says; '' outside of the map."""
        left, top, side = self._geometry()
        column, row = int((point.x() - left) // side), int((point.y() - top) // side)
        if self._weights is None or not (0 <= row < len(self._tokens) and 0 <= column < len(self._tokens)):
            return ""
        return self.tr("“{taker}” takes {share:.0f} % from “{giver}”").format(
            taker=self._tokens[row], share=100 * float(self._weights[row, column]), giver=self._tokens[column]
        )

    def _draw(self) -> None:
        self._picture = None if self._weights is None else picture(self._weights)
        self.update()

    def _names(self) -> int:
        if not 0 < len(self._tokens) <= NAMED:
            return 0
        metrics = QFontMetrics(self.font())
        return min(WIDEST_NAME, max(metrics.horizontalAdvance(one) for one in self._tokens)) + 8

    def _geometry(self) -> tuple[float, float, float]:
        names, count = self._names(), max(1, len(self._tokens))
        return float(names), float(names), max(1.0, (min(self.width(), self.height()) - names) / count)

    def event(self, event: QEvent) -> bool:
        """Tell the cell under the mouse; escaped, as Qt reads tool tips as markup."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), f"<p>{html.escape(words)}</p>" if words else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The tokens at the left and above, the map between them."""
        if self._picture is None:
            return
        painter, palette, metrics = QPainter(self), theme.current(), QFontMetrics(self.font())
        left, top, side = self._geometry()
        count = len(self._tokens)
        painter.drawImage(QRectF(left, top, side * count, side * count), self._picture)
        if left:
            painter.setPen(QColor(palette.text))
            names = [metrics.elidedText(one, Qt.TextElideMode.ElideRight, int(left) - 8) for one in self._tokens]
            for row, words in enumerate(names):
                box = QRectF(0, top + row * side, left - 6, side)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)
            painter.translate(left, top)
            painter.rotate(-90)
            for column, words in enumerate(names):
                box = QRectF(6, column * side, left - 6, side)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.end()
