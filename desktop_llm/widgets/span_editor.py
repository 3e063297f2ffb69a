"""Marks spans in a text, by mouse or by keys alone.

A stretch is selected (whole words by mouse, exact characters with Alt or Ctrl held), then a class is given to it; or a
class is taken first, like a brush, and then stretches are selected. A span that is active can be grown, shrunk, given
another class, or taken away. Values are lists of [start, end, class id] in code points; each change is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.screen import ClassInfo
from desktop_llm.widgets.span_caret import ONWARD, is_forward, target
from desktop_llm.widgets.span_paint import Mark
from desktop_llm.widgets.span_view import MARGIN, SpanView

Span = tuple[int, int, int]
EXACT = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier


class SpanEditor(SpanView):
    """Signals: `edited(value)`: the spans are to be these; `replaced(count)`: so many gave way to a new one.

    `moved()`: caret, selection, active span or brush are others.
    """

    edited = Signal(object)
    moved = Signal()
    replaced = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to mark yet."""
        super().__init__(parent)
        self._classes: Mapping[int, ClassInfo] = {}
        self._overlapping = False
        self._spans: list[Span] = []
        self._notes: Mapping[Span, str] = {}
        self._draft = False
        self._made: dict[Span, Mark] = {}
        self.active: Span | None = None
        """The span that keys are about."""
        self.brush: int | None = None
        """The class that every selected stretch gets."""
        self._caret = self._anchor = 0  # in UTF-16 units; equal where nothing is selected
        self._pressed: tuple[QPoint, int] | None = None
        self._dragging = False

    # what is shown

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """The classes that spans can have."""
        before, self._classes = self._classes, {one.id: one for one in classes}
        if self.brush not in self._classes:
            self.brush = None
        if _looks(before) != _looks(self._classes):
            self._made = {}
            self.show_marks(self._made_marks())

    def set_overlapping(self, allowed: bool) -> None:
        """Whether spans may overlap; those that do already stay."""
        self._overlapping = allowed

    def show_row(
        self, text: str, spans: Sequence[Span], *, draft: bool = False, notes: Mapping[Span, str] | None = None
    ) -> None:
        """Show a text with spans; `draft`: a model's, with `notes` beside their names. The same text stays as it is."""
        if text != self.text:
            self._caret = self._anchor = 0
            self.active = None
            self._pressed, self._dragging = None, False
        size = len(text)
        self._spans = sorted([span for span in spans if 0 <= span[0] < span[1] <= size])
        if (draft, notes or {}) != (self._draft, self._notes) or text != self.text:
            self._made = {}
        self._draft, self._notes = draft, notes or {}
        if self.active not in self._spans:
            self.active = None
        self.show_text(text, self._made_marks())
        self.moved.emit()

    @property
    def value(self) -> list[list[int]]:
        """The spans that are shown."""
        return [list(span) for span in self._spans]

    @property
    def selected(self) -> tuple[int, int]:
        """What is selected, in code points."""
        start, end = self.selection()
        return self._text.point(start), self._text.point(end)

    def piece(self, span: Span) -> str:
        """The words of a span."""
        return self.text[span[0] : span[1]]

    # what a person does

    def label(self, class_id: int) -> None:
        """Give the class to what is selected, else to the active span, else take it as the brush or put it down."""
        start, end = self.selected
        if start < end:
            self._add((start, end, class_id))
        elif self.active is not None:
            self._change(self.active, (self.active[0], self.active[1], class_id))
        else:
            self.brush = None if self.brush == class_id else class_id
            self._after()

    def remove(self) -> None:
        """Take the active span away, or the shortest one at the caret."""
        under = self._marks.at(self._caret)
        gone = self.active or (self._span(under[0]) if under else None)
        if gone is not None:
            self.active = None
            self._give([span for span in self._spans if span != gone])

    def remove_all(self) -> None:
        """Say that there is nothing."""
        self.active = None
        self._give([])

    def let_go(self) -> None:
        """Nothing selected, no active span; when there was neither, no brush."""
        start, end = self.selection()
        if start == end and self.active is None:
            self.brush = None
        self.active, self._anchor = None, self._caret
        self._after()

    def jump(self, by: int) -> None:
        """To the next span (1) or the one before (-1), which becomes active."""
        if not self._spans:
            return
        point = self._text.point(self._caret)
        if self.active is not None:
            number = (self._spans.index(self.active) + by) % len(self._spans)
        elif by > 0:
            number = next((place for place, span in enumerate(self._spans) if span[0] >= point), 0)
        else:
            before = [place for place, span in enumerate(self._spans) if span[1] <= point]
            number = before[-1] if before else len(self._spans) - 1
        self._activate(self._spans[number])

    def go(self, how: str, *, extend: bool = False) -> None:
        """Move the caret; `extend` selects on the way, or moves the end of the active span."""
        if extend and self.active is not None:
            self._move_end(how)
            return
        start, end = self.selection()
        if not extend and start < end and how in ("left", "right"):
            self._caret = end if is_forward(self._layout, self._caret, how) else start
        else:
            if not extend and self.active is not None:
                self._caret = self._text.to16(self.active[1] if how in ONWARD else self.active[0])
            self._caret = target(self._layout, self.viewport().height(), how, self._caret)
        if not extend:
            self._anchor = self._caret
        self.active = None
        self.make_visible(self._caret)
        self._after()

    def go_start(self, how: str) -> None:
        """Move where the active span begins."""
        if self.active is None:
            return
        start, end, class_id = self.active
        place = target(self._layout, self.viewport().height(), how, self._text.to16(start))
        last = self._text.character(self._text.to16(end), forward=False)
        lowest = 0 if self._overlapping else max((s[1] for s in self._spans if s[1] <= start), default=0)
        self._change(self.active, (max(lowest, self._text.point(min(place, last))), end, class_id))

    # inside

    def _move_end(self, how: str) -> None:
        assert self.active is not None
        start, end, class_id = self.active
        place = target(self._layout, self.viewport().height(), how, self._text.to16(end))
        first = self._text.character(self._text.to16(start), forward=True)
        size = len(self.text)
        highest = size if self._overlapping else min((s[0] for s in self._spans if s[0] >= end), default=size)
        self._change(self.active, (start, min(highest, self._text.point(max(place, first))), class_id))

    def _add(self, new: Span) -> None:
        over = [span for span in self._spans if span[0] < new[1] and new[0] < span[1] and span != new]
        kept = self._spans if self._overlapping else [span for span in self._spans if span not in over]
        self.active = new
        self._caret = self._anchor = self._text.to16(new[1])
        if new in self._spans and len(kept) == len(self._spans):
            self._after()
            return
        if len(kept) < len(self._spans):
            self.replaced.emit(len(self._spans) - len(kept))
        self._give([*(span for span in kept if span != new), new])

    def _change(self, old: Span, new: Span) -> None:
        if new == old:
            return
        self.active = new
        self._give([*[span for span in self._spans if span != old and span != new], new])
        self.make_visible(self._text.to16(new[1]))

    def _give(self, spans: Sequence[Span]) -> None:
        """Tell what the spans are to be; whoever keeps them shows them then."""
        self.edited.emit(list(map(list, sorted(spans))))

    def _activate(self, span: Span) -> None:
        self.active = span
        self._caret = self._anchor = self._text.to16(span[1])
        self.make_visible(self._text.to16(span[0]))
        self._after()

    def _after(self) -> None:
        self.viewport().update()
        self.moved.emit()

    def _span(self, number: int) -> Span:
        mark = self._marks.marks[number]
        return mark.start, mark.end, mark.class_id

    def _made_marks(self) -> list[Mark]:
        """The spans as they are shown; those that were shown before are not made again."""
        known = map(self._made.get, self._spans)
        marks = [mark or self._made_mark(span) for span, mark in zip(self._spans, known, strict=True)]
        self._made = dict(zip(self._spans, marks, strict=True))
        return list(self._made.values())

    def _made_mark(self, span: Span) -> Mark:
        told = self._classes.get(span[2])
        name, color = (told.name, told.color) if told is not None else ("?", theme.current().muted)
        return Mark(*span, name, color, self._notes.get(span, ""), self._draft)

    def active_number(self) -> int | None:
        """Where the active span is among the marks."""
        if self.active is None:
            return None
        numbers = self._marks.between(self._text.to16(self.active[0]), self._text.to16(self.active[1]))
        return next((number for number in numbers if self._span(number) == self.active), None)

    def selection(self) -> tuple[int, int]:
        """What is selected, in UTF-16 units."""
        return min(self._anchor, self._caret), max(self._anchor, self._caret)

    def paint_more(self, painter: QPainter) -> None:
        """The caret."""
        if self._layout.lines and self.active is None and self._anchor == self._caret and self.text:
            box = self._layout.caret(self._caret)
            line = QRectF(box.left() - 1.0, box.top() + 1.0, 2.0, box.height() - 2.0)
            painter.fillRect(line, QColor(theme.current().accent))

    # the mouse

    def _place_at(self, point: QPoint, *, on: bool = False) -> int:
        at = point + self._origin()
        return self._layout.place_at(at.x(), at.y(), on=on)

    def _spans_at(self, point: QPoint) -> list[Span]:
        """The spans under the mouse, the shortest first."""
        at = point + self._origin()
        if not self._layout.lines or at.y() < 0:
            return []
        line = self._layout.lines[self._layout.index_at(at.y())]
        place = self._layout.place_at(at.x(), at.y(), on=True)
        found = []
        for number in self._marks.at(place):
            boxes = self._layout.stretches(line, self._marks.starts[number], self._marks.ends[number])
            if any(left <= at.x() <= right for left, right in boxes):
                found.append(self._span(number))
        return found

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A selection may begin here."""
        if event.button() != Qt.MouseButton.LeftButton or not self.text:
            super().mousePressEvent(event)
            return
        point = event.position().toPoint()
        place = self._text.border(self._place_at(point), forward=False)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.active, self._caret = None, place
            self._after()
            return
        self._pressed, self._dragging = (point, place), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select on the way."""
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        point, (began, first) = event.position().toPoint(), self._pressed
        if not self._dragging and (point - began).manhattanLength() < QApplication.startDragDistance():
            return
        self._dragging = True
        self.active = None
        self._follow(point)
        self._select(first, self._place_at(point), exact=bool(event.modifiers() & EXACT))
        self._after()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The end of a selection, or a click."""
        if self._pressed is None or event.button() != Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
            return
        (_, place), self._pressed = self._pressed, None
        if self._dragging:
            self._dragging = False
            self._brush_over()
            return
        under = self._spans_at(event.position().toPoint())
        if under:  # a click on the active one goes to the next below it
            number = (under.index(self.active) + 1) % len(under) if self.active in under else 0
            self._activate(under[number])
            return
        self.active = None
        self._caret = self._anchor = place
        self._after()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select a word."""
        if event.button() != Qt.MouseButton.LeftButton or not self.text:
            super().mouseDoubleClickEvent(event)
            return
        place = self._place_at(event.position().toPoint(), on=True)
        self.active = None
        self._anchor, self._caret = self._text.words(place, place)
        self._brush_over()

    def _select(self, first: int, last: int, *, exact: bool) -> None:
        start, end = min(first, last), max(first, last)
        if start == end:
            self._anchor = self._caret = start
            return
        start, end = self._text.whole(start, end) if exact else self._text.words(start, end)
        self._anchor, self._caret = (start, end) if first <= last else (end, start)

    def _brush_over(self) -> None:
        start, end = self.selected
        if self.brush is not None and start < end:
            self._add((start, end, self.brush))
        else:
            self._after()

    def _follow(self, point: QPoint) -> None:
        """Scroll when the mouse leaves the view."""
        bar = self.verticalScrollBar()
        if point.y() < MARGIN:
            bar.setValue(bar.value() - bar.singleStep())
        elif point.y() > self.viewport().height() - MARGIN:
            bar.setValue(bar.value() + bar.singleStep())


def _looks(classes: Mapping[int, ClassInfo]) -> list[tuple[int, str, str]]:
    return [(one.id, one.name, one.color) for one in classes.values()]
