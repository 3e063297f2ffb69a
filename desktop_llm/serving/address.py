"""Where a server is that somebody wants to ask: an address as a person types it, and whether it is this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from desktop_llm.errors import UserError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server: http or https, host, port, what its paths begin with, and the token that it wants ('': none)."""

    scheme: str
    host: str
    port: int
    base: str = ""
    token: str = field(default="", repr=False)

    @property
    def own(self) -> bool:
        """Whether it is this machine, so that nothing leaves it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """As a person reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.base}"

    def warning(self, what: str) -> str:
        """The sentence on what leaves this machine, and how; '' where nothing does."""
        if self.own:
            return ""
        told = f"{what} will be sent to {self.host}, another machine"
        if self.scheme == "http":
            return f"{told}, and not encrypted on the way: whoever is between can read them and the token."
        return f"{told}, encrypted on the way."


def parse(given: str, token: str = "") -> Address:
    """An address such as http://127.0.0.1:8765; http:// may be left out. Raises UserError."""
    text = given.strip()
    words = f"“{text}” is no address of a server; give one such as http://127.0.0.1:8765."
    try:
        told = urlsplit(text if "://" in text else f"http://{text}")
        host, port = told.hostname or "", told.port
        host.encode("idna")  # as a connection will want it
    except ValueError:
        raise UserError(words) from None
    fits = told.scheme in PORTS and host and port != 0 and host.isprintable() and " " not in host
    if not fits or told.username is not None or told.query or told.fragment:
        raise UserError(words)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UserError("A token is made of printable ASCII characters without spaces.")
    base = told.path.rstrip("/")
    if not (base.isascii() and base.isprintable()):
        raise UserError(words)
    return Address(scheme=told.scheme, host=host, port=port or PORTS[told.scheme], base=base, token=token)
