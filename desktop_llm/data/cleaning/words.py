"""What counts as a word: a run between spaces and punctuation; in scripts without spaces, every character."""

from __future__ import annotations

import re
import unicodedata

# Han, Kana, Thai, Lao, Myanmar, Khmer, and Han beyond the first plane.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
# Signs as wide as the letters of these scripts.
WIDE = "\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_PUNCTUATION = (
    "\\s\x00-/:-@\\[-`{-\xa0\xa1-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u060c\u061b\u061f\u0964\u0965\u2000-\u206f"
    + WIDE
)
_RUN = f"[^{_PUNCTUATION}{_UNSPACED}]+"
_WORD = re.compile(f"[{_UNSPACED}]|{_RUN}(?:['’]{_RUN})*")
CHARACTER = re.compile(f"[{_UNSPACED}]")


def words(text: str) -> list[str]:
    """The words of a text; each character of a script without spaces is one."""
    return _WORD.findall(text)


def spaced(parts: list[str]) -> bool:
    """Whether most of these words come from scripts that put spaces between words."""
    return 2 * sum(len(part) == 1 and CHARACTER.match(part) is not None for part in parts) <= len(parts)


def folded(text: str) -> str:
    """The text as it is compared: without case, width and other differences of form."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
