"""Whether the first row of a file names its columns or is data already."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_NAME = 40
MOST_WORDS = 4
TEXT_WORDS = 3
# Names that hardly ever are data. A task's own guesses are not known here.
USUAL = frozenset(
    re.split(
        r"\s",
        "text label labels id category class title sentence review content message body question answer intent "
        "sentiment target topic tag tags split source input output name rating score url date comment description "
        "query document 文本 标签 内容 类别 分类 评论 情感 標籤 內容 類別 評論",
    )
)
NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*%?")
SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’)]?\s*$")
PART = re.compile(r"[^\W_]+")


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Judge by the first row (`rows[0]`) and how it differs from those below."""
    if not rows:
        return True
    first, below = rows[0], rows[1:]
    usual = [cell.strip().casefold() in USUAL for cell in first if cell.strip()]
    if usual and all(usual):
        return True
    if [cell.strip() for cell in first] == [str(place) for place in range(len(first))] and len(first) > 1:
        # Tables written without names count their columns from 0.
        return True
    if any(NUMBER.fullmatch(cell) for cell in first) or not all(is_name(cell) for cell in first if cell.strip()):
        return False
    if any(usual) and not any(_comes_again(cell, below, place) for place, cell in enumerate(first)):
        return True
    if any(_all_numbers(below, place) for place in range(len(first))):
        return True
    if any(_reads_like(cell, below, place) for place, cell in enumerate(first)):
        return False
    return not any(_comes_again(cell, below, place) for place, cell in enumerate(first)) and _stands_out(first, below)


def is_name(cell: str) -> bool:
    """Whether a cell could name a column: short, few words, not a sentence."""
    text = cell.strip()
    return (
        0 < len(text) <= LONGEST_NAME
        and len(text.split()) <= MOST_WORDS
        and not SENTENCE_END.search(text)
        and not NUMBER.fullmatch(text)
    )


def _all_numbers(below: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column is numbers all the way down (its first cell is known to be none)."""
    cells = [row[place] for row in below if len(row) > place and row[place].strip()]
    return bool(cells) and all(NUMBER.fullmatch(cell) for cell in cells)


def _comes_again(cell: str, below: Sequence[Sequence[str]], place: int) -> bool:
    """Whether the first cell is one of the values of its column."""
    return bool(cell.strip()) and any(len(row) > place and row[place].strip() == cell.strip() for row in below)


def _reads_like(cell: str, below: Sequence[Sequence[str]], place: int) -> bool:
    """Whether the first cell is a text as the others are: of several words, and hardly shorter than most."""
    lengths = sorted(len(row[place].strip()) for row in below if len(row) > place)
    return bool(lengths) and len(cell.split()) >= TEXT_WORDS and 3 * len(cell.strip()) >= 2 * lengths[len(lengths) // 2]


def _stands_out(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like names in a file of one column, where nothing else tells."""
    if len(first) > 1 or not below:
        return True
    return bool(PART.fullmatch(first[0].strip().replace("_", ""))) and any(len(row[0].split()) > 1 for row in below)
