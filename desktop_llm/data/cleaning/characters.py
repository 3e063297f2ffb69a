"""Steps that look at single characters: control characters, invisible ones, Unicode forms, and white space."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

from desktop_llm.data.cleaning.step import TextStep, declared

# All of C0, C1 and DEL but tab and the line ends, and halves of surrogate pairs, which no file can hold.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TERMINAL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BLANK_LINES = re.compile(r"\n{3,}")

# Emoji and what may follow them before a joiner: variation selector, skin tone, keycap, tags of a flag.
_PICTURE = "[©®\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_AFTER_PICTURE = "[\ufe0f\U0001f3fb-\U0001f3ff\u20e3\U000e0020-\U000e007f]"
# Scripts whose letters change shape at a joiner or its absence: Arabic to Malayalam, Sinhala, Mongolian, Khmer ...
_JOINING = "[\u0600-\u08ff\u0900-\u0dff\u1780-\u18af\u1900-\u1aff\ufb50-\ufdff\ufe70-\ufefc]"
# Scripts without spaces, in which a zero-width space tells where a word ends.
_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
_MEANT = re.compile(
    f"(?P<emoji>{_PICTURE}{_AFTER_PICTURE}*(?:\u200d{_PICTURE}{_AFTER_PICTURE}*)*)"
    f"|(?P<joined>(?<={_JOINING})[\u200c\u200d]+(?={_JOINING}|\\s|$))"
    f"|(?P<words>(?<={_UNSPACED})\u200b(?={_UNSPACED}))"
    "|(?P<bidi>[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])"
    "|(?P<hidden>[\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff\U000e0001-\U000e007f]+)"
)
_TAGS = re.compile("[\U000e0020-\U000e007f]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0001-\U000e007f]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(TextStep):
    """Characters that drive a terminal or a printer and mean nothing in a text."""

    name: ClassVar[str] = "control"
    title: ClassVar[str] = "Control characters"
    does: ClassVar[str] = "Takes out control characters and terminal colours; tabs and line ends stay."

    def clean(self, text: str) -> str:
        """Without control characters; a lone half of a surrogate pair becomes the replacement sign."""
        while "\x1b" in text and (less := _TERMINAL.sub("", text)) != text:
            text = less
        text = _CONTROL.sub("", text)
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invisible(TextStep):
    """Characters without width, except where they carry meaning."""

    name: ClassVar[str] = "invisible"
    title: ClassVar[str] = "Invisible characters"
    does: ClassVar[str] = (
        "Takes out zero-width characters, soft hyphens and direction marks; joined emoji, Arabic and Indic joiners, "
        "Thai and Khmer word breaks, and the direction marks of right-to-left texts stay."
    )

    def clean(self, text: str) -> str:
        """Without what nobody sees and no script needs."""
        # Taking one out may bring together what was apart: a second look until nothing is left to do.
        while not text.isascii() and _INVISIBLE.search(text):
            keep_bidi = _RIGHT_TO_LEFT.search(text) is not None
            less = _MEANT.sub(lambda found, bidi=keep_bidi: _meant(found, bidi), text)  # type: ignore[misc]
            if less == text:
                break
            text = less
        return text


def _meant(found: re.Match[str], keep_bidi: bool) -> str:
    kind = found.lastgroup
    if kind == "emoji":
        # Tags spell the flags of countries within a country; after anything else they are hidden text.
        whole = found.group()
        return whole if whole[0] == "\U0001f3f4" else _TAGS.sub("", whole)
    if kind == "joined":
        return found.group()[0]
    if kind == "words" or (kind == "bidi" and keep_bidi):
        return found.group()
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unicode(TextStep):
    """One spelling for what looks the same."""

    name: ClassVar[str] = "unicode"
    title: ClassVar[str] = "Unicode forms"
    does: ClassVar[str] = "Writes composed characters in one way (NFC), so that equal texts are equal."
    compatible: bool = declared(
        False,
        "Also unify compatible forms",
        "NFKC: full-width letters, ligatures and circled digits become plain ones; x² becomes x2.",
    )

    def clean(self, text: str) -> str:
        """In NFC, or in NFKC."""
        return text if text.isascii() else unicodedata.normalize("NFKC" if self.compatible else "NFC", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitespace(TextStep):
    """Line ends, odd spaces and blank lines."""

    name: ClassVar[str] = "whitespace"
    title: ClassVar[str] = "White space"
    does: ClassVar[str] = "One kind of line end and of space, single spaces, at most one blank line, nothing around."
    lines: bool = declared(True, "Keep line breaks", "Off: the text becomes one line.")
    indentation: bool = declared(False, "Keep indentation", "Spaces and tabs at the start of a line stay: for code.")

    def clean(self, text: str) -> str:
        """The same words with plain space between them."""
        text = _LINE_ENDS.sub("\n", text)
        if not self.lines:
            return " ".join(_SPACES.sub(" ", text).split())
        if self.indentation:
            lines = [_indented(line) for line in text.split("\n")]
            return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n").rstrip()
        lines = [_SPACES.sub(" ", line).strip(" ") for line in text.split("\n")]
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _indented(line: str) -> str:
    words = _SPACES.sub(" ", line).strip(" ")
    return line[: len(line) - len(line.lstrip("\t "))] + words if words else ""
