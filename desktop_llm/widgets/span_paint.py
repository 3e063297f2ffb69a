"""How spans look: colours that can be read in light and dark, rows for those that overlap, and their names below."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, islice
from operator import le
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from desktop_llm.widgets import theme
from desktop_llm.widgets.span_layout import Line, SpanLayout
from desktop_llm.widgets.theme import Palette

BAR, NAME_SIZE, NAME_ROOM = 3.0, 11, 15.0
ROW_HEIGHT = BAR + NAME_ROOM
TINT_LIGHT, TINT_DARK = 0.14, 0.26
LEAST_CONTRAST = 4.5
NAME_GAP = 6.0


class Mark(NamedTuple):
    """A span to be shown: its places in code points, its class, a note behind its name; `draft`: a model's guess."""

    start: int
    end: int
    class_id: int
    name: str
    color: str
    note: str = ""
    draft: bool = False


@lru_cache(maxsize=512)
def readable(color: str, ground: str, text: str) -> str:
    """A class's colour, mixed with the text's until it can be read on the ground."""
    share = 0.0
    while share <= 1.0:
        mixed = _mixed(color, text, share)
        if theme.contrast(mixed, ground) >= LEAST_CONTRAST:
            return mixed
        share += 0.1
    return text


@lru_cache(maxsize=512)
def tint(color: str, ground: str, *, dark: bool, strong: bool = False) -> str:
    """The ground below a span's words."""
    share = TINT_DARK if dark else TINT_LIGHT
    return _mixed(ground, color, share * (1.9 if strong else 1.0))


def _mixed(first: str, second: str, share: float) -> str:
    parts = []
    for at in (1, 3, 5):
        one, other = int(first[at : at + 2], 16), int(second[at : at + 2], 16)
        parts.append(round(one + (other - one) * min(1.0, share)))
    return "#" + "".join(f"{part:02x}" for part in parts)


class Marks:
    """The spans of a text in UTF-16 units, each in a row of its own where they overlap."""

    def __init__(self, marks: Sequence[Mark], layout: SpanLayout) -> None:
        """Sorted by where they begin and end."""
        text, size = layout.text, len(layout.text.text)
        self.marks = sorted([one for one in marks if 0 <= one[0] < one[1] <= size])
        self.starts = text.all_to16([one[0] for one in self.marks])
        self.ends = text.all_to16([one[1] for one in self.marks])
        self._reach = list(accumulate(self.ends, max))
        self.rows = self._in_rows()

    def between(self, start: int, end: int) -> list[int]:
        """The numbers of the spans that a stretch touches."""
        first = bisect_right(self._reach, start)
        last = bisect_right(self.starts, end - 1)
        return [number for number in range(first, last) if self.ends[number] > start]

    def at(self, place: int) -> list[int]:
        """The numbers of the spans over a place, the shortest first."""
        return sorted(self.between(place, place + 1), key=self.length)

    def length(self, number: int) -> int:
        """How long a span is."""
        return self.ends[number] - self.starts[number]

    def deepen(self, layout: SpanLayout) -> None:
        """Give the lines of spans that overlap the rows that their names need."""
        deeper: dict[int, int] = {}
        for number, row in enumerate(self.rows) if any(self.rows) else ():
            if row and (layout.whole or self.ends[number] <= layout.lines[-1].end):
                for line in range(layout.index(self.starts[number]), layout.index(self.ends[number] - 1) + 1):
                    deeper[line] = max(deeper.get(line, 1), row + 1)
        layout.set_depths(deeper)

    def _in_rows(self) -> list[int]:
        if all(map(le, self.ends, islice(self.starts, 1, None))):
            return [0] * len(self.starts)  # what is usual, and made anew with every key: none overlap
        free: list[int] = []  # until where each row is taken
        rows = []
        for start, end in zip(self.starts, self.ends, strict=True):
            for row, until in enumerate(free):
                if until <= start:
                    free[row] = end
                    rows.append(row)
                    break
            else:
                rows.append(len(free))
                free.append(end)
        return rows


