"""What was changed from one wording to another, line by line, for `widgets.differences` to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from desktop_llm.widgets.differences import Difference, Span

UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
"""Kana and the signs of Chinese: each is compared by itself, as no spaces part words."""
PARTS = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|\s+|[^\w\s]")
CLOSELY = 6000
"""Characters of a changed passage that are compared word by word; a longer one is shown as changed as a whole."""


def changes(before: str, after: str, heading: str) -> list[Difference]:
    """The passages that differ; `heading` has a place for the number of the first line, {line}."""
    old, new = before.split("\n"), after.split("\n")
    told = []
    for what, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        went, came = "\n".join(old[first:last]), "\n".join(new[start:end])
        gone, come = _spans(went, came)
        told.append(Difference(heading=heading.format(line=start + 1), before=went, after=came, gone=gone, come=come))
    return told


def _spans(before: str, after: str) -> tuple[Sequence[Span], Sequence[Span]]:
    """Where the words are that went and those that came."""
    if not before or not after or len(before) + len(after) > CLOSELY:
        return [(0, len(before))] if before else [], [(0, len(after))] if after else []
    old, new = list(PARTS.finditer(before)), list(PARTS.finditer(after))
    words = [one.group() for one in old], [one.group() for one in new]
    codes = [code for code in SequenceMatcher(None, *words, autojunk=False).get_opcodes() if code[0] != "equal"]
    gone = [(old[first].start(), old[last - 1].end()) for _, first, last, _, _ in codes if last > first]
    come = [(new[start].start(), new[end - 1].end()) for _, _, _, start, end in codes if end > start]
    return gone, come
