"""Offsets of spans as other tools count them, and as code points of Unicode, which is how Python counts.

JavaScript counts UTF-16 units, of which an emoji has two; a browser may count CR LF as the one line feed that it makes
of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Units:
    """How offsets are counted: in UTF-16 units or code points, and whether CR LF is one of them or two."""

    utf16: bool = False
    crlf_is_one: bool = False

    def __str__(self) -> str:
        """For a person."""
        return ("UTF-16 units" if self.utf16 else "characters") + (", CR LF as one" if self.crlf_is_one else "")


CODE_POINTS = Units()
UTF16 = Units(utf16=True)
ALL = (CODE_POINTS, UTF16, Units(crlf_is_one=True), Units(utf16=True, crlf_is_one=True))


class OutOfPlace(Exception):
    """A span does not fit its text; the message is the reason, as a clause."""


class Places:
    """The places of one text, counted in other units."""

    def __init__(self, text: str, units: Units) -> None:
        """Counting costs nothing where the units agree for this text."""
        self._text = text
        self._units = units
        odd = (units.utf16 and _is_wide(text)) or (units.crlf_is_one and "\r\n" in text)
        self._foreign = _counted(text, units) if odd else None
        self._points = {place: point for point, place in enumerate(self._foreign)} if self._foreign else None

    def points(self, start: object, end: object) -> tuple[int, int]:
        """A span in code points. Raises OutOfPlace."""
        if isinstance(start, bool) or isinstance(end, bool) or not isinstance(start, int) or not isinstance(end, int):
            raise OutOfPlace("a span does not say where it starts and ends")
        size = self._foreign[-1] if self._foreign else len(self._text)
        if not 0 <= start <= end <= size:
            raise OutOfPlace(f"the span {start}–{end} does not lie in the text of {size} {self._units}")
        if start == end:
            raise OutOfPlace(f"the span {start}–{end} is empty")
        if self._points is None:
            return start, end
        if start not in self._points or end not in self._points:
            raise OutOfPlace(f"the span {start}–{end} cuts a character in two (counted in {self._units})")
        return self._points[start], self._points[end]

    def foreign(self, point: int) -> int:
        """A place in code points, counted in these units."""
        return self._foreign[point] if self._foreign else point


def _is_wide(text: str) -> bool:
    return not text.isascii() and max(text) > "\uffff"


def _counted(text: str, units: Units) -> list[int]:
    """For each code point, and the end, its place in these units."""
    places = [0]
    for at, sign in enumerate(text):
        size = 2 if units.utf16 and sign > "\uffff" else 1
        if units.crlf_is_one and sign == "\r" and text.startswith("\n", at + 1):
            size = 0
        places.append(places[-1] + size)
    return places


def span(start: int, end: int, label: object, more: Mapping[str, object] | None = None) -> dict[str, object]:
    """A span as all tasks know it, with what else its tool says of it. Raises OutOfPlace."""
    if isinstance(label, int) and not isinstance(label, bool):
        label = str(label)
    if not isinstance(label, str) or not label:
        raise OutOfPlace(f"the span {start}–{end} has no label")
    return {"start": start, "end": end, "label": label, **(more or {})}


def checked(text: str, spans: object) -> Sequence[Mapping[str, object]]:
    """Spans of a row, each known to fit the text. Raises OutOfPlace."""
    if not isinstance(spans, list):
        raise OutOfPlace("its spans are not a list")
    places = Places(text, CODE_POINTS)
    for one in spans:
        if not isinstance(one, Mapping):
            raise OutOfPlace("a span is not an object")
        start, end = places.points(one.get("start"), one.get("end"))
        span(start, end, one.get("label"))
    return spans
