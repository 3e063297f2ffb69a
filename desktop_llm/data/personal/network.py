"""E-mail addresses, web addresses and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from desktop_llm.data.personal.context import is_version

_LABEL = r"[A-Za-z0-9À-ɏ](?:[A-Za-z0-9À-ɏ-]{0,61}[A-Za-z0-9À-ɏ])?"
_LETTER = "A-Za-z0-9À-ɏ_"
_LOCAL = rf"(?<![{_LETTER}.%+-])[{_LETTER}](?:[{_LETTER}.%+'-]{{0,62}}[{_LETTER}+-])?"
_MAIL = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}(?![A-Za-z0-9@]|-[A-Za-z0-9])")
_MAIL_IN_WORDS = re.compile(
    rf"{_LOCAL}\s?(?:\(at\)|\[at\]|\{{at\}}|＠)\s?{_LABEL}(?:(?:\.|\s?(?:\(dot\)|\[dot\]|\(punkt\)|\[punkt\])\s?){_LABEL})*"
    r"(?:\.|\s?(?:\(dot\)|\[dot\]|\(punkt\)|\[punkt\])\s?)[A-Za-z]{2,24}(?![A-Za-z0-9@])",
    re.IGNORECASE,
)
# image@2x.png and the like are files.
_FILES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "css",
        "js",
        "ts",
        "py",
        "html",
        "htm",
        "json",
        "md",
        "txt",
        "pdf",
        "zip",
    ]
)
_URL = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:https?|ftps?|sftp)://|www\.)[^\s<>\"`\\“”„‘’\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+", re.I
)
_HOST = re.compile(
    rf"(?:\w+://)?(?:[^/@\s]*@)?(?:(?:{_LABEL}\.)+{_LABEL}|\d+(?:\.\d+){{3}}|\[[0-9a-f:.]+\]|localhost)", re.I
)
_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", re.ASCII)
_V6 = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])", re.ASCII
)
_RESERVED_V4 = ipaddress.ip_network("240.0.0.0/4")
_RESERVED_V6 = ipaddress.ip_network("2001:db8::/32")


def emails(text: str) -> Iterator[tuple[int, int]]:
    """E-mail addresses, also written with (at) and (dot)."""
    for pattern, sign in ((_MAIL, "@"), (_MAIL_IN_WORDS, "at")):
        if sign not in text.lower() and "＠" not in text:
            continue
        for found in pattern.finditer(text):
            ending = re.split(r"\W", found.group())[-1].lower()
            if ending not in _FILES and ".." not in found.group():
                yield found.span()


def urls(text: str) -> Iterator[tuple[int, int]]:
    """Web addresses with a scheme or www; signs of the sentence around them are not part of them."""
    for found in _URL.finditer(text):
        address = _without_sentence(found.group())
        if _HOST.match(address):
            yield found.start(), found.start() + len(address)


def _without_sentence(address: str) -> str:
    while address:
        if address[-1] in ".,;:!?'*_~…" or (
            address[-1] in ")]}" and address.count(address[-1]) > address.count("([{"[")]}".index(address[-1])])
        ):
            address = address[:-1]
        else:
            break
    return address


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """IP addresses, versions 4 and 6; not the numbers of versions and sections, and none that can have no owner."""
    for found in _V4.finditer(text):
        if not is_version(text, found.start()) and _is_address(found.group()):
            yield found.span()
    if text.count(":") > 1:
        for found in _V6.finditer(text):
            if _is_address(found.group()) and (found.group() == "::1" or re.search(r"[0-9A-Fa-f]{3}", found.group())):
                yield found.span()


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address not in _RESERVED_V4 and int(address) >= 1 << 24
    return address not in _RESERVED_V6 and int(address) > 0
