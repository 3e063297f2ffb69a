"""Bank accounts (IBAN) and bank cards, both proved by their check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from desktop_llm.data.personal.context import Span, is_order, longest

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){13,18}(?!\d|[.,-]\d|[A-Za-z])", re.ASCII)
_FOURS, _FOUR_SIX = r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?", r"\d{4}([ -])\d{6}\2\d{4,5}"
_GROUPS = re.compile(rf"\d{{14,19}}|{_FOURS}|{_FOUR_SIX}|\d{{6}}[ -]\d{{13}}")
# Who issues which numbers (ISO/IEC 7812): the first digits and the lengths.
_ISSUERS = re.compile(
    r"4\d{15}(?:\d{3})?"  # Visa
    r"|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|62\d{14,17}|(?:60110|60112|6011[3-9]|64[4-9]\d{2}|65\d{3})\d{11}"  # UnionPay, Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
)


def ibans(text: str) -> Iterator[Span]:
    """International bank account numbers whose check digits are right."""
    return longest(_IBAN, text, lambda start, end: end - start >= 15 and is_iban(text[start:end]))


def is_iban(text: str) -> bool:
    """Whether country, length and check digits are those of an IBAN."""
    from stdnum import iban

    return bool(iban.is_valid(text))


def cards(text: str) -> Iterator[Span]:
    """Bank cards: an issuer's first digits and length, usual groups, and Luhn's check digit."""
    return longest(_CARD, text, lambda start, end: is_card(text[start:end]) and not is_order(text, start))


def is_card(text: str) -> bool:
    """Whether the text is a possible card number."""
    if not _GROUPS.fullmatch(text):
        return False
    digits = re.sub(r"\D", "", text)
    return _ISSUERS.fullmatch(digits) is not None and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B): every second digit from the right doubled."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
