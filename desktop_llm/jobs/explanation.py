"""Why a model says what it says of a text: what each word adds to the chance of a label, in a form all rooms know.

Two figures a word, which need not agree. `adds` is its share by integrated gradients: shares sum up to the chance less
that of a text without words. `without` is how the chance changes where the word is left out, at no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 0.05
"""The share of what is to be explained by which the sum may miss it; as Sundararajan et al. 2017 advise."""
LEAST_TOLERANCE = 0.001
"""A tenth of a point: where the two chances are nearly alike, no part of their difference says anything."""

WORTH_A_WORD = 0.01
"""A point: a word that changes less than that is no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A word by its place in the text (code points, the end exclusive): what it adds, what its absence changes."""

    start: int
    end: int
    adds: float
    without: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why `label` has its `chance`.

    `empty` is the chance that a text of nothing but padding has; `rest` what tokens add that are no words; `steps` how
    many gradients were taken. `read` is how many code points of the text the model reads.
    """

    label: str
    chance: float
    empty: float
    words: tuple[Weighed, ...]
    rest: float
    steps: int
    read: int

    @property
    def gap(self) -> float:
        """By how much the sum misses what is to be explained (completeness), at least 0."""
        return abs(sum(one.adds for one in self.words) + self.rest - (self.chance - self.empty))

    @property
    def tolerance(self) -> float:
        """The largest gap with which the sum is called complete."""
        return tolerance(self.chance, self.empty)

    @property
    def complete(self) -> bool:
        """Whether the sum is near enough to what is to be explained."""
        return self.gap <= self.tolerance

    @property
    def matters(self) -> bool:
        """Whether any word changes the chance by as much as is worth a colour."""
        return any(max(abs(one.adds), abs(one.without)) >= WORTH_A_WORD for one in self.words)

    @property
    def words_of_sum(self) -> str:
        """How far the figures can be relied on, in a sentence."""
        told = (
            f"All words together add {points(self.chance - self.empty)} points to the {100 * self.empty:.1f} % that a "
            "text without words has"
        )
        if not self.matters:
            return f"{told}. No word matters here: the model says nearly the same of any text."
        if self.complete:
            return f"{told}; what each adds sums up to that within {100 * self.gap:.1f} points, as it should."
        return (
            f"{told}; what each adds misses that by {100 * self.gap:.1f} points, more than the "
            f"{100 * self.tolerance:.1f} allowed ({self.steps} steps): do not rely on what words add, look at what "
            "changes without them."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """How much each token takes from each other, float16 [layers, heads, tokens that take, tokens taken from]."""

    tokens: tuple[str, ...]
    weights: np.ndarray


def tolerance(chance: float, empty: float) -> float:
    """The largest gap that is allowed between these two chances."""
    return max(LEAST_TOLERANCE, TOLERANCE * abs(chance - empty))


def points(value: float) -> str:
    """A difference of chances in points, always with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")


def to_json(told: Explanation) -> dict[str, Any]:
    """The explanation as a JSON object."""
    return {**asdict(told), "words": [asdict(one) for one in told.words]}


def from_json(told: Mapping[str, Any]) -> Explanation:
    """An explanation from its JSON object. Raises KeyError or TypeError when it is none."""
    return Explanation(**{**told, "words": tuple(Weighed(**one) for one in told["words"])})
