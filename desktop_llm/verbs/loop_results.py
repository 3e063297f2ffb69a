"""What the loop found, on its way from the process that computes to the one that writes; and the writing. Light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from desktop_llm.rows import Changes, Guess

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

Wanted = Literal["uncertain", "diverse", "random", "disagreement"]
SOURCE = "doubts_of_run"
ORDERS: tuple[Wanted, ...] = ("uncertain", "diverse", "random", "disagreement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A refit: `labels` it learned from, `guesses` of rows, `order` ids of rows to label next, the estimated share of
    right suggestions, and how long it took. Of the rows guessed before, `asked` have got a label since, `agreed`
    of them the guessed one. `missing` rows have no vector yet."""

    labels: int
    guesses: tuple[Guess, ...]
    order: tuple[int, ...]
    accuracy: float | None
    seconds: float
    encoder: str
    missing: int = 0
    asked: int = 0
    agreed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A labeled row that the others contradict: its stored label, what they say instead, and how sure they are of its
    own label (0…1)."""

    item: int
    text: str
    label: str
    instead: str
    sure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Doubtful labels, the most doubtful first, of `labels` that were looked at; `likely` are held for mistakes.
    `left_out` classes have too few labels to doubt any of them. `run` is the training that doubts them; None: the other
    labels do."""

    labels: int
    likely: int
    doubts: tuple[Doubt, ...]
    guesses: tuple[Guess, ...]
    left_out: int = 0
    run: int | None = None


def keep(project: Project, told: Suggested) -> Changes:
    """Write the guesses and the order of a refit. Raises UserError."""
    changes = project.suggestions.write(told.guesses) | project.suggestions.order(told.order)
    project.suggestions.settle()
    return changes


def keep_doubts(project: Project, told: Mistakes) -> Changes:
    """Write the queue of labels to look at again, with what the others say as the rows' guesses. Raises UserError."""
    changes = project.suggestions.write(told.guesses)
    project.notes.put(SOURCE, told.run)
    return changes | project.doubts.replace(_values(told.doubts))


def source(project: Project) -> int | None:
    """The run whose training doubts the labels of the queue; None where the other labels do."""
    told = project.notes.get(SOURCE, default=None)
    return told if isinstance(told, int) else None


def write(told: Mistakes, path: Path) -> int:
    """Write the doubtful labels to a file, the most doubtful first; how many. Raises UserError."""
    from desktop_llm.data.writers import writing
    from desktop_llm.verbs.saving import format_of

    rows = (
        {"text": one.text, "label": one.label, "instead": one.instead, "sure": round(one.sure, 4), "row": one.item}
        for one in told.doubts
    )
    return writing.write(path, rows, format_of(path))


def _values(doubts: Sequence[Doubt]) -> list[tuple[int, float]]:
    return [(one.item, 1.0 - one.sure) for one in doubts]
