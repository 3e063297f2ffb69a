"""Finds the elements of a JSON array in a file's bytes without reading them: their places and lines, one by one.

So a file larger than memory can be read, a broken element costs its row only, and every row knows its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from desktop_llm.data.readers.reader import LARGEST_ROW

Data = bytes | mmap

_SPACE = re.compile(rb"[ \t\r\n]*")
_NESTED = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SCALAR_END = re.compile(rb"[,\]}]")


class Element(NamedTuple):
    """An element's bytes and the line it starts on; `trouble` says why it has none."""

    line: int
    data: bytes
    trouble: str


class Shape(NamedTuple):
    """What a JSON file is at its top: `start` of the one array, or why there is none in `trouble`."""

    start: int
    trouble: str


def shape(data: Data) -> Shape:
    """Where the array of rows opens: at the top, or as the only list of a top object."""
    start = _after_space(data, 0)
    first = data[start : start + 1]
    if first == b"[":
        return Shape(start, "")
    if first != b"{":
        return Shape(0, "it holds no JSON array")
    lists = _lists_of(data, start + 1)
    if len(lists) == 1:
        return Shape(next(iter(lists.values())), "")
    if not lists:
        return Shape(0, "its JSON object holds no list of rows")
    names = ", ".join(f"“{name}”" for name in list(lists)[:5])
    return Shape(0, f"its JSON object holds several lists ({names}), so it is not clear which are the rows")


def elements(data: Data, start: int) -> Iterator[tuple[int, Element]]:
    """The elements of the array that opens at `start`, each after the place where it ends."""
    at = _after_space(data, start + 1)
    line = 1 + _line_ends(data, 0, at)
    while at < len(data) and data[at : at + 1] != b"]":
        end = _value_end(data, at)
        if end < 0:
            yield len(data), Element(line, b"", "the file ends inside this row")
            return
        if end - at > LARGEST_ROW:
            yield end, Element(line, b"", f"it has {end - at:,} bytes; at most {LARGEST_ROW:,} are read")
        elif end > at:
            yield end, Element(line, data[at:end], "")
        following = _after_space(data, end)
        if data[following : following + 1] == b",":
            following = _after_space(data, following + 1)
        elif following == at:
            # Neither a value nor a separator: step over it, or the loop would stand still.
            yield following, Element(line, data[at : at + 1], "")
            following += 1
        line += _line_ends(data, at, following)
        at = following
    if at >= len(data):
        yield len(data), Element(line, b"", "the file ends before its list of rows does; it may have been cut off")


def _lists_of(data: Data, at: int) -> dict[str, int]:
    """The members of an object that are lists, with the places where they open."""
    lists: dict[str, int] = {}
    while True:
        at = _after_space(data, at)
        name = _STRING.match(data, at)
        if name is None:
            return lists
        at = _after_space(data, name.end())
        if data[at : at + 1] != b":":
            return lists
        at = _after_space(data, at + 1)
        if data[at : at + 1] == b"[":
            lists[name.group()[1:-1].decode("utf-8", "replace")] = at
        at = _value_end(data, at)
        if at < 0:
            return lists
        at = _after_space(data, at)
        if data[at : at + 1] != b",":
            return lists
        at += 1


def _value_end(data: Data, at: int) -> int:
    """The place behind the value that starts at `at`; -1 when the data end before it does."""
    first = data[at : at + 1]
    if first == b'"':
        text = _STRING.match(data, at)
        return text.end() if text else -1
    if first not in (b"{", b"["):
        end = _SCALAR_END.search(data, at)
        return end.start() if end else -1
    depth = 0
    for token in _NESTED.finditer(data, at):
        sign = data[token.start()]
        if sign in b"{[":
            depth += 1
        elif sign in b"}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return -1


def _after_space(data: Data, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _line_ends(data: Data, start: int, end: int) -> int:
    return data[start:end].count(b"\n")
