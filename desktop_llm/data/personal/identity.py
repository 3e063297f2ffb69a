"""Identity numbers of persons: those whose form or check digits leave little doubt, others only after their name.

`python-stdnum` checks them: for the Chinese one the check digit and the date of birth; for the American
one, which has no check digit, the numbers that were never given out.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_REACH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """A country's number: its form, the module of stdnum that checks it, and words that must stand before it."""

    form: re.Pattern[str]
    check: str
    after: re.Pattern[str] | None = None


def _number(form: str, check: str, after: str = "") -> _Number:
    words = re.compile(rf"(?:{after})[^\n\d]{{0,20}}$", re.IGNORECASE) if after else None
    return _Number(form=re.compile(rf"(?<![\dA-Za-z.-])(?:{form})(?![\dA-Za-z]|[.-]\d)"), check=check, after=words)


_PROVINCE = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_NUMBERS = (
    _number(rf"{_PROVINCE}\d{{4}} ?(?:19|20)\d{{2}}[01]\d[0-3]\d ?\d{{3}}[\dXx]", "cn.ric"),
    _number(r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _number(r"\d{3} ?\d{2} ?\d{4}", "us.ssn", r"\bssn\b|social security"),
    _number(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    _number(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    _number(r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    _number(r"\d{6}-[1-8]\d{6}", "kr.rrn"),
    _number(r"\d{8}-?[A-Z]", "es.dni", r"\b(?:dni|nif|documento)\b"),
    _number(r"[XYZ]-?\d{7}-?[A-Z]", "es.nie", r"\b(?:nie|nif|documento)\b"),
    _number(r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", r"steuer-?id\w*|steuer(?:liche )?ident\w*|idnr\.?|\btin\b"),
    _number(r"\d{11}", "pl.pesel", r"\bpesel\b"),
    _number(r"[2-9]\d{3} ?\d{4} ?\d{4}", "in_.aadhaar", r"\b(?:aadhaar|aadhar|uidai|uid)\b"),
)
_DIGITS = re.compile(r"\d{2}")


def numbers(text: str) -> Iterator[tuple[int, int]]:
    """Identity numbers of China, the US, France, Italy, Brazil, Korea, and after their name of some others."""
    if not _DIGITS.search(text):
        return
    for number in _NUMBERS:
        for found in number.form.finditer(text):
            before = text[max(0, found.start() - _REACH) : found.start()]
            if (number.after is None or number.after.search(before)) and _valid(number.check, found.group()):
                yield found.span()


def _valid(check: str, text: str) -> bool:
    number = text.replace(" ", "")
    if check == "cn.ric":
        return _is_chinese(number.upper())
    return bool(importlib.import_module(f"stdnum.{check}").is_valid(number))


def _is_chinese(number: str) -> bool:
    """Check digit and date of birth. Not the county: stdnum lacks many that were merged long ago."""
    from stdnum.cn import ric
    from stdnum.exceptions import ValidationError

    try:
        return ric.calc_check_digit(number) == number[-1] and ric.get_birth_date(number).year >= 1900
    except ValidationError:
        return False
