"""Where the words of texts meet with no space between, and which of these seams no span ever begins or ends at.

A sign that stands beside letters is a word of its own: “(Paris)” must give “Paris”. Yet in “U.S.”, “@name” or an
address it only makes several decisions of one, which can be taken differently. Which signs part words is a custom of
the data, and can be read from it: where spans never begin or end at a seam of a kind, though by chance they would have
done so several times, what meets there is one word. A sign at which nothing is ever cut parts nothing in a rare place
either: were of all names only “@_ann” parted, these few pieces would teach that what stands behind “@” is nothing.
Signs that open or close a word by the custom of all writing, as “(”, “"”, “-” and “.” do, stay apart at its edges, and
“Rome's” stays “Rome” and “'s”: texts that are tagged later may have them where these had none, or a space.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.nets.word_places import Place, is_apart, letter_before

if TYPE_CHECKING:
    from desktop_llm.nets.words import WordRows

LETTER = "a"
INSIDE, LEADING, TRAILING, SIGNS = "", "<", ">", "-"
"""After the two sides of a seam: it has letters on both sides, behind it alone, before it alone, or on neither."""
OPENING, CLOSING = frozenset(("Ps", "Pi", "Pf", "Pd")), frozenset(("Pe", "Pf", "Pi", "Po", "Pd"))
"""Categories of Unicode; which of two quotes opens is another in „German“, »Danish« and ”Swedish”."""
OPENERS, CLOSERS = frozenset("\"'`¿¡"), frozenset("`")
"""Signs of other categories."""
APOSTROPHES = frozenset("'’")
"""They shorten a word of its own: “Rome's”, “l'Italie”."""
EXPECTED = 5.0
"""So many boundaries of spans must be expected at the seams of a kind: that there are none is then chance once in 150
times (Poisson)."""


def kinds(text: str, places: Sequence[Place]) -> list[str]:
    """The kind of the seam before each word, '' where there is a space, or a script that does not part words."""
    told = [""] * len(places)
    for start, end in _chunks(text, places):
        piece = range(places[start][0], places[end - 1][1])
        first = next((at for at in piece if text[at].isalnum()), piece.stop)
        last = next((at for at in reversed(piece) if text[at].isalnum()), piece.start - 1)
        for number in range(start + 1, end):
            seam = places[number][0]
            before, behind = first < seam, last >= seam
            flag = INSIDE if before and behind else TRAILING if before else LEADING if behind else SIGNS
            told[number] = _side(text[letter_before(text, seam)]) + _side(text[seam]) + flag
    return told


def _chunks(text: str, places: Sequence[Place]) -> Iterator[tuple[int, int]]:
    """The first of words that meet with no space between, and one behind the last, where scripts part words."""
    start = 0
    for number in range(1, len(places) + 1):
        if number < len(places):
            seam = places[number][0]
            meets = seam == places[number - 1][1]
            if meets and not is_apart(text[seam]) and not is_apart(text[letter_before(text, seam)]):
                continue
        if number - start > 1:
            yield start, number
        start = number


def _side(sign: str) -> str:
    return LETTER if sign.isalnum() else sign


def _stays(kind: str) -> bool:
    """Whether a seam parts an opening or closing sign from the word that it stands at, or two words written as one."""
    flag = kind[2:]
    if flag == INSIDE:
        return not APOSTROPHES.isdisjoint(kind)
    if flag == LEADING:
        return kind[0] in OPENERS or unicodedata.category(kind[0]) in OPENING
    return flag == TRAILING and (kind[1] in CLOSERS or unicodedata.category(kind[1]) in CLOSING)


def crossed(rows: WordRows) -> frozenset[str]:
    """The kinds of seams at which spans, as they are known here, neither begin nor end, and by chance would."""
    targets = rows.targets.astype(np.int64)
    inner = targets >= 0
    inner[rows.firsts] = False
    at = np.flatnonzero(inner)
    now, before = targets[at], targets[at - 1]
    cut = ((now > 0) & (now % 2 == 1)) | ((now == 0) & (before > 0))
    if not cut.any():
        return frozenset()
    seams = rows.seams[at]
    there = np.bincount(seams, minlength=len(rows.kinds))
    cuts = np.bincount(seams[cut], minlength=len(rows.kinds))
    expected = there * cut.mean()
    never = (cuts == 0) & (expected >= EXPECTED)
    signs = _never_part(rows.kinds, cuts, expected)
    return frozenset(
        kind
        for kind, told in zip(rows.kinds, never, strict=True)
        if kind and (told or signs.issuperset(kind[:2])) and not _stays(kind)
    )


def _never_part(kinds: Sequence[str], cuts: np.ndarray, expected: np.ndarray) -> frozenset[str]:
    """The signs at which nothing in or at a word is cut, and by chance would be; letters with them."""
    cut, chances = set[str](), Counter[str]()
    for kind, cuts_here, expected_here in zip(kinds, cuts.tolist(), expected.tolist(), strict=True):
        if kind and not _stays(kind):
            chances.update(dict.fromkeys(kind[:2], 0.0 if kind[2:] == SIGNS else expected_here))
            cut.update(kind[:2] if cuts_here else ())
    return frozenset((LETTER, *(sign for sign, told in chances.items() if told >= EXPECTED and sign not in cut)))


def joined(rows: WordRows, over: Collection[str]) -> WordRows:
    """The rows with the words that meet at seams of these kinds as one word each; it has the first label among them."""
    numbers = [number for number, kind in enumerate(rows.kinds) if kind in over]
    keep = ~np.isin(rows.seams, numbers)
    if keep.all():
        return rows
    first = np.flatnonzero(keep)
    last = np.append(first[1:], len(keep)) - 1
    labeled = np.where(rows.targets > 0, np.arange(len(keep)), len(keep))
    told = np.minimum.reduceat(labeled, first)
    return replace(
        rows,
        heads=rows.heads[first],
        places=np.stack([rows.places[first, 0], rows.places[last, 1]], axis=1),
        targets=rows.targets[np.where(told < len(keep), told, first)],
        word_starts=np.concatenate([[0], np.cumsum(keep)])[rows.word_starts],
        seams=rows.seams[first],
    )
