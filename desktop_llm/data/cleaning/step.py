"""What a cleaning step is: its words for the form, and how it joins the line that every row runs through.

A step is a frozen dataclass; its fields are its parameters, described by their metadata (`title`, `help`, and where
they apply `minimum`, `maximum`, `decimals`, `choices`), so that a form can be made from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

Row = tuple[int, str]
"""A row's id and its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Why a row goes: a clause that completes “the row …”; `kept` is the row that stays in its place, if one does."""

    reason: str
    kept: int | None = None


Stage = Callable[[int, str], str | Dropped]
"""A step at work: id and text of a row to its new text, or why it goes. Called again for a row it has changed."""


def declared(default: Any, title: str, help_text: str, **more: Any) -> Any:
    """A parameter of a step with its words."""
    return field(default=default, metadata={"title": title, "help": help_text, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """A step of cleaning. `name` is its key, `title` its heading, `does` what it does in a sentence."""

    name: ClassVar[str]
    title: ClassVar[str]
    does: ClassVar[str]
    learns: ClassVar[bool] = False
    """Whether it must see all rows before it can judge one."""

    @abstractmethod
    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """A maker of stages, one for each pass over the rows.

        `rows` are all rows as the steps before leave them; reading them costs a pass, so only steps that learn do.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStep(Step):
    """A step that maps a text to a text, each row for itself."""

    @abstractmethod
    def clean(self, text: str) -> str:
        """The text made clean; applied again it changes nothing."""

    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """Needs no other rows."""

        def stage(_id: int, text: str) -> str:
            return self.clean(text)

        return lambda: stage


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterStep(Step):
    """A step that keeps a row or drops it, each row for itself."""

    @abstractmethod
    def reason(self, text: str) -> str:
        """Why the row goes, as a clause after “the row”; '' when it stays."""

    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """Needs no other rows."""

        def stage(_id: int, text: str) -> str | Dropped:
            why = self.reason(text)
            return Dropped(reason=why) if why else text

        return lambda: stage
