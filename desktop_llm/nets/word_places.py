"""Where in a text the words are that a model's tokens make.

A word is what a tag is given to: the tokens of a letter word together, and each token by itself where scripts do not
part words. Marks belong to the sign before them, as do the two letters of a flag to each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from desktop_llm.nets.tokenizer import APART

LETTER_APART = re.compile(APART)
JOINER = "\u200d"
MARKS = frozenset(("Mn", "Mc", "Me", "Sk"))
FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+$")
LONGEST_FLAGS = 64
Place = tuple[int, int]


def words_of(text: str, offsets: Sequence[Place]) -> tuple[list[int], list[Place]]:
    """The words that tokens at these places make: the first token of each, and its place."""
    heads: list[int] = []
    places: list[Place] = []
    for token, (begin, finish) in enumerate(offsets):
        piece = text[begin:finish]
        start, end = begin + len(piece) - len(piece.lstrip()), finish - (len(piece) - len(piece.rstrip()))
        if start >= end:
            continue
        while end < len(text) and _is_mark(text[end]):
            end += 1  # a mark that a normal form has put into its letter
        if places and _goes_on(text, places[-1][1], start):
            places[-1] = (places[-1][0], max(end, places[-1][1]))
        else:
            heads.append(token)
            places.append((start, end))
    return heads, places


def _goes_on(text: str, end: int, start: int) -> bool:
    """Whether what starts there is part of the word that ends there."""
    if start != end:
        return start < end  # bytes of one character
    before, sign = text[start - 1], text[start]
    if _is_mark(sign) or before == JOINER:
        return True
    if FLAG_LETTERS.match(before) and FLAG_LETTERS.match(sign):
        letters = FLAG_LETTERS.search(text[max(0, start - LONGEST_FLAGS) : start])
        return letters is not None and len(letters[0]) % 2 == 1
    letter = text[letter_before(text, start)]
    return letter.isalnum() and sign.isalnum() and not (is_apart(letter) or is_apart(sign))


def letter_before(text: str, at: int) -> int:
    """Where the sign before `at` is, marks that belong to it passed over."""
    base = at - 1
    while base and _is_mark(text[base]):
        base -= 1
    return base


def is_apart(sign: str) -> bool:
    """Whether it is of a script that does not part words, so that it is one by itself."""
    return LETTER_APART.match(sign) is not None


def _is_mark(sign: str) -> bool:
    """Whether a character belongs to the one before it: accents, signs of vowels, skin tones, joiners."""
    return sign == JOINER or (not sign.isascii() and unicodedata.category(sign) in MARKS)
