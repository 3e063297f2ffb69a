"""How often one of two models was preferred, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.evidence.intervals import wilson


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

    def interval(self) -> tuple[float, float]:
        """Where the true rate lies in 95 of 100 cases; with ties it is wider than it would have to be."""
        return wilson(self.first + 0.5 * self.ties, self.judged)
