"""Reads fastText's training files: a text a line, before it its labels as words that begin with “__label__”."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from desktop_llm.data.form import Form
from desktop_llm.data.readers.lines import Lines, opened
from desktop_llm.data.readers.reader import LONGEST_CELL, Asking, RawRow, too_long
from desktop_llm.rows import Rejected

PREFIX = "__label__"
# The characters at which fastText parts words (Dictionary::readWord).
LABEL = re.compile(r"__label__([^ \t\v\f\r\0]*)[ \t\v\f]?")

MARKED = re.compile(r"__label__[^\s,;|]+ +\S")


class FastTextReader:
    """The rows of a fastText file: `text`, and `label`, or `labels` where any line has several."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads all lines once to see whether any has several labels. Raises UserError."""
        self._path = path
        self._encoding = form.encoding
        self._fraction = 0.0
        self._several = False
        with opened(path) as file:
            lines = Lines(file, self._encoding)
            while not self._several and (line := lines.next()) is not None:
                self._several = line.text.count(PREFIX, 0, 10_000) > 1 and len(parted(line.text)[0]) > 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Text and label."""
        return ("text", "labels" if self._several else "label")

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        with opened(self._path) as file:
            lines = Lines(file, self._encoding)
            while (line := lines.next()) is not None:
                asking.step()
                self._fraction = lines.position / lines.size
                if line.trouble:
                    yield Rejected(line=line.number, reason=line.trouble, cells={"text": line.text})
                elif line.text.strip():
                    yield self._row(line.number, line.text)

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction

    def _row(self, number: int, line: str) -> RawRow | Rejected:
        labels, text = parted(line)
        trouble = ""
        if len(text) > LONGEST_CELL:
            trouble = too_long("text", len(text))
        elif "\0" in line:
            trouble = "the cell “text” holds a NUL character"
        elif "" in labels:
            trouble = "it has a label without a name"
        if trouble:
            return Rejected(line=number, reason=trouble, cells={"text": line})
        cells: dict[str, object] = {"text": text}
        if self._several:
            cells["labels"] = labels
        elif labels:
            cells["label"] = labels[0]
        return RawRow(line=number, cells=cells)


def parted(line: str) -> tuple[list[str], str]:
    """The labels before a text, and the text."""
    labels: list[str] = []
    at = 0
    while found := LABEL.match(line, at):
        labels.append(found.group(1))
        at = found.end()
    return labels, line[at:]


def is_fasttext(lines: Sequence[str]) -> bool:
    """Whether the first lines of a file are such: the first has a label, and so has every second."""
    filled = [line for line in lines if line.strip()]
    marked = sum(line.startswith(PREFIX) for line in filled)
    return bool(filled) and filled[0].startswith(PREFIX) and marked * 2 >= len(filled)


def has_labels_later(lines: Sequence[str]) -> bool:
    """Whether lines that begin without a label have some later, each parted from its text as no cell of a table is."""
    marked = [line for line in lines if line.startswith(PREFIX)]
    return len(marked) > 1 and all(MARKED.match(line) for line in marked)
