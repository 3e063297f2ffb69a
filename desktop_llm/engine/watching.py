"""The watch-dog: looks at the figures of a run as they are told, and says, each matter once, what is to be done.

It looks at means over blocks of steps, never at single ones, and waits until a matter has stood for some time: a run
that is well must not be spoken to. All it remembers goes into checkpoints, so that a resumed run hears the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from desktop_llm.engine import schedules
from desktop_llm.engine.plan import LEAST_EVAL_STEPS, Plan
from desktop_llm.jobs.recipe import SCRATCH, Recipe

LEAST_BLOCK, MOST_BLOCK, BLOCKS = 10, 200, 40
"""A block of steps is a fortieth of the run."""
SHORT_BLOCK, SHORT_BLOCKS = 5, 10
"""Of a run that has less than ten blocks so, it is a tenth."""
RECENT = 6
HIGH_BLOCKS = 2
STUCK_SHARE, STUCK_STEPS, STUCK_FALL, STUCK_ERROR = 0.35, 100, 0.01, 0.03
"""A loss that after this share of the run has fallen by less than a hundredth; nothing is said where it varies much."""
LATE = 0.8
"""A run too short for that is judged when so much of it is done."""
FEW, LEAST_PLATEAU, PLATEAU_MEASURED = 8, 4, 0.3
"""With few measurements fewer of them must agree; this share of all for a plateau."""
PLATEAU, PLATEAU_SHARE, LEAST_GAIN = 8, 0.2, 0.001
OVER, OVER_RISE, OVER_GAP = 3, 1.3, 0.5
DEAD, DEAD_SHARE, DEAD_ROWS = 3, 0.5, 5
LEAK_ROWS, LEAK_VALUE, LEAK_SHARE = 100, 0.998, 0.2
NAMED = 3
USUAL_RATE, USUAL_TUNING_RATE = 1e-3, 2e-4
"""Learning rates that small Transformers bear: from scratch or by adapters, and trained ones."""
DEEPER = frozenset(("divergence", "no_progress", "not_a_number"))
"""What was said of the whole run: after that, single labels or a figure that stands still are no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is wrong, in words, and what to do: see `events.Advised`."""

    about: str
    message: str
    action: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the watch-dog knows. `first` (with its standard error) and `lowest` are mean losses of blocks, `recent`
    those of the last blocks; `value` is the deciding figure, turned so that more is better. Counts: measurements."""

    said: tuple[str, ...] = ()
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    first: float | None = None
    first_error: float = 0.0
    lowest: float = math.inf
    recent: tuple[float, ...] = ()
    high: int = 0
    since: tuple[float, int] = (0.0, 0)
    """The sum and the number of the training losses since the last measurement."""
    measured: int = 0
    value: float = -math.inf
    value_step: int = 0
    waited: int = 0
    least_loss: float = math.inf
    risen: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    """The labels that were not predicted, and in how many measurements one after the other."""


