"""What a limit on the chance of each label would trade: its curves, what it gives now, and the best limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.evidence import curves
from desktop_llm.evidence.curves import Choice, Curves
from desktop_llm.verbs import outcomes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.outcomes import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCurves:
    """A label, or all labels of all texts together (`name` ''): its curves, how it is told `now`, and the `best` limit.

    `now` has no limit (NaN) where the likeliest label is told.
    """

    name: str
    curves: Curves
    now: Choice
    best: Choice


def of(project: Project, told: Outcomes) -> tuple[LabelCurves, ...]:
    """All together first, then each label that occurs, the worst average precision first; () without logits."""
    chances = outcomes.chances(project, told)
    if chances is None:
        return ()
    true, said = outcomes.memberships(project, told)
    labels = [
        _label(name, chances[:, place], true[:, place], said[:, place])
        for place, name in enumerate(told.classes)
        if true[:, place].any()
    ]
    labels.sort(key=lambda one: (one.curves.average, one.name))
    return (_label("", chances.ravel(), true.ravel(), said.ravel()), *labels)


def _label(name: str, chance: np.ndarray, true: np.ndarray, said: np.ndarray) -> LabelCurves:
    told = curves.curves(chance, true)
    hits, count, there = float((said & true).sum()), float(said.sum()), float(true.sum())
    precision, recall = hits / count if count else 0.0, hits / there if there else 0.0
    f1 = 2 * hits / (count + there) if count + there else 0.0
    now = Choice(limit=float("nan"), precision=precision, recall=recall, f1=f1)
    return LabelCurves(name=name, curves=told, now=now, best=curves.best(told))
