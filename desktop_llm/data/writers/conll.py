"""Writes CoNLL: a token and its tag a line, a tab between, a blank line behind each text.

Where the tokens do not make the text as `readers.conll.joined` has it, a comment `# text = …` says it, as in CoNLL-U.
Each text is read back before it is written: whatever would come back otherwise is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from desktop_llm.data.readers.conll import DOCSTART, TEXT, found, joined
from desktop_llm.data.shapes.offsets import OutOfPlace, checked
from desktop_llm.data.tags import Scheme, Stretch, stretches, tags
from desktop_llm.data.writers.row import Numbered, Rows, Unwritable, only, text
from desktop_llm.data.writers.text import on_one_line, put

# Words, characters of scripts that do not part words, and each other sign by itself.
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]|[^\W_\u3040-\u9fff]+|\S")


def write_conll(scheme: Scheme) -> Callable[[BinaryIO, Rows], None]:
    """The writer of one way to tag."""

    def write(file: BinaryIO, rows: Rows) -> None:
        for row in rows:
            only(row, "text", "spans")
            put(file, _block(row, scheme))

    return write


def _block(row: Numbered, scheme: Scheme) -> str:
    told = on_one_line(row.number, text(row))
    spans = _spans(row, told)
    words = found(told, told.split()) or []
    edges = {edge for start, end, _ in spans for edge in (start, end)}
    inside = any(start < edge < end for edge in edges for start, end in words)
    plain = joined(told.split()) == told and not inside
    places = words if plain else _cut(told, edges)
    starts = {start: place for place, (start, _) in enumerate(places)}
    ends = {end: place + 1 for place, (_, end) in enumerate(places)}
    if any(start not in starts or end not in ends for start, end, _ in spans):
        raise Unwritable(row.number, "a span begins or ends with white space")
    counted = [Stretch(starts[start], ends[end], label) for start, end, label in spans]
    tokens = [told[start:end] for start, end in places]
    tagged = tags(len(tokens), counted, scheme)
    if any("\t" in token or token.startswith(DOCSTART) for token in tokens) or stretches(tagged) != counted:
        raise Unwritable(row.number, "its tokens and tags would not be read back as they are")
    comment = "" if plain else f"{TEXT}{told}\n"
    return comment + "".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, tagged, strict=True)) + "\n"


def _spans(row: Numbered, told: str) -> list[Stretch]:
    """The spans in order, counted in characters. Raises Unwritable."""
    if "spans" not in row.cells:
        raise Unwritable(row.number, "it has no spans; a text without any needs an empty list")
    try:
        listed = checked(told, row.cells["spans"])
    except OutOfPlace as error:
        raise Unwritable(row.number, str(error)) from error
    spans = [_stretch(row.number, one) for one in listed]
    if spans != sorted(spans, key=lambda one: one.start):
        raise Unwritable(row.number, "its spans are not in order")
    _refuse_overlap(row.number, spans)
    return spans


def _stretch(number: int, one: Mapping[str, object]) -> Stretch:
    label = str(one["label"])
    if set(one) != {"start", "end", "label"}:
        raise Unwritable(number, f"a span of “{label}” has more to it than its label")
    if label.split() != [label]:
        raise Unwritable(number, f"the label “{label}” is not one word")
    return Stretch(int(str(one["start"])), int(str(one["end"])), label)


def _refuse_overlap(number: int, spans: Sequence[Stretch]) -> None:
    for before, after in itertools.pairwise(spans):
        if after.start < before.end:
            raise Unwritable(number, f"its spans of “{before.label}” and “{after.label}” overlap")


def _cut(told: str, edges: set[int]) -> list[tuple[int, int]]:
    """Where the tokens are, cut at the spans' edges."""
    places: list[tuple[int, int]] = []
    for token in TOKEN.finditer(told):
        cuts = [token.start(), *sorted(edge for edge in edges if token.start() < edge < token.end()), token.end()]
        places += itertools.pairwise(cuts)
    return places