class Watch:
    """One run's watch-dog. Nothing in it waits, draws or reads; it is told, and answers."""

    def __init__(self, recipe: Recipe, plan: Plan, held_out: int, metric: str = "") -> None:
        """`held_out` rows are measured on; `metric` is the deciding measure's name for people."""
        self._recipe, self._plan, self._held_out = recipe, plan, held_out
        self._metric = metric or plan.metric
        total = plan.total_steps
        least = LEAST_BLOCK if total >= SHORT_BLOCKS * LEAST_BLOCK else max(SHORT_BLOCK, total // SHORT_BLOCKS)
        self._block = min(MOST_BLOCK, max(least, total // BLOCKS))
        self._recent = min(RECENT, max(2, total // self._block // 2))
        """How many of the last blocks are held against the first."""
        measurements = -(-total // max(1, plan.eval_steps))
        self._plateau = min(PLATEAU, max(LEAST_PLATEAU, round(PLATEAU_MEASURED * measurements)))
        self._over = OVER if measurements > FEW else OVER - 1
        self._dead = min(DEAD, (measurements + 1) // 2)
        """How many measurements must agree."""
        self.memory = Memory()

    def steps(self, losses: Sequence[tuple[int, float]]) -> list[Advice]:
        """Hear of steps and their training losses, in order."""
        told = []
        for step, loss in losses:
            if not math.isfinite(loss):
                continue
            m = self.memory
            self.memory = replace(
                m,
                count=m.count + 1,
                total=m.total + loss,
                squares=m.squares + loss * loss,
                since=(m.since[0] + loss, m.since[1] + 1),
            )
            if self.memory.count == self._block:
                told += self._end_block(step)
        return self._new(told)

    def measured(self, step: int, value: float, loss: float, dead: Mapping[str, int]) -> list[Advice]:
        """Hear of a measurement: the deciding figure, the mean loss, and labels that held-out rows have (in how many)
        and no answer has."""
        m = self.memory
        value = value if self._plan.higher_is_better else -value
        better = value > m.value + max(1e-4, LEAST_GAIN * abs(m.value)) if math.isfinite(m.value) else True
        trained = m.since[0] / m.since[1] if m.since[1] else math.nan
        rising = loss > OVER_RISE * m.least_loss and loss > m.least_loss + 0.1 and trained < OVER_GAP * loss
        dead = {name: rows for name, rows in dead.items() if rows >= DEAD_ROWS}
        self.memory = replace(
            m,
            since=(0.0, 0),
            measured=m.measured + 1,
            value=value if better else m.value,
            value_step=step if better else m.value_step,
            waited=0 if better else m.waited + 1,
            least_loss=min(m.least_loss, loss) if math.isfinite(loss) else m.least_loss,
            risen=m.risen + 1 if rising else 0,
            dead={name: m.dead.get(name, 0) + 1 for name in dead},
        )
        return self._new([*self._leak(step), *self._worse(step), *self._unsaid(step, dead)])

    def say(self, advice: Advice) -> list[Advice]:
        """What somebody else found: told once, too."""
        return self._new([advice])

    # the training loss

    def _end_block(self, step: int) -> list[Advice]:
        m = self.memory
        mean = m.total / m.count
        error = math.sqrt(max(0.0, m.squares / m.count - mean * mean) / m.count)
        first = mean if m.first is None else m.first
        lowest = min(m.lowest, mean)
        limit = lowest + max(0.5 * (first - lowest), 0.25 * abs(first), 0.1)
        self.memory = replace(
            m,
            count=0,
            total=0.0,
            squares=0.0,
            first=first,
            first_error=error if m.first is None else m.first_error,
            lowest=lowest,
            recent=(*m.recent, mean)[-RECENT:],
            high=m.high + 1 if mean - 3 * error > limit else 0,
        )
        return [*self._diverging(mean), *self._stuck(step, first)]

    def _diverging(self, mean: float) -> list[Advice]:
        if self.memory.high < HIGH_BLOCKS:
            return []
        was = self.memory.lowest
        message = f"The training loss rises: it was {was:.3g} and is {mean:.3g}. The learning rate is too high."
        return [self._other_rate("divergence", message, 1 / 3)]

    def _stuck(self, step: int, first: float) -> list[Advice]:
        warm = schedules.warmup(self._recipe, self._plan.total_steps)
        total = self._plan.total_steps
        early = step < max(STUCK_SHARE * total, min(warm + STUCK_STEPS, LATE * total))
        recent, unsure = self.memory.recent[-self._recent :], self.memory.first_error > STUCK_ERROR * first
        if early or len(recent) < self._recent or first < 0.1 or unsure or "divergence" in self.memory.said:
            return []
        if sum(recent) / len(recent) < first - STUCK_FALL * abs(first):
            return []
        low = self._recipe.learning_rate < (2e-4 if self._recipe.model == SCRATCH or self._recipe.lora_r else 2e-5)
        message = f"The training loss has not fallen since the start ({first:.3g}): the model learns nothing."
        return [self._other_rate("no_progress", message, 5.0 if low else 1 / 3)]

    def _other_rate(self, about: str, message: str, times: float) -> Advice:
        rate = self._recipe.learning_rate * times
        if times < 1:  # of one that is far too high a third is still too high
            rate = min(rate, USUAL_RATE if self._recipe.model == SCRATCH or self._recipe.lora_r else USUAL_TUNING_RATE)
        rate = float(f"{rate:.2g}")
        return Advice(about=about, message=message, action="restart", value={"learning_rate": rate})

    # the held-out rows

    def _leak(self, step: int) -> list[Advice]:
        m, share = self.memory, step / max(1, self._plan.total_steps)
        soon = share <= LEAK_SHARE or step <= LEAST_EVAL_STEPS
        suspicious = m.measured == 1 and soon and LEAK_VALUE <= m.value <= 1.0
        if not suspicious or self._held_out < LEAK_ROWS or not self._plan.higher_is_better:
            return []
        message = (
            f"{self._metric} is {100 * m.value:.1f} % after only {step:,} steps. That is suspiciously good: perhaps "
            "the held-out texts are in training, too, or a text holds its own label."
        )
        return [Advice(about="leakage", message=message, action="leakage")]

    def _worse(self, step: int) -> list[Advice]:
        m, left = self.memory, self._plan.total_steps - step
        if m.risen >= self._over and m.waited >= self._over and left >= 0.1 * self._plan.total_steps:
            message = (
                f"The model learns by heart: the loss on held-out texts has risen from {m.least_loss:.3g} while the "
                f"one in training falls. The best was at step {m.value_step:,}."
            )
            return [Advice(about="over_fitting", message=message, action="stop")]
        long = step - m.value_step >= PLATEAU_SHARE * self._plan.total_steps
        deeper = not DEEPER.isdisjoint(m.said)
        if m.waited >= self._plateau and long and not deeper and left >= PLATEAU_SHARE * self._plan.total_steps:
            message = (
                f"{self._metric} has not become better in the last {m.waited} measurements; the best was at step "
                f"{m.value_step:,}."
            )
            return [Advice(about="plateau", message=message, action="stop")]
        return []

    def _unsaid(self, step: int, dead: Mapping[str, int]) -> list[Advice]:
        total = self._plan.total_steps
        few = self._dead < DEAD  # then only the end tells
        early = step + self._plan.eval_steps <= total if few else step < DEAD_SHARE * total
        if early or not DEEPER.isdisjoint(self.memory.said):
            return []
        names = sorted((one for one in dead if self.memory.dead[one] >= self._dead), key=lambda one: -dead[one])
        if not names:
            return []
        said = ", ".join(f"“{name}”" for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
        rows = sum(dead[name] for name in names)
        have = f"although {rows:,} held-out texts have {'it' if len(names) == 1 else 'them'}"
        verb = "is" if len(names) == 1 else "are"
        message = (
            f"{said} {verb} never the model’s answer, {have}: too few texts to learn from, or mixed up with another."
        )
        return [Advice(about="dead_classes", message=message, action="rows", value={"label": names[0]})]

    def _new(self, told: Sequence[Advice]) -> list[Advice]:
        fresh = []
        for one in told:
            if one.about not in self.memory.said:
                self.memory = replace(self.memory, said=(*self.memory.said, one.about))
                fresh.append(one)
        return fresh


def to_json(memory: Memory) -> dict[str, Any]:
    """For a checkpoint; infinity is left out, as JSON has none."""
    return {name: value for name, value in asdict(memory).items() if not _endless(value)}


def from_json(told: Mapping[str, Any]) -> Memory:
    """From a checkpoint; {} for the start."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in told.items()
        if name in Memory.__dataclass_fields__
    }
    return Memory(**known)


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def not_predicted(
    truth: Sequence[Any], answers: Sequence[Any], names: Callable[[Any], Sequence[str]]
) -> dict[str, int]:
    """The labels that rows have (in how many) and that no answer has; `names` tells those of a label in names."""
    said = {name for one in answers for name in names(one)}
    counts: dict[str, int] = {}
    for one in truth:
        for name in names(one):
            if name not in said:
                counts[name] = counts.get(name, 0) + 1
    return counts
