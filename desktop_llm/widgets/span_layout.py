"""A text broken into lines, a part at a time, so that a long one is on screen at once; and where its pieces are.

Each line has room below it for the names of spans. Qt lays out a few thousand characters at a time; the last line of
such a part is laid out again with the next, so that nobody sees where parts meet.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QTextLayout, QTextLine, QTextOption

from desktop_llm.widgets.span_text import SpanText

PART = 4000
"""UTF-16 units that are laid out at once."""
RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001eeff]"
)
STRONG = re.compile(r"[^\W\d_]")
TAB_STOP = 40.0


@dataclass(slots=True)
class Line:
    """A line: its places in the whole text, Qt's line and what it belongs to.

    `offset` is where Qt's own counting of its text begins; `simple`: all of it goes from left to right; `rtl`: its
    paragraph goes from right to left; `depth` rows of names stand below it; `top` is where it begins.
    """

    start: int
    end: int
    offset: int
    line: QTextLine
    layout: QTextLayout
    simple: bool
    rtl: bool
    depth: int = 1
    top: float = 0.0


class SpanLayout:
    """The lines of a text in one font and width."""

    def __init__(self, text: SpanText, font: QFont, width: float, row_height: float) -> None:
        """Nothing is laid out yet; `row_height` is that of a row of names."""
        self.text, self._font, self.width, self._row = text, font, max(40.0, width), row_height
        metrics = QFontMetricsF(font)
        self.line_height = metrics.height() + 4
        self.ascent = metrics.ascent() + 2
        self.lines: list[Line] = []
        self._starts: list[int] = []
        self._settled: tuple[dict[int, int], int] = {}, 0
        self._at = 0  # code points that are laid out
        self._paragraph_end = -1
        self._right_to_left = False
        self._next_paragraph(0)

    @property
    def whole(self) -> bool:
        """Whether all of it is laid out."""
        return self._at > len(self.text.text)

    @property
    def height(self) -> float:
        """How high all of it is; guessed from what is laid out, until it is whole."""
        if not self.lines:
            return self.line_height + self._row
        last = self.lines[-1]
        so_far = last.top + self.height_of(last)
        return so_far if self.whole else so_far * max(1.0, self.text.size / max(1, last.end))

    def height_of(self, line: Line) -> float:
        """With the rows below it."""
        return self.line_height + self._row * line.depth

    def lay_to(self, place: int, height: float = 0.0) -> None:
        """Lay out until the line of a place, and so many pixels, are there."""
        while not self.whole and (
            not self.lines or self.lines[-1].end <= place or self.lines[-1].top + self.line_height < height
        ):
            self.lay_more()

    def lay_more(self) -> None:
        """Lay out the next part."""
        text, first = self.text.text, self._at
        body = text[first : min(first + PART, self._paragraph_end)]
        rest = first + len(body) < self._paragraph_end
        layout = self._laid_out(body)
        made = [layout.lineAt(place) for place in range(layout.lineCount())]
        if rest and len(made) > 1:
            made.pop()
        simple = not self._right_to_left and RIGHT_TO_LEFT.search(body) is None
        begin = self.text.to16(first)
        for line in made:
            start = begin + line.textStart()
            self._add(Line(start, start + line.textLength(), begin, line, layout, simple, self._right_to_left))
        self._at = self.text.point(self.lines[-1].end) if rest else self._paragraph_end
        if self._at >= self._paragraph_end:
            self._next_paragraph(self._paragraph_end + 1)

    def _laid_out(self, body: str) -> QTextLayout:
        layout = QTextLayout(body, self._font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        rtl = self._right_to_left
        option.setTextDirection(Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight)
        option.setAlignment(Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft)
        option.setTabStopDistance(TAB_STOP)
        layout.setTextOption(option)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(self.width)
        layout.endLayout()
        return layout

    def _next_paragraph(self, first: int) -> None:
        text = self.text.text
        self._at = first
        end = text.find("\n", first)
        self._paragraph_end = end if end >= 0 else len(text)
        strong = STRONG.search(text, first, min(self._paragraph_end, first + PART))
        self._right_to_left = strong is not None and RIGHT_TO_LEFT.match(strong[0]) is not None

    def _add(self, line: Line) -> None:
        line.depth = _usual_depth(line)
        if self.lines:
            before = self.lines[-1]
            line.top = before.top + self.height_of(before)
        self.lines.append(line)
        self._starts.append(line.start)

    # where things are

    def index(self, place: int) -> int:
        """The number of the line with a place; the last one that is laid out, where it is not yet."""
        return max(0, bisect_right(self._starts, place) - 1)

    def index_at(self, y: float) -> int:
        """The number of the line at a height."""
        return max(0, bisect_right(self.lines, y, key=lambda line: line.top) - 1)

    def visible(self, top: float, bottom: float) -> range:
        """The numbers of the lines between two heights."""
        first = self.index_at(top)
        last = first
        while last < len(self.lines) and self.lines[last].top <= bottom:
            last += 1
        return range(first, last)

    def set_depths(self, deeper: dict[int, int]) -> None:
        """Give lines, by number, more rows of names than the one that those with any text have."""
        if (deeper, len(self.lines)) == self._settled:
            return
        self._settled = deeper, len(self.lines)
        top = 0.0
        for number, line in enumerate(self.lines):
            line.depth, line.top = max(deeper.get(number, 0), _usual_depth(line)), top
            top += self.line_height + self._row * line.depth

    def stretches(self, line: Line, start: int, end: int) -> list[tuple[float, float]]:
        """From where to where, in pixels, the part of a stretch of text lies that is in a line; from left to right."""
        start, end = max(start, line.start) - line.offset, min(end, line.end) - line.offset
        if start >= end:
            return []
        if line.simple:
            left, right = _x(line.line, start), _x(line.line, end)
            return [(left, right)] if right > left else []
        found: list[tuple[float, float]] = []
        for run in line.line.glyphRuns(start, end - start):
            widths = run.rawFont().advancesForGlyphIndexes(run.glyphIndexes())
            edges = [(place.x(), place.x() + width.x()) for place, width in zip(run.positions(), widths, strict=True)]
            if edges:
                found.append((min(left for left, _ in edges), max(right for _, right in edges)))
        return _joined(sorted(found))

    def caret(self, place: int) -> QRectF:
        """Where the caret of a place stands."""
        line = self.lines[self.index(place)]
        x = _x(line.line, min(place, line.end) - line.offset)
        return QRectF(x, line.top, 2.0, self.line_height)

    def place_at(self, x: float, y: float, *, on: bool = False) -> int:
        """The place nearest to a point; `on`: of the character on which the point is."""
        if not self.lines:
            return 0
        line = self.lines[self.index_at(y)]
        how = QTextLine.CursorPosition.CursorOnCharacter if on else QTextLine.CursorPosition.CursorBetweenCharacters
        place = line.offset + int(line.line.xToCursor(x, how))
        return min(max(place, line.start), line.end)


def _usual_depth(line: Line) -> int:
    return 1 if line.end > line.start else 0


def _x(line: QTextLine, place: int) -> float:
    told: Any = line.cursorToX(place)  # the x, and the place that it is really of
    return float(told[0])


def _joined(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for left, right in stretches:
        if found and left <= found[-1][1] + 0.5:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found
