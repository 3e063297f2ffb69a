"""Telephone numbers: a form that people write, and then Google's rules of which numbers can exist.

Either alone takes too much: many an order number is a possible telephone number somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from types import ModuleType

from desktop_llm.data.personal.context import Span, is_free, is_order, is_phone, longest

_INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00|＋)[ ]?[1-9](?:[ ]?[-/.() ]?[ ]?\d){6,16}(?!\d|[.,]\d)", re.ASCII)
_EDGE, _STOP = r"(?<![\dA-Za-z.,/+_#$€£¥-])", r"(?![\dA-Za-z_%€$£¥]|[.,:/-]\d| ?(?:元|块|€|EUR\b|USD\b|kg\b))"
_FORMS: dict[str, tuple[re.Pattern[str], ...]] = {
    "CN": (
        re.compile(rf"{_EDGE}(?:86[- ]?)?1[3-9]\d(?:\d{{8}}|[- ]\d{{4}}[- ]\d{{4}}){_STOP}"),
        re.compile(rf"{_EDGE}(?:[(（]0\d{{2,3}}[)）][- ]?|0\d{{2,3}}[- ])[2-9]\d{{2,3}}[- ]?\d{{4}}{_STOP}"),
        re.compile(rf"{_EDGE}[48]00-(?:\d{{3}}-\d{{4}}|\d{{4}}-\d{{3}}|\d{{7}}){_STOP}"),
    ),
    "DE": (
        re.compile(
            rf"{_EDGE}(?:\(0[1-9]\d{{1,4}}\) ?|0[1-9]\d{{1,4}}(?: ?[-/] ?| ))\d{{2,4}}(?:[ -]?\d{{2,4}}){{1,3}}{_STOP}"
        ),
        re.compile(rf"{_EDGE}01[5-7]\d{{8,9}}{_STOP}"),
    ),
    "US": (re.compile(rf"{_EDGE}(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-. ]))[2-9]\d\d[-. ]\d{{4}}{_STOP}"),),
}
# Groups of an account or a card, right or mistyped, and American postcodes: no part of them is a telephone number.
_OTHER = re.compile(
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b|(?<!\d)(?:\d{4}[ -]){3}\d{1,4}(?!\d)"
    r"|\b[A-Z]{2} \d{5}-\d{4}\b"
)
# After “call me at” any country's usual writing will do.
_TOLD = re.compile(rf"{_EDGE}\(?0?\d(?:[ ]?[-/.()]?[ ]?\d){{6,13}}{_STOP}")
_DATE = re.compile(
    r"(?:19|20)\d{2}[-/. ](?:0?[1-9]|1[0-2])[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d{2}"
    r"|^(?:(?:19|20)\d{2}[-/. ]?){2,}$"
)
# Numbers kept free for plays and films (and so for our pseudonyms): they belong to nobody.
_FICTIONAL = re.compile(r"\+1\d{3}55501\d{2}|\+493023125\d*|\+33(?:199|639)\d{6}|\+447700900\d{3}")


def phones(text: str, regions: Collection[str]) -> Iterator[Span]:
    """Telephone numbers with a country code, or as they are written in one of the regions."""
    yield from longest(_INTERNATIONAL, text, lambda start, end: _possible(text[start:end], None))
    others = [found.span() for found in _OTHER.finditer(text)]

    def free(start: int, end: int) -> bool:
        return is_free(start, end, others)

    def told(start: int, end: int) -> bool:
        number = text[start:end]
        if not free(start, end) or _DATE.search(number) or not is_phone(text, start):
            return False
        return any(_possible(number, region) for region in regions)

    for region in regions:

        def written(start: int, end: int, region: str = region) -> bool:
            return free(start, end) and not is_order(text, start) and _possible(text[start:end], region)

        for form in _FORMS.get(region, ()):
            yield from longest(form, text, written)
    yield from longest(_TOLD, text, told)


def canonical(text: str, regions: Collection[str]) -> str:
    """The number in the international form E.164, the same however it is written; its digits if no rule knows it."""
    library = _library()
    for region in (None, *regions):
        number = _parsed(text, region)
        if number is not None and library.is_valid_number(number):
            return str(library.format_number(number, library.PhoneNumberFormat.E164))
    return re.sub(r"\D", "", text)


def _possible(text: str, region: str | None) -> bool:
    number = _parsed(text, region)
    library = _library()
    if number is None or not library.is_valid_number(number):
        return False
    return not _FICTIONAL.fullmatch(library.format_number(number, library.PhoneNumberFormat.E164))


def _parsed(text: str, region: str | None) -> object | None:
    library = _library()
    plain = re.sub(r"^00 ?", "+", text) if region is None else text
    try:
        return library.parse(plain, region)  # type: ignore[no-any-return]
    except library.NumberParseException:
        return None


@cache
def _library() -> ModuleType:
    import phonenumbers

    return phonenumbers
