"""Icons: our own line drawings, coloured by the palette when they are drawn."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop_llm import paths

SCALE = 3
"""Drawn three times larger than shown, so that they stay sharp on fine screens."""


def pixmap(name: str, color: str, size: int = 18) -> QPixmap:
    """The drawing `name` in one colour, `size` logical pixels square."""
    drawing = paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("#000000", color)
    image = QPixmap(size * SCALE, size * SCALE)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size * SCALE, size * SCALE))
    painter.end()
    image.setDevicePixelRatio(SCALE)
    return image


def icon(name: str, color: str, size: int = 18) -> QIcon:
    """The drawing as an icon."""
    return QIcon(pixmap(name, color, size))
