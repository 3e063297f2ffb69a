"""Steps that drop rows which are empty, too short or long, or in another language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from desktop_llm.data.cleaning.step import FilterStep, declared
from desktop_llm.data.cleaning.words import words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_LETTER = re.compile(r"[^\W\d_]")
UNKNOWN = ""
_ENOUGH = 500
"""Characters from the start that tell a language; more only take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty(FilterStep):
    """Rows without a word."""

    name: ClassVar[str] = "empty"
    title: ClassVar[str] = "Empty rows"
    does: ClassVar[str] = "Drops rows in which there is nothing to read."
    signs: bool = declared(False, "Also rows of signs alone", "Drops rows that have neither a letter nor a digit.")

    def reason(self, text: str) -> str:
        """Why the row goes, or ''."""
        if not text or text.isspace():
            return "is empty"
        return "has neither a letter nor a digit" if self.signs and not any(map(str.isalnum, text)) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length(FilterStep):
    """Rows outside bounds; 0 is no bound."""

    name: ClassVar[str] = "length"
    title: ClassVar[str] = "Length"
    does: ClassVar[str] = "Drops rows that are shorter or longer than you allow."
    least_characters: int = declared(2, "Fewest characters", "Shorter rows go.", minimum=0, maximum=1_000_000)
    most_characters: int = declared(
        20_000, "Most characters", "Longer rows go; 0 is no bound.", minimum=0, maximum=100_000_000
    )
    least_words: int = declared(0, "Fewest words", "Rows with fewer words go.", minimum=0, maximum=100_000)
    most_words: int = declared(
        0,
        "Most words",
        "Rows with more words go; 0 is no bound. Each Chinese, Japanese or Thai character counts as a word.",
        minimum=0,
        maximum=10_000_000,
    )

    def reason(self, text: str) -> str:
        """Why the row goes, or ''."""
        size = len(text)
        if size < self.least_characters:
            return f"has {size} characters, fewer than {self.least_characters}"
        if self.most_characters and size > self.most_characters:
            return f"has {size} characters, more than {self.most_characters}"
        if not self.least_words and not self.most_words:
            return ""
        count = len(words(text))
        if count < self.least_words:
            return f"has {count} words, fewer than {self.least_words}"
        if self.most_words and count > self.most_words:
            return f"has {count} words, more than {self.most_words}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(FilterStep):
    """Rows in a language that is not wanted."""

    name: ClassVar[str] = "language"
    title: ClassVar[str] = "Language"
    does: ClassVar[str] = "Drops rows that are surely in another language than those you name; doubtful ones stay."
    languages: str = declared("", "Languages to keep", "Codes with commas between: en, de, zh. Empty keeps all.")
    certainty: float = declared(
        0.9, "Certain from", "How sure the guess must be before a row goes.", minimum=0.0, maximum=1.0, decimals=2
    )
    letters: int = declared(12, "Judge from", "Rows with fewer letters stay.", minimum=1, maximum=10_000)

    def wanted(self) -> frozenset[str]:
        """The codes of the languages to keep."""
        return frozenset(re.findall(r"[a-z]{2,3}", self.languages.lower()))

    def reason(self, text: str) -> str:
        """Why the row goes, or ''."""
        wanted = self.wanted()
        if not wanted:
            return ""
        language, sure = language_of(text, self.letters)
        if language in wanted or language == UNKNOWN or sure < self.certainty:
            return ""
        return f"is in another language ({language}, {sure:.0%} sure)"


def language_of(text: str, letters: int = 1) -> tuple[str, float]:
    """The likely language (ISO 639-1 code) and how sure that is, 0 to 1; ('', 0) with fewer letters than `letters`.

    A character of Chinese or Japanese says as much as three letters and counts so.
    """
    weight = sum(3 if sign >= "\u3040" else 1 for sign in _LETTER.findall(text[:_ENOUGH]))
    if weight < max(1, letters):
        return UNKNOWN, 0.0
    code, sure = _identifier().classify(text[:_ENOUGH])
    return str(code), float(sure)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
