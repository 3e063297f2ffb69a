"""How often one of two models was preferred, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

SURE_95 = 1.959963984540054
"""The normal distribution's quantile for 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wins:
    """Verdicts on two models: how often the first was better, the second, and neither."""

    first: int = 0
    second: int = 0
    ties: int = 0

    @property
    def judged(self) -> int:
        """All of them."""
        return self.first + self.second + self.ties

    @property
    def rate(self) -> float:
        """The first one's win rate: a tie is half a win; 0.5 where nothing was judged."""
        return (self.first + 0.5 * self.ties) / self.judged if self.judged else 0.5

    @property
    def turned(self) -> Wins:
        """As seen from the second one."""
        return Wins(first=self.second, second=self.first, ties=self.ties)

    def interval(self, quantile: float = SURE_95) -> tuple[float, float]:
        """Where the true rate lies, by Wilson's score (Wilson 1927); with ties it is wider than it would have to be."""
        if not self.judged:
            return 0.0, 1.0
        count, square = self.judged, quantile * quantile
        middle = (self.rate + square / (2 * count)) / (1 + square / count)
        spread = math.sqrt(self.rate * (1 - self.rate) / count + square / (4 * count * count))
        reach = quantile * spread / (1 + square / count)
        return max(0.0, middle - reach), min(1.0, middle + reach)
