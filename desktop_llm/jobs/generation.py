"""How a model writes on, under Hugging Face's own keys, and what it sends while it writes: pieces, then an ending.

The same keys serve the form of Try it and the options of `desktop-llm predict`.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from desktop_llm.errors import UserError

Reason = Literal["end", "stop", "length", "context", "cancelled"]
"""Why a model stopped: it ended by itself, wrote a stop string, wrote all it may, read all it can, or was told to."""
ESCAPES = {"\\n": "\n", "\\t": "\t"}
BETWEEN = "|"
LEAST = 1e-45
"""No probability in float32 lies between this and none."""


def _setting(default: Any, title: str, help_text: str, **more: Any) -> Any:
    return field(default=default, metadata={"title": title, "help": help_text, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen, and when to stop. Metadata as in a recipe."""

    temperature: float = _setting(
        0.7,
        "Temperature",
        "How freely the model chooses: 0 always takes the likeliest token, 1 chooses as often as it believes in each.",
        minimum=0.0,
        maximum=10.0,
    )
    top_p: float = _setting(
        0.9,
        "Top p",
        "Chooses among the likeliest tokens that together have this probability; 1: among all.",
        minimum=0.01,
        maximum=1.0,
    )
    top_k: int = _setting(
        50, "Top k", "Chooses among so many of the likeliest tokens; 0: among all.", minimum=0, maximum=1_000_000
    )
    repetition_penalty: float = _setting(
        1.1,
        "Repetition penalty",
        "Makes tokens that were there before less likely; 1: not at all.",
        minimum=0.1,
        maximum=10.0,
    )
    max_new_tokens: int = _setting(
        256, "Longest answer", "In tokens; the model may end sooner.", minimum=1, maximum=1_000_000
    )
    num_beams: int = _setting(
        1,
        "Beams",
        "How many wordings are followed at once, of which the likeliest is kept, shown when it is whole; temperature, "
        "top p, top k and seed do not count then. 1: one, written as you read.",
        minimum=1,
        maximum=64,
    )
    length_penalty: float = _setting(
        1.0,
        "Length penalty",
        "Of beams: above 1 longer wordings are preferred, below it shorter ones.",
        minimum=-10.0,
        maximum=10.0,
    )
    seed: int | None = _setting(
        None, "Seed", "The same seed gives the same answer. Automatic: another one each time.", minimum=0, maximum=2**31
    )
    stop: str = _setting(
        "", "Stop at", "Ends where the model writes this; several with | between, \\n is a line end.", optional=True
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts to stop at, as they are."""
        told = []
        for part in self.stop.split(BETWEEN):
            for short, meant in ESCAPES.items():
                part = part.replace(short, meant)
            if part:
                told.append(part)
        return tuple(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A token as it was written: its text, how probable the model held it, and what it held likeliest there.

    `text` may be '' where a character takes several tokens; it comes with the last of them.
    """

    text: str
    probability: float
    top: tuple[tuple[str, float], ...] = ()

    @property
    def nats(self) -> float:
        """Its loss."""
        return -math.log(max(self.probability, LEAST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why and after how many tokens it stopped; `seconds` for writing them, `before` for reading `prompt` tokens."""

    reason: Reason
    tokens: int
    seconds: float
    prompt: int
    before: float

    @property
    def speed(self) -> float:
        """Tokens written a second."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


def check(told: Sampling) -> None:
    """Raise UserError for the first value outside its range."""
    for one in fields(told):
        value, limits = getattr(told, one.name), one.metadata
        if value is None or isinstance(value, str):
            continue
        if not limits["minimum"] <= value <= limits["maximum"]:
            raise UserError(f"“{one.name}” is {limits['minimum']} to {limits['maximum']}, not {value}.")


def changed(told: Sampling, values: Mapping[str, Any]) -> Sampling:
    """With other values, checked. Raises UserError."""
    kinds = typing.get_type_hints(Sampling)
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in kinds:
            raise UserError(f"There is no setting “{key}”; there are {', '.join(kinds)}.")
        made[key] = float(value) if kinds[key] is float and isinstance(value, int) else value
    result = replace(told, **made)
    check(result)
    return result


def to_json(told: Sampling) -> dict[str, Any]:
    """As a JSON object."""
    return asdict(told)


def from_json(told: Mapping[str, Any]) -> Sampling:
    """From its JSON object; keys that are not known are passed over. Raises UserError."""
    known = {one.name for one in fields(Sampling)}
    return changed(Sampling(), {key: value for key, value in told.items() if key in known})


def piece_to_json(told: Piece) -> list[Any]:
    """A piece, short: there are many."""
    return [told.text, told.probability, [list(one) for one in told.top]]


def piece_from_json(told: list[Any]) -> Piece:
    """A piece from its JSON."""
    text, probability, top = told
    return Piece(text=text, probability=probability, top=tuple((str(word), float(chance)) for word, chance in top))


def ending_to_json(told: Ending) -> dict[str, Any]:
    """As a JSON object."""
    return asdict(told)


def ending_from_json(told: Mapping[str, Any]) -> Ending:
    """An ending from its JSON object."""
    return Ending(**told)
