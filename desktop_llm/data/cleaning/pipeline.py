"""All rows through all steps: what would change and what would go, row by row, and nothing written.

A row runs through the steps that mend texts until they leave it as it is; only then is it judged. A row that never
comes to rest stays as it was. Hence a second run over the result changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from desktop_llm.data.cleaning.boilerplate import Boilerplate
from desktop_llm.data.cleaning.inside import inside
from desktop_llm.data.cleaning.step import Dropped, Row, Stage, Step, TextStep
from desktop_llm.data.cleaning.steps import ordered
from desktop_llm.errors import Cancelled

_MOST_ROUNDS = 6
_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row whose text becomes another: both texts, so that it can be applied and undone, and the steps at work."""

    id: int
    before: str
    after: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A row that goes: by which step and why (a clause after “the row”); `kept` the row that stays in its place."""

    id: int
    step: str
    reason: str
    kept: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the work is: the pass (from 1) of how many, and rows read in it."""

    part: int
    parts: int
    rows: int


class Line:
    """The steps at work, one after another; made anew for each pass over the rows."""

    def __init__(self, makers: Sequence[tuple[Step, Callable[[], Stage]]], *, structured: bool = False) -> None:
        """`makers` are the steps in their order, each with what makes its stage; `structured`: rows are JSON."""
        self._menders: list[tuple[str, Stage]] = []
        self._judges: list[tuple[str, Stage]] = []
        for step, make in makers:
            lane = self._menders if isinstance(step, TextStep | Boilerplate) else self._judges
            within = structured and isinstance(step, TextStep)
            lane.append((step.name, inside(make()) if within else make()))

    def run(self, id: int, text: str) -> Change | Drop | None:
        """What becomes of a row; None when it stays as it is."""
        after, touched = self._mended(id, text)
        for name, stage in self._judges:
            verdict = stage(id, after)
            if isinstance(verdict, Dropped):
                return Drop(id=id, step=name, reason=verdict.reason, kept=verdict.kept)
        return Change(id=id, before=text, after=after, steps=touched) if after != text else None

    def through(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that stay, as they leave the line."""
        for id, text in rows:
            outcome = self.run(id, text)
            if not isinstance(outcome, Drop):
                yield id, outcome.after if outcome else text

    def _mended(self, id: int, text: str) -> tuple[str, tuple[str, ...]]:
        now = text
        touched: dict[str, None] = {}
        for _ in range(_MOST_ROUNDS):
            began = now
            for name, stage in self._menders:
                mended = stage(id, now)
                if isinstance(mended, str) and mended != now:
                    touched[name] = None
                    now = mended
            if now == began:
                return now, tuple(touched)
        return text, ()


def plan(
    rows: Iterable[Row],
    steps: Sequence[Step],
    *,
    structured: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Change | Drop]:
    """What the steps would do to the rows, in the order of the rows; rows that stay as they are are not told.

    `structured`: rows are JSON, and texts are mended inside of it.
    `rows` are read once, and once more for each step that learns: give something that starts afresh each time.
    Iterating raises Cancelled when `should_stop` says so. Raises ValueError when rows can be read only once but must
    be more often, or when a step comes twice.
    """
    chosen = ordered(steps)
    parts = 1 + sum(step.learns for step in chosen)
    if parts > 1 and iter(rows) is rows:
        raise ValueError("these steps read the rows more than once; give rows that can be")

    def watched(part: int) -> Iterator[Row]:
        read = 0
        for read, row in enumerate(rows, 1):
            if read % _EVERY == 0:
                if should_stop():
                    raise Cancelled
                progress(Progress(part=part, parts=parts, rows=read))
            yield row
        progress(Progress(part=part, parts=parts, rows=read))

    return _outcomes(chosen, watched, structured=structured)


def _outcomes(
    steps: Sequence[Step], read: Callable[[int], Iterator[Row]], *, structured: bool
) -> Iterator[Change | Drop]:
    """Let the steps learn, each from what those before it leave, then take the rows through all of them."""
    makers: list[tuple[Step, Callable[[], Stage]]] = []
    part = 1
    for step in steps:
        makers.append(
            (step, step.prepare(Line(makers, structured=structured).through(read(part)) if step.learns else ()))
        )
        part += step.learns
    line = Line(makers, structured=structured)
    for id, text in read(part):
        outcome = line.run(id, text)
        if outcome is not None:
            yield outcome
