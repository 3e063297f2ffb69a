"""Tokens as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SIGNS = {"\n": "⏎", "\t": "⇥", " ": "␣"}
UNFINISHED = "\ufffd"
FAR = 32
"""Tokens after which what was read is not read again."""


def words_of(tokenizer: PreTrainedTokenizerBase, ids: Iterable[int], end: int) -> dict[int, str]:
    """The words of tokens by their numbers: white space as signs, pieces of characters as the tokenizer calls them."""
    told = {}
    for token in ids:
        text = str(tokenizer.decode([token]))
        if token == end:
            text = "⟨end⟩"
        elif UNFINISHED in text:
            text = str(tokenizer.convert_ids_to_tokens(token))
        for sign, shown in SIGNS.items():
            text = text.replace(sign, shown)
        told[token] = text or f"⟨{token}⟩"
    return told


class Reader:
    """Tokens to text as they come: each call gives the text that is sure by now."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, before: Iterable[int] = ()) -> None:
        """`before` are the tokens in front, which may decide whether a space stands between."""
        self._tokenizer = tokenizer
        self._ids = list(before)[-FAR:]
        self._told = len(self._ids)
        """How many tokens have been given as text."""

    def read(self, token: int) -> str:
        """The text that a token adds; '' while it is a piece of a character."""
        self._ids.append(token)
        start = max(0, self._told - FAR)
        known = self._text(self._ids[start : self._told])
        whole = self._text(self._ids[start:])
        if whole.endswith(UNFINISHED) and len(self._ids) - self._told < FAR:
            return ""
        self._told = len(self._ids)
        return whole[len(known) :]

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
