"""A text in two ways of counting (code points, in which spans are kept; UTF-16, in which Qt counts), and its borders.

What a person sees as one character (an emoji of several parts, a letter with its marks) is never cut: places are moved
to the borders of such characters, as Unicode (UAX 29) has them. They are found by `regex`, as Qt (6.11) has borders
inside of an emoji that follows letters of Thai or Devanagari.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate

import regex
from PySide6.QtCore import QTextBoundaryFinder

CHARACTER = regex.compile(r"\X")
PART = 2000
"""Code points whose borders are looked for at once."""
SURE = re.compile("[ -~\u4e00-\u9fff](?=[ -~\u4e00-\u9fff])|\n")
"""Behind it is a border, whatever comes before and after."""


class Borders:
    """The borders of a text's characters in UTF-16 units; found in parts, when they are asked for."""

    def __init__(self, text: str) -> None:
        """Finds none yet."""
        self._text = text
        self._point = 0
        self._known = array("q", [0])

    def at_least(self, place: int) -> int:
        """The nearest border from there on; the text's end behind it."""
        self._find(place)
        at = bisect_left(self._known, place)
        return self._known[min(at, len(self._known) - 1)]

    def at_most(self, place: int) -> int:
        """The nearest border up to there."""
        self._find(place)
        return self._known[max(0, bisect_right(self._known, place) - 1)]

    def _find(self, place: int) -> None:
        """Find the borders up to a place and the next behind it."""
        while self._point < len(self._text) and self._known[-1] <= place:
            sure = SURE.search(self._text, self._point + PART)
            end = sure.end() if sure else len(self._text)
            part = self._text[self._point : end]
            if part.isascii() and "\r" not in part:
                self._known.extend(range(self._known[-1] + 1, self._known[-1] + len(part) + 1))
            else:
                sizes = (_units(one) for one in CHARACTER.findall(part))
                self._known.extend(list(accumulate(sizes, initial=self._known[-1]))[1:])
            self._point = end


def _units(text: str) -> int:
    return len(text) + sum(sign > "\uffff" for sign in text)


class SpanText:
    """One text. Places are in UTF-16 units unless a name says otherwise."""

    def __init__(self, text: str = "") -> None:
        """`text` as Python has it."""
        self.text = text
        wide = [] if text.isascii() else [place for place, sign in enumerate(text) if sign > "\uffff"]
        self._wide = wide  # places of characters of two units, in code points
        self._wide16 = [place + count for count, place in enumerate(wide)]
        self.size = len(text) + len(wide)
        self._characters = Borders(text)
        self._words = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, text)

    def to16(self, point: int) -> int:
        """A place in code points."""
        return point + bisect_left(self._wide, point)

    def all_to16(self, points: list[int]) -> list[int]:
        """Many places in code points."""
        return [point + bisect_left(self._wide, point) for point in points] if self._wide else points

    def point(self, place: int) -> int:
        """A place as code points; one inside of a character of two units counts as before it."""
        before = bisect_left(self._wide16, place - 1)
        inside = before < len(self._wide16) and self._wide16[before] == place - 1
        return place - before - inside

    def piece(self, start: int, end: int) -> str:
        """The text between two places."""
        return self.text[self.point(start) : self.point(end)]

    def border(self, place: int, *, forward: bool) -> int:
        """The nearest border of a character from there, itself included."""
        return self._characters.at_least(place) if forward else self._characters.at_most(max(0, place))

    def character(self, place: int, *, forward: bool) -> int:
        """The next border of a character behind (or before) a place."""
        return self.border(place + 1 if forward else place - 1, forward=forward)

    def word(self, place: int, *, forward: bool) -> int:
        """Where the word ends (or begins) that comes next; white space is passed over."""
        while True:
            following = _next(self._words, place, self.size, forward=forward)
            if following in (0, self.size) or self.piece(*sorted((place, following))).strip():
                return self.border(following, forward=forward)
            place = following

    def words(self, start: int, end: int) -> tuple[int, int]:
        """The words that a stretch touches, without white space around; the stretch itself if it is nothing else."""
        if start < end:
            start, end = self._trimmed(start, end)
        first = _border(self._words, start, self.size, forward=False)
        last = _border(self._words, end, self.size, forward=True)
        if first == last:
            last = _next(self._words, last, self.size, forward=True)
        return self._trimmed(*self.whole(first, last))

    def whole(self, start: int, end: int) -> tuple[int, int]:
        """A stretch with all of the characters that it touches."""
        return self.border(start, forward=False), self.border(end, forward=True)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        told = self.piece(start, end)
        if not told.strip():
            return start, end
        first = start + len(told) - len(told.lstrip())  # white space has one unit each
        last = end - (len(told) - len(told.rstrip()))
        # a mark that belongs to a space stays with it
        return self.border(first, forward=False), self.border(last, forward=True)


def _border(finder: QTextBoundaryFinder, place: int, size: int, *, forward: bool) -> int:
    place = min(max(0, place), size)
    finder.setPosition(place)
    if place in (0, size) or finder.isAtBoundary():
        return place
    return _next(finder, place, size, forward=forward)


def _next(finder: QTextBoundaryFinder, place: int, size: int, *, forward: bool) -> int:
    finder.setPosition(min(max(0, place), size))
    found = finder.toNextBoundary() if forward else finder.toPreviousBoundary()
    return found if found >= 0 else (size if forward else 0)