class SpanPainter:
    """Paints the lines between two heights with their spans."""

    def __init__(self, painter: QPainter, layout: SpanLayout, marks: Marks, font: QFont) -> None:
        """`font` is that of the program; names are written smaller."""
        self._painter, self._layout, self._marks = painter, layout, marks
        self._palette: Palette = theme.current()
        self._font = QFont(font)
        self._font.setPixelSize(NAME_SIZE)
        self._metrics = QFontMetricsF(self._font)

    def paint(self, numbers: range, active: int | None, selection: tuple[int, int]) -> None:
        """The lines of these numbers; `active` is the number of a span, `selection` two places."""
        lines = self._layout.lines
        shown = [(lines[number], self._marks.between(lines[number].start, lines[number].end)) for number in numbers]
        for line, spans in shown:
            for span in sorted(spans, key=self._marks.length, reverse=True):  # shorter ones on top
                self._ground(line, span, strong=span == active)
            self._selected(line, *selection)
        self._painter.setPen(QColor(self._palette.text))
        for line, _ in shown:
            line.line.draw(self._painter, QPointF(0.0, line.top + 2.0))
        self._painter.setFont(self._font)
        for line, spans in shown:
            for span in spans:
                self._bar(line, span, strong=span == active)
            self._names(line, spans)

    def _ground(self, line: Line, number: int, *, strong: bool) -> None:
        mark = self._marks.marks[number]
        color = QColor(tint(mark.color, self._palette.surface, dark=self._palette.dark, strong=strong))
        if mark.draft and not strong:
            color.setAlphaF(0.5)
        for left, right in self._stretches(line, number):
            box = QRectF(left, line.top + 1, right - left, self._layout.line_height - 1)
            self._painter.fillRect(box, color)
            if strong:
                self._painter.setPen(QPen(QColor(self._color(number)), 1.0))
                self._painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    def _selected(self, line: Line, start: int, end: int) -> None:
        color = QColor(self._palette.accent)
        color.setAlphaF(0.35 if self._palette.dark else 0.25)
        for left, right in self._layout.stretches(line, start, end):
            self._painter.fillRect(QRectF(left, line.top + 1, right - left, self._layout.line_height - 1), color)

    def _bar(self, line: Line, number: int, *, strong: bool) -> None:
        color = QColor(self._color(number))
        y = line.top + self._layout.line_height + ROW_HEIGHT * self._marks.rows[number]
        for left, right in self._stretches(line, number):
            if self._marks.marks[number].draft:
                pen = QPen(color, 2.0, Qt.PenStyle.DashLine)
                self._painter.setPen(pen)
                self._painter.drawLine(QPointF(left + 1, y + 1), QPointF(right - 1, y + 1))
            else:
                self._painter.fillRect(QRectF(left + 0.5, y, max(2.0, right - left - 1), BAR if strong else 2.0), color)

    def _names(self, line: Line, spans: Sequence[int]) -> None:
        """Each name under the beginning of its span, as far as there is room before the next name of its row."""
        begins: dict[int, list[tuple[float, float, int]]] = {}
        for number in spans:
            if line.start <= self._marks.starts[number] < line.end or number == spans[0]:
                stretches = self._stretches(line, number)
                if stretches:
                    begins.setdefault(self._marks.rows[number], []).append((*self._beginning(line, stretches), number))
        for row, told in begins.items():
            told.sort(key=lambda one: one[:2])
            y = line.top + self._layout.line_height + ROW_HEIGHT * row + BAR
            for place, (left, right, number) in enumerate(told):
                lowest = told[place - 1][1] + NAME_GAP if place else 0.0
                highest = told[place + 1][0] - NAME_GAP if place + 1 < len(told) else self._layout.width
                self._name(number, (left, right), (min(lowest, left), max(highest, right)), y, from_right=line.rtl)

    def _beginning(self, line: Line, stretches: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return stretches[-1] if line.rtl else stretches[0]

    def _name(
        self, number: int, span: tuple[float, float], room: tuple[float, float], y: float, *, from_right: bool
    ) -> None:
        """A name below its span, from its beginning on, as far as the room goes."""
        mark = self._marks.marks[number]
        words = f"{mark.name} {mark.note}" if mark.note else mark.name
        width = min(self._metrics.horizontalAdvance(words) + 1, room[1] - room[0])
        left = max(span[1] - width, room[0]) if from_right else min(span[0], room[1] - width)
        self._painter.setPen(QColor(self._color(number)))
        told = self._metrics.elidedText(words, Qt.TextElideMode.ElideRight, width + 1)
        self._painter.drawText(QPointF(left, y + self._metrics.ascent()), told)

    def _color(self, number: int) -> str:
        return readable(self._marks.marks[number].color, self._palette.surface, self._palette.text)

    def _stretches(self, line: Line, number: int) -> list[tuple[float, float]]:
        return self._layout.stretches(line, self._marks.starts[number], self._marks.ends[number])
