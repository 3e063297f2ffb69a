"""Reads CoNLL files: a token a line with its tag in the last column, a blank line after each sentence.

Columns are parted by tabs or spaces; tags may be IO, IOB1, IOB2, BIOES or BILOU. A sentence's text is its tokens with
a space between, but where their scripts have none, or what a comment `# text = …` before it says (as in CoNLL-U), where
the tokens are found in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from desktop_llm.data.cleaning.words import CHARACTER, WIDE
from desktop_llm.data.form import Form
from desktop_llm.data.readers.lines import Line, Lines, opened
from desktop_llm.data.readers.reader import LONGEST_CELL, Asking, RawRow, too_long
from desktop_llm.data.tags import TAG, stretches
from desktop_llm.errors import UserError
from desktop_llm.rows import WHOLE_ROW, Rejected

DOCSTART = "-DOCSTART-"
TEXT = "# text = "
ENDINGS = (".conll", ".iob", ".iob2", ".bio", ".bioes")
"""Files that say by their names what they are; damaged ones are such, too."""
LOOKED_AT = 500
SIGN = re.compile(f"[{WIDE}]")
"""The signs of scripts without spaces: they are as wide as letters and bring their own space."""


class ConllReader:
    """The sentences of a file: `text`, `spans`, and a list of each column between token and tag."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads the first lines for the number of columns. Raises UserError."""
        self._path = path
        self._encoding = form.encoding
        self._fraction = 0.0
        with opened(path) as file:
            lines = Lines(file, self._encoding)
            first = [line.text for _ in range(LOOKED_AT) if (line := lines.next()) is not None]
        self._width = width(first)
        if self._width < 2:
            raise UserError(f"“{path.name}” is not CoNLL: its lines have no column of tags behind the tokens.")

    @property
    def columns(self) -> tuple[str, ...]:
        """Text, spans, and the columns between."""
        return ("text", "spans", *self._between())

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All sentences. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        with opened(self._path) as file:
            lines = Lines(file, self._encoding)
            block: list[Line] = []
            while (line := lines.next()) is not None:
                asking.step()
                self._fraction = lines.position / lines.size
                if line.text.strip() or line.trouble:
                    block.append(line)
                    continue
                yield from self._sentence(block)
                block = []
            yield from self._sentence(block)

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction

    def _between(self) -> list[str]:
        return [f"column {place}" for place in range(2, self._width)]

    def _sentence(self, block: Sequence[Line]) -> Iterator[RawRow | Rejected]:
        told: str | None = None
        rows: list[list[str]] = []
        start = 0
        for line in block:
            if line.trouble:
                yield Rejected(line=line.number, reason=line.trouble, cells=_as_it_stands(block))
                return
            if not rows and line.text.startswith(TEXT):
                told = line.text[len(TEXT) :]
                start = start or line.number
                continue
            cells = parted(line.text)
            if cells[0].startswith(DOCSTART) or (cells[0].startswith("#") and len(cells) != self._width):
                continue
            start = start or line.number
            if len(cells) != self._width:
                reason = f"line {line.number:,} parts into {len(cells)} where the file has {self._width} columns"
                yield Rejected(line=start, reason=reason, cells=_as_it_stands(block))
                return
            rows.append(cells)
        if rows:
            row = self._row(start, told, rows)
            yield Rejected(line=start, reason=row, cells=_as_it_stands(block)) if isinstance(row, str) else row

    def _row(self, line: int, told: str | None, rows: Sequence[Sequence[str]]) -> RawRow | str:
        """The row, or why there is none."""
        tokens = [cells[0] for cells in rows]
        text = told if told is not None else joined(tokens)
        if len(text) > LONGEST_CELL:
            return too_long("text", len(text))
        if "\0" in text:
            return "the cell “text” holds a NUL character"
        places = found(text, tokens)
        if places is None:
            return "its tokens are not those of the text in the comment before it"
        spans = [
            {"start": places[start][0], "end": places[end - 1][1], "label": label}
            for start, end, label in stretches([cells[-1] for cells in rows])
        ]
        between = {name: [cells[place] for cells in rows] for place, name in enumerate(self._between(), 1)}
        return RawRow(line=line, cells={"text": text, "spans": spans, **between})


def _as_it_stands(block: Sequence[Line]) -> dict[str, object]:
    return {WHOLE_ROW: "\n".join(line.text for line in block)}


def parted(line: str) -> list[str]:
    """The columns of a line."""
    return line.split("\t") if "\t" in line else line.split()


def joined(tokens: Sequence[str]) -> str:
    """The text that tokens make: with a space between, but not where scripts without spaces or their signs meet.

    Nor is there one where each character is a token: so Chinese is often tagged, with what else is in it.
    """
    single = all(len(token) == 1 for token in tokens) and any(CHARACTER.match(token) for token in tokens)
    parts: list[str] = []
    for token in tokens:
        last, first = parts[-1][-1:] if parts else "", token[:1]  # a damaged file has empty tokens, too
        meet = single or SIGN.match(last) or SIGN.match(first) or (CHARACTER.match(last) and CHARACTER.match(first))
        parts.append(token if meet or not parts else f" {token}")
    return "".join(parts)


def found(text: str, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
    """Where each token is in the text, one behind the other with nothing but white space between; None if not so."""
    places: list[tuple[int, int]] = []
    at = 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0 or text[at:start].strip():
            return None
        at = start + len(token)
        places.append((start, at))
    return None if text[at:].strip() else places


def width(lines: Sequence[str]) -> int:
    """How many columns most lines have."""
    counts = Counter(len(parted(line)) for line in lines if line.strip() and not line.startswith((DOCSTART, TEXT)))
    return counts.most_common(1)[0][0] if counts else 0


def is_conll(lines: Sequence[str], *, named: bool = False) -> bool:
    """Whether the first lines of a file are such: blank lines between, tags (not all of them O) in the last column.

    Nine of ten lines must have a tag, of a file that is `named` so half of them.
    """
    wide = width(lines)
    filled = [parted(line) for line in lines if line.strip() and not line.startswith((DOCSTART, "# "))]
    ended = any(not line.strip() for line in lines)
    if wide < 2 or not ended or not filled:
        return False
    tagged = [cells[-1] for cells in filled if len(cells) == wide and TAG.fullmatch(cells[-1])]
    enough = 0.5 if named else 0.9
    return len(tagged) >= len(filled) * enough and any(tag[1:2] == "-" for tag in tagged)
