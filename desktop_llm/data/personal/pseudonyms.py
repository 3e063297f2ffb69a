"""Pseudonyms: what stands in for personal data, the same for the same value, and nobody's.

They are drawn by HMAC-SHA-256 from the value under a secret of the project: who has not the secret can neither undo
them nor try values out. E-mail and web addresses lie under example.org, IP addresses in ranges without owners,
telephone numbers in ranges kept for films or not given out; an IBAN keeps its country and has wrong check digits; no
bank issues cards that begin as ours.
Few numbers are kept for films (a thousand in Germany): two telephone numbers may come to share a pseudonym.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from base64 import b32encode
from collections.abc import Collection
from string import ascii_uppercase

from desktop_llm.data.personal.find import REGIONS, Find, Kind, find
from desktop_llm.data.personal.phones import canonical

_LEAST_SECRET = 16


class Pseudonyms:
    """Draws pseudonyms under one secret."""

    def __init__(self, secret: bytes, regions: Collection[str] = REGIONS) -> None:
        """`secret` is the project's own, at least 16 random bytes; raises ValueError when it is shorter."""
        if len(secret) < _LEAST_SECRET:
            raise ValueError(f"a secret of {len(secret)} bytes can be guessed; at least {_LEAST_SECRET} are needed")
        self._secret = secret
        self._regions = tuple(regions)

    def of(self, one: Find) -> str:
        """The pseudonym of what was found."""
        value = self._value(one)
        for attempt in range(100):
            drawn = _Draw(hmac.digest(self._secret, f"{one.kind}\0{attempt}\0{value}".encode(), "sha512"))
            name = _formed(one.kind, value, drawn)
            # A number that by chance is a possible one might be a person's.
            if not find(f"tel. {name}", regions=self._regions):
                return name
        raise AssertionError(f"no free pseudonym of kind {one.kind}")

    def _value(self, one: Find) -> str:
        """What was found, however it was written."""
        if one.kind == "phone":
            return canonical(one.text, self._regions)
        if one.kind == "email":
            plain = re.sub(r"\s?[(\[{](?:at)[)\]}]\s?|＠", "@", one.text.casefold())
            return re.sub(r"\s?[(\[](?:dot|punkt)[)\]]\s?", ".", plain)
        if one.kind == "ip":
            return ipaddress.ip_address(one.text).exploded
        if one.kind in ("iban", "card"):
            return re.sub(r"[^A-Z0-9]", "", one.text.upper())
        return one.text if one.kind == "url" else re.sub(r"\s", "", one.text.upper())


class _Draw:
    """Digits and letters drawn from 64 random bytes."""

    def __init__(self, data: bytes) -> None:
        self.token = b32encode(data[:10])[:12].decode().lower()
        self._rest = int.from_bytes(data, "big")

    def below(self, bound: int) -> int:
        """A number from 0 on below the bound."""
        self._rest, drawn = divmod(self._rest, bound)
        return drawn

    def digits(self, count: int) -> str:
        """So many digits."""
        return f"{self.below(10**count):0{count}d}"

    def like(self, text: str) -> str:
        """Digits for digits and letters for letters; other signs stay."""
        drawn = (
            self.digits(1) if sign.isdigit() else ascii_uppercase[self.below(26)] if sign.isalpha() else sign
            for sign in text
        )
        return "".join(drawn)


def _formed(kind: Kind, value: str, draw: _Draw) -> str:
    if kind == "email":
        return f"person.{draw.token}@example.org"
    if kind == "url":
        return f"https://example.org/{draw.token}"
    if kind == "ip":
        if ":" in value:
            return str(ipaddress.IPv6Address((0x20010DB8 << 96) | draw.below(1 << 96)))
        return str(ipaddress.IPv4Address((240 << 24) + draw.below((1 << 28) - 1)))
    if kind == "phone":
        return _phone(value, draw)
    if kind == "national_id":
        return _identity(value, draw)
    if kind == "card":
        return _in_fours(draw.like(value), draw)
    return _in_fours(value[:2] + draw.like(value[2:]), draw)


def _phone(value: str, draw: _Draw) -> str:
    if value.startswith("+1"):
        return f"+1 {200 + draw.below(790)} 555 01{draw.digits(2)}"
    if value.startswith("+86"):
        # No Chinese mobile number begins with 12.
        return f"12{draw.digits(1)} {draw.digits(4)} {draw.digits(4)}"
    if value.startswith("+49"):
        return f"+49 30 23125{draw.digits(3)}"
    if value.startswith("+33"):
        return f"+33 1 99 {draw.digits(2)} {draw.digits(2)} {draw.digits(2)}"
    if value.startswith("+44"):
        return f"+44 7700 900{draw.digits(3)}"
    # No country has the code 999.
    return f"+999 {draw.digits(3)} {draw.digits(6)}"


def _identity(value: str, draw: _Draw) -> str:
    if re.fullmatch(r"\d{17}[\dX]", value):
        # No province has the code 99.
        born = f"{1940 + draw.below(65)}{1 + draw.below(12):02d}{1 + draw.below(28):02d}"
        return f"99{draw.digits(4)}{born}{draw.digits(4)}"
    if re.fullmatch(r"\d{3}-?\d{2}-?\d{4}", value):
        # Nor was an American number ever given out that begins with 000.
        return f"000{draw.like(value[3:])}"
    return draw.like(value)


def _in_fours(value: str, draw: _Draw) -> str:
    """Groups of four, none beginning like a bank card: beside other numbers they make up no card either."""
    groups = [value[at : at + 4] for at in range(0, len(value), 4)]
    return " ".join("1789"[draw.below(4)] + group[1:] if group[0].isdigit() else group for group in groups)
