"""HTML to the text a reader would see, and texts that went through the wrong encoding.

A tolerant HTML parser takes “a<b and c>d” for a tag; texts by people are full of such signs. Hence only what is
surely HTML counts: comments, and tags with a name that HTML knows and attributes that have values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, ClassVar

from desktop_llm.data.cleaning.step import TextStep, declared

if TYPE_CHECKING:
    import ftfy

_MOST_ROUNDS = 40
_NAMES = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|"
    "details|dfn|div|dl|dt|em|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|"
    "input|ins|kbd|label|legend|li|link|main|mark|meta|nav|ol|option|p|picture|pre|q|s|samp|section|select|small|"
    "source|span|strike|strong|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|"
    "video|wbr"
)
_BLOCKS = re.compile(
    "address|article|aside|blockquote|br|caption|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|"
    "h[1-6]|header|hr|legend|li|main|nav|ol|option|p|pre|section|summary|table|tbody|tfoot|thead|title|tr|ul",
    re.IGNORECASE,
)
_VALUE = r"\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+"
_ATTRIBUTES = rf"(?:\s+[a-zA-Z_:@][\w:.@-]*\s*=\s*(?:{_VALUE}))*"
_ESCAPED = (
    rf"&(?:lt|\#0*60|\#x0*3c);/?(?:{_NAMES}|script|style)(?:\s[^<>]{{0,500}}?)?/?\s*(?:&(?:gt|\#0*62|\#x0*3e);|>)"
)
_TOKEN = re.compile(
    rf"(?P<unseen><!--.*?-->|<!doctype\b[^<>]*>|<(?P<block>script|style){_ATTRIBUTES}\s*>.*?</(?P=block)\s*>)"
    rf"|</?(?P<tag>{_NAMES}){_ATTRIBUTES}\s*/?>"
    rf"|(?P<escaped>{_ESCAPED})"
    r"|(?P<sign>&(?:[a-z][a-z0-9]{1,31}|\#[0-9]{1,7}|\#x[0-9a-f]{1,6});)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Html(TextStep):
    """HTML to plain text."""

    name: ClassVar[str] = "html"
    title: ClassVar[str] = "HTML to text"
    does: ClassVar[str] = (
        "Takes out HTML tags, scripts and comments; signs such as &amp; become the characters they mean."
    )
    escaped: bool = declared(
        False,
        "Escaped tags are tags too",
        "For texts that were escaped twice. Off: a tag that is written as &lt;b&gt; stays, for it may be talked about.",
    )

    def clean(self, text: str) -> str:
        """The text without markup; as it is when so many rounds find no end, which no real text needs."""
        now = text
        for _ in range(_MOST_ROUNDS):
            if ("<" not in now and "&" not in now) or (less := self._once(now)) == now:
                return now
            now = less
        return text

    def _once(self, text: str) -> str:
        """One look through the text: what it found is gone or decoded."""
        return _TOKEN.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        whole = found.group()
        if found["tag"]:
            if found["tag"].lower() in ("td", "th"):
                return " "
            return "\n" if _BLOCKS.fullmatch(found["tag"]) else ""
        if found["unseen"]:
            return ""
        if found["escaped"] and not self.escaped:
            return whole
        plain = unescape(whole)
        if len(plain) >= len(whole):
            return whole
        if plain[0] in "<&" and not self.escaped and not _harmless(plain, found):
            return whole
        return plain


def _harmless(sign: str, found: re.Match[str]) -> bool:
    """Whether a decoded < or & cannot be read as the beginning of a tag or of another sign."""
    following = found.string[found.end() : found.end() + 40]
    if sign == "&":
        return re.match(r"#|[A-Za-z][A-Za-z0-9]*;", following) is None
    return re.match(r"[\w/!#]|&(?!(?:lt|gt|amp|quot|nbsp);)", following) is None


# What texts consist of after a wrong encoding: Latin to Arabic letters, signs, box drawings. Chinese alone has none.
_SUSPECT = re.compile("[\x80-\u07ff\u2010-\u25ff\ud800-\udfff\ufffd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mojibake(TextStep):
    """Texts that were read in the wrong encoding and saved so."""

    name: ClassVar[str] = "mojibake"
    title: ClassVar[str] = "Broken encodings"
    does: ClassVar[str] = "Mends texts that were once read in the wrong encoding: “schÃ¶n” becomes “schön”."

    def clean(self, text: str) -> str:
        """The text as it was meant, where that is certain."""
        if not _SUSPECT.search(text):
            return text
        fix_text, config = _ftfy()
        return fix_text(text, config)


@cache
def _ftfy() -> tuple[Callable[[str, ftfy.TextFixerConfig], str], ftfy.TextFixerConfig]:
    import ftfy

    # What other steps do, or what is nobody's business (curly quotes, ligatures), is left alone.
    config = ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=True,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    return ftfy.fix_text, config
