"""A text with its spans in colour, to be looked at; text of data is plain text here."""

from __future__ import annotations

import html
from collections.abc import Sequence
from time import perf_counter

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QFont, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.span_layout import SpanLayout
from desktop_llm.widgets.span_paint import ROW_HEIGHT, Mark, Marks, SpanPainter
from desktop_llm.widgets.span_text import SpanText

TEXT_SIZE = 19
MARGIN = 8
SLICE_SECONDS = 0.006
"""How long a text is laid out at a time, while keys and the mouse wait."""
TOOLTIP_LETTERS = 200


class SpanView(QAbstractScrollArea):
    """Shows a text and its marks, and scrolls. Lays out what is seen at once, the rest bit by bit."""

    def __init__(self, parent: QWidget | None = None, *, text_size: int = TEXT_SIZE) -> None:
        """Nothing to show yet."""
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setAutoFillBackground(False)
        self._text_size = text_size
        self._text = SpanText()
        self._given: Sequence[Mark] = ()
        self._layout = self._new_layout()
        self._marks = Marks((), self._layout)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(0)
        self._rest.timeout.connect(self._lay_rest)
        self.verticalScrollBar().valueChanged.connect(lambda _: self.viewport().update())
        theme.notifier().changed.connect(self.viewport().update)

    @property
    def text(self) -> str:
        """What is shown."""
        return self._text.text

    @property
    def marks(self) -> list[Mark]:
        """The spans that are shown, in order."""
        return self._marks.marks

    def show_text(self, text: str, marks: Sequence[Mark] = ()) -> None:
        """Show a text from its beginning; the same text stays where it is."""
        if text != self._text.text:
            self._text = SpanText(text)
            self._given = ()
            self._lay_anew()
            self.verticalScrollBar().setValue(0)
        self.show_marks(marks)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Show other spans on the same text."""
        self._given = marks
        self._marks = Marks(marks, self._layout)
        self._settle()

    def rectangle(self, start: int, end: int) -> list[QRectF]:
        """Where a stretch of text is in the viewport; places in code points."""
        first, last = self._text.to16(start), self._text.to16(end)
        self._layout.lay_to(last)
        found = []
        for number in range(self._layout.index(first), self._layout.index(max(first, last - 1)) + 1):
            line = self._layout.lines[number]
            for left, right in self._layout.stretches(line, first, last):
                box = QRectF(left, line.top, right - left, self._layout.line_height)
                found.append(box.translated(-QPointF(self._origin())))
        return found

    def make_visible(self, place: int) -> None:
        """Scroll until a place (in UTF-16 units) can be seen."""
        self._layout.lay_to(place)
        self._settle()
        box = self._layout.caret(place)
        bar, page = self.verticalScrollBar(), self.viewport().height()
        top, bottom = int(box.top()), int(box.bottom() + ROW_HEIGHT) + 2 * MARGIN
        if top < bar.value():
            bar.setValue(top)
        elif bottom > bar.value() + page:
            bar.setValue(bottom - page)

    def active_number(self) -> int | None:
        """The number of the span that stands out; an editor has one."""
        return None

    def selection(self) -> tuple[int, int]:
        """What is selected, in UTF-16 units."""
        return 0, 0

    def paint_more(self, painter: QPainter) -> None:
        """Paint what an editor has more; the painter's origin is that of the text."""

    def _origin(self) -> QPoint:
        """What to take from places of the text to have those of the viewport."""
        return QPoint(-MARGIN, self.verticalScrollBar().value() - MARGIN)

    def _new_layout(self) -> SpanLayout:
        font = QFont(self.font())
        font.setPixelSize(self._text_size)
        return SpanLayout(self._text, font, self.viewport().width() - 2 * MARGIN, ROW_HEIGHT)

    def _lay_anew(self) -> None:
        self._layout = self._new_layout()
        self._layout.lay_to(0, self.verticalScrollBar().value() + 2.0 * self.viewport().height())
        if not self._layout.whole:
            self._rest.start()

    def _lay_rest(self) -> None:
        until = perf_counter() + SLICE_SECONDS
        while not self._layout.whole and perf_counter() < until:
            self._layout.lay_more()
        if self._layout.whole:
            self._settle()
        else:
            self._rest.start()

    def _settle(self) -> None:
        """Room for all names, scroll bar, repaint."""
        self._marks.deepen(self._layout)
        page = self.viewport().height()
        self.verticalScrollBar().setRange(0, max(0, int(self._layout.height) + 2 * MARGIN - page))
        self.verticalScrollBar().setPageStep(page)
        self.verticalScrollBar().setSingleStep(int(self._layout.line_height))
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """A name that has no room is told under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self._words_at(event.pos())
            # Tool tips guess their format: escaped inside a tag, data stays data.
            QToolTip.showText(event.globalPos(), f"<span>{html.escape(words)}</span>" if words else "", self)
            return True
        return super().viewportEvent(event)

    def _words_at(self, point: QPoint) -> str:
        at = point + self._origin()
        numbers = self._marks.at(self._layout.place_at(at.x(), at.y(), on=True))
        told = []
        for mark in (self._marks.marks[number] for number in numbers):
            piece = " ".join(self._text.text[mark.start : mark.end].split())
            told.append(f"{mark.name} {mark.note}".strip() + f": {piece[:TOOLTIP_LETTERS]}")
        return "; ".join(told)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines that are seen."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        origin = self._origin()
        painter.translate(-origin)
        page = event.rect().translated(origin)
        self._layout.lay_to(0, page.bottom())
        numbers = self._layout.visible(page.top(), page.bottom())
        SpanPainter(painter, self._layout, self._marks, self.font()).paint(
            numbers, self.active_number(), self.selection()
        )
        self.paint_more(painter)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other lines in another width; what stood at the top stays there."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width() and self._layout.lines:
            top = self._layout.lines[self._layout.index_at(self.verticalScrollBar().value())].start
            self._layout = self._new_layout()
            self._layout.lay_to(top, 2.0 * self.viewport().height())
            self._rest.start()
            self._marks = Marks(self._given, self._layout)
            self._settle()
            self.verticalScrollBar().setValue(int(self._layout.lines[self._layout.index(top)].top) if top else 0)
        else:
            self._settle()
