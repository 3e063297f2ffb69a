"""A histogram: counts of classes that follow one another, as upright bars; a click asks for the rows behind one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.plot import Axis

WIDTH = 0.86
"""Of a bar, where 1 leaves no gap."""
TICKS = 7
"""Names of classes below the bars at most."""
HEIGHT = 150


class Histogram(QWidget):
    """Signals: `clicked(place)`: the bar of this place."""

    clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None, *, choosing: bool = True) -> None:
        """Empty; `name` becomes the object name; with `choosing` a click does something."""
        super().__init__(parent)
        self.setObjectName(name)
        self._classes: tuple[tuple[str, int], ...] = ()
        self._choosing = choosing
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._plot = pg.PlotWidget(parent=self, axisItems={"left": Axis("left", whole=True)}, enableMenu=False)
        # pyqtgraph makes this menu without a parent; with one it goes when the plot goes
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.setMinimumHeight(HEIGHT)
        self._bars = pg.BarGraphItem(x=[], height=[], width=WIDTH)
        self._plot.addItem(self._bars)
        self._hint = pg.TextItem("", anchor=(0.5, 1))
        self._hint.hide()
        self._plot.addItem(self._hint, ignoreBounds=True)
        whole.addWidget(self._plot)
        scene = self._plot.scene()
        scene.sigMouseMoved.connect(self._on_moved)
        scene.sigMouseClicked.connect(self._on_clicked)
        theme.notifier().changed.connect(self._paint)
        self._paint()

    def show_classes(self, classes: Sequence[tuple[str, int]]) -> None:
        """Show (name, count), from left to right."""
        self._classes = tuple(classes)
        places = list(range(len(self._classes)))
        counts = [count for _, count in self._classes]
        self._bars.setOpts(x=places, height=counts, width=WIDTH)
        every = max(1, -(-len(places) // TICKS))
        self._plot.getAxis("bottom").setTicks([[(place, self._classes[place][0]) for place in places[::every]]])
        box = self._plot.getPlotItem().getViewBox()
        box.setRange(xRange=(-0.6, max(0.6, len(places) - 0.4)), yRange=(0, 1.15 * max([1, *counts])), padding=0)
        self._hint.hide()
        self.setAccessibleName(", ".join(f"{name} {count:,}" for name, count in self._classes[:30]))

    def _place(self, at: Any) -> int | None:
        """The bar at a place of the scene."""
        box = self._plot.getPlotItem().getViewBox()
        if not box.sceneBoundingRect().contains(at):
            return None
        place = round(box.mapSceneToView(at).x())
        return place if 0 <= place < len(self._classes) else None

    def _on_moved(self, at: Any) -> None:
        place = self._place(at)
        self._hint.setVisible(place is not None)
        pointing = place is not None and self._choosing
        self._plot.setCursor(Qt.CursorShape.PointingHandCursor if pointing else Qt.CursorShape.ArrowCursor)
        if place is not None:
            name, count = self._classes[place]
            self._hint.setText(f"{name}: {count:,}")
            left, right = place < 2, place > len(self._classes) - 3
            self._hint.setAnchor((0 if left else 1 if right else 0.5, 1))
            self._hint.setPos(place, min(count, 0.9 * max(one for _, one in self._classes)))

    def _on_clicked(self, event: Any) -> None:
        place = self._place(event.scenePos())
        if place is not None and self._choosing:
            self.clicked.emit(place)

    def _paint(self) -> None:
        palette = theme.current()
        self._plot.setBackground(palette.surface)
        self._bars.setOpts(brush=pg.mkBrush(palette.accent), pen=pg.mkPen(None))
        self._hint.setColor(palette.text)
        self._hint.fill = pg.mkBrush(palette.hover)
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(palette.line))
            axis.setTextPen(pg.mkPen(palette.muted))
