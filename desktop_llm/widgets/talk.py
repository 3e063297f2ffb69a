"""A conversation with one model as it goes on: who said what, with the tokens of the model's own turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from desktop_llm.jobs.generation import Ending, Piece

USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
SHOWN = 48


@dataclass(slots=True, kw_only=True)
class Turn:
    """A turn. Those of a model have `pieces` and, when it has stopped, an `ending`, or a `problem` in a sentence.

    `read`: what is said was shown to the model to be foretold, and the pieces tell how it did, token by token.
    """

    role: str
    said: str = ""
    pieces: list[Piece] = field(default_factory=list)
    ending: Ending | None = None
    problem: str = ""
    read: bool = False

    @property
    def text(self) -> str:
        """What is said."""
        return self.said if self.read else self.said + "".join(one.text for one in self.pieces)


@dataclass(slots=True, kw_only=True)
class Talk:
    """A conversation with one model, or the same with two: the turns with each."""

    columns: list[list[Turn]]
    system: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not any(self.columns)

    @property
    def title(self) -> str:
        """How it begins."""
        first = next((turn.text for turns in self.columns for turn in turns if turn.role == USER), "")
        line = " ".join(first.split())
        return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"

    def messages(self, column: int) -> list[dict[str, Any]]:
        """What was said with a model, for it to go on from; an answer that failed is not part of it."""
        told = [{"role": SYSTEM, "content": self.system}] if self.system else []
        return told + [
            {"role": turn.role, "content": turn.text}
            for turn in self.columns[column]
            if not turn.problem and (turn.text or turn.role == USER)
        ]
