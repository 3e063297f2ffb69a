"""What plots share that a click asks for a part: axes with titles, the palette of the moment, a hint at the mouse."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.plot import Axis

BELOW = 6
"""Pixels below the title of the lower axis, whose letters reach down farther than pyqtgraph reckons."""


class HintedPlot(QWidget):
    """What is shown is drawn by `_draw`, found by `_place` and told of by `_hint_of`; the first `_paint` is its own.

    Signals: `clicked(place)`: the part of this place.
    """

    clicked = Signal(int)

    def __init__(self, name: str, across: str, up: str, bottom: Axis, parent: QWidget | None = None) -> None:
        """`name` becomes the object name; `across` and `up` are the axes' titles, `bottom` the lower axis."""
        super().__init__(parent)
        self.setObjectName(name)
        self._across, self._up = across, up
        self._drawn: list[Any] = []
        axes = {"bottom": bottom, "left": Axis("left", whole=False)}
        self._plot = pg.PlotWidget(parent=self, axisItems=axes, enableMenu=False)
        # pyqtgraph makes this menu without a parent; with one it goes when the plot goes
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.getPlotItem().layout.setContentsMargins(0, 8, 12, BELOW)
        self._box = self._plot.getPlotItem().getViewBox()
        self._hint = pg.TextItem("", anchor=(0, 1))
        self._hint.setZValue(10)
        self._hint.hide()
        self._plot.addItem(self._hint, ignoreBounds=True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._plot)
        self._plot.scene().sigMouseMoved.connect(self._on_moved)
        self._plot.scene().sigMouseClicked.connect(self._on_clicked)
        theme.notifier().changed.connect(self._paint)

    def _draw(self, palette: theme.Palette) -> None:
        """Add what is shown."""
        raise TypeError("each plot draws its own")

    def _place(self, at: Any) -> int | None:
        """The part at a place of the scene that is inside the axes."""
        raise TypeError("each plot has its own parts")

    def _hint_of(self, place: int) -> tuple[str, tuple[int, int], tuple[float, float]]:
        """What is told of a part, which corner of that stands where."""
        raise TypeError("each plot has its own parts")

    def _paint(self) -> None:
        palette = theme.current()
        self._plot.setBackground(palette.surface)
        for one in self._drawn:
            self._plot.removeItem(one)
        self._drawn = []
        self._hint.hide()
        self._hint.setColor(palette.text)
        self._hint.fill = pg.mkBrush(palette.hover)
        for side, words in (("bottom", self._across), ("left", self._up)):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(palette.line))
            axis.setTextPen(pg.mkPen(palette.muted))
            axis.setLabel(words, color=palette.muted, **{"font-size": "12px"})
        self._draw(palette)

    def _add(self, item: Any, *, beside: bool = False) -> None:
        """Show an item; what stands `beside` the figures does not widen the axes."""
        self._plot.addItem(item, ignoreBounds=beside)
        self._drawn.append(item)

    def _found(self, at: Any) -> int | None:
        return self._place(at) if self._box.sceneBoundingRect().contains(at) else None

    def _on_moved(self, at: Any) -> None:
        place = self._found(at)
        self._hint.setVisible(place is not None)
        self._plot.setCursor(Qt.CursorShape.ArrowCursor if place is None else Qt.CursorShape.PointingHandCursor)
        if place is not None:
            words, anchor, there = self._hint_of(place)
            self._hint.setText(words)
            self._hint.setAnchor(anchor)
            self._hint.setPos(*there)

    def _on_clicked(self, event: Any) -> None:
        place = self._found(event.scenePos())
        if place is not None:
            self.clicked.emit(place)
