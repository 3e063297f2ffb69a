"""Where a server listens, and whom it lets in; light enough for the window to know."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from desktop_llm.errors import UserError
from desktop_llm.serving.limits import Limits

LOOPBACK = "127.0.0.1"
PORT = 8765
LEAST_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address, a port (0: a free one) and a token ('': none). Beyond this machine it wants a token."""

    host: str = LOOPBACK
    port: int = PORT
    token: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)

    @property
    def own(self) -> bool:
        """Whether only this machine can reach it. Raises ValueError for what is no address."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback


def check(place: Place) -> None:
    """Raise UserError for a place that cannot be, or that would be open to everybody."""
    try:
        own = place.own
    except ValueError:
        raise UserError(f"“{place.host}” is no address of this machine; give one such as {LOOPBACK}.") from None
    if not 0 <= place.port <= 65535:
        raise UserError(f"A port is between 1 and 65535, not {place.port}; 0 takes a free one.")
    if not own and len(place.token) < LEAST_TOKEN:
        raise UserError(
            f"Whoever reaches this machine could ask the model; a server beyond {LOOPBACK} needs a token of at least "
            f"{LEAST_TOKEN} characters."
        )
    if place.token and not (place.token.isascii() and place.token.isprintable() and " " not in place.token):
        raise UserError("A token is made of printable ASCII characters without spaces.")
