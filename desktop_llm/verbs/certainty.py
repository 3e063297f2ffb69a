"""Whether a run is as sure as it is right, in figures and in words, and the rows behind each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.evidence import calibration as calibrating
from desktop_llm.evidence.calibration import Bin, Calibration
from desktop_llm.evidence.intervals import wilson
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import outcomes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.outcomes import Outcomes

CLEAR_HEAT = 1.05
"""A temperature nearer to 1 than this factor changes nothing worth the trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """`told` speaks of answers, or, where a text has several labels (`pairs`), of each label of each text.

    `rows` are the keys of the rows behind each bin; `sure` and `right` the means over all, `limits` of the latter.
    """

    told: Calibration
    rows: tuple[tuple[int, ...], ...]
    sure: float
    right: float
    limits: tuple[float, float]
    pairs: bool
    asked: bool
    """Whether the model was asked for all its chances, so that a temperature could be looked for."""

    @property
    def verdict(self) -> str:
        """In a sentence."""
        what = "a label of a text" if self.pairs else "an answer"
        both = f"it is {100 * self.sure:.1f} % sure of {what} on average, and right in {100 * self.right:.1f} %"
        if self.limits[0] <= self.sure <= self.limits[1]:
            return f"About as sure as it is right: {both}."
        word = "too sure of itself" if self.sure > self.right else "surer than it thinks"
        return f"The model is {word}: {both}."

    @property
    def advice(self) -> str:
        """What to do about it."""
        error = f"Calibration error: {100 * self.told.error:.1f} points on average over the bars."
        heat = self.told.temperature
        if math.isnan(heat):
            return error
        if 1 / CLEAR_HEAT < heat < CLEAR_HEAT or self.told.after >= self.told.error:
            return f"{error} No temperature that these rows show would make it better."
        return (
            f"{error} Dividing its logits by {heat:.2f} (temperature scaling) would bring it to "
            f"{100 * self.told.after:.1f} points; no answer changes by that, only how sure it says it is."
        )


def of(project: Project, told: Outcomes) -> Certainty | None:
    """None where there are no rows, or answers are not right or wrong."""
    tally = outcomes.tally_of(project, told)
    rules = task_named(project.task).loop
    if tally is None or tally.right is None:
        return None
    chance = outcomes.chances(project, told) if rules is not None and rules.many else None
    if chance is not None:
        return _of_pairs(told, chance, outcomes.memberships(project, told)[0])
    sure = np.asarray([one.probability for one in told.answers])
    truth, logits = None, None
    if rules is not None and not rules.many and told.logits is not None:
        place = {name: at for at, name in enumerate(told.classes)}
        truth, logits = np.asarray([place.get(str(name), -1) for name in told.truth]), told.logits
    found = calibrating.calibration(np.clip(sure, 0.0, 1.0), tally.right, logits, truth)
    return _made(told, found, sure, tally.right, np.arange(len(told)), asked=told.logits is not None)


def _of_pairs(told: Outcomes, chance: np.ndarray, there: np.ndarray) -> Certainty:
    rows = np.repeat(np.arange(len(told)), chance.shape[1])
    found = calibrating.calibration(chance.ravel(), there.ravel())
    return _made(told, found, chance.ravel(), there.ravel(), rows, asked=True, pairs=True)


def _made(
    told: Outcomes,
    found: Calibration,
    sure: np.ndarray,
    right: np.ndarray,
    rows: np.ndarray,
    *,
    asked: bool,
    pairs: bool = False,
) -> Certainty:
    return Certainty(
        told=found,
        rows=tuple(_ids(told, one, rows) for one in found.bins),
        sure=float(sure.mean()),
        right=float(right.mean()),
        limits=wilson(float(right.sum()), len(right)),
        pairs=pairs,
        asked=asked,
    )


def _ids(told: Outcomes, one: Bin, rows: np.ndarray) -> tuple[int, ...]:
    return told.keys(np.unique(rows[one.rows]).tolist())
