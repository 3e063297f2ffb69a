"""What the engine says while it runs: frozen dataclasses and their one-line JSON.

One event a line in `events.jsonl`; the same objects go to the caller. `at` is seconds since 1970 (UTC),
`step` counts optimizer steps from 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events."""

    kind: ClassVar[str] = ""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing(Event):
    """Work before the first step: `doing` in words, `done` of `total` (0 of 0: unknown)."""

    kind: ClassVar[str] = "preparing"
    doing: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The first step follows. `parameters` are the whole model's; `precision` is fp32, bf16 or fp16.

    `threads` are those that compute on a processor, `peak` the FLOP/s of the device at most; 0 where that is not known.
    """

    kind: ClassVar[str] = "started"
    total_steps: int
    steps_per_epoch: int
    parameters: int
    device: str
    precision: str
    resumed_at: int = 0
    threads: int = 0
    peak: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Event):
    """One optimizer step. `loss` is the mean per example, `memory` in bytes, `tokens_per_second` real tokens."""

    kind: ClassVar[str] = "step"
    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens_per_second: float
    memory: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauged(Event):
    """How the device does its work, every few seconds; 0.0 for what the machine cannot tell.

    `mfu` is the share of the device's peak FLOP/s that the model's own FLOPs made since the last time (the time of
    steps alone counts); `celsius` how warm the device is, `watts` what it took on average.
    """

    kind: ClassVar[str] = "gauged"
    step: int
    mfu: float = 0.0
    celsius: float = 0.0
    watts: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated(Event):
    """A measurement on a split; `metrics` by their common names, `best` if it is the best one so far.

    `details` is what the task's result view draws (per label, confusions); only at the end of a run.
    """

    kind: ClassVar[str] = "evaluated"
    step: int
    split: str
    metrics: Mapping[str, float]
    best: bool = False
    final: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Event):
    """A checkpoint is on disk, whole, `seconds` after it was taken; the training was held for `held` of them."""

    kind: ClassVar[str] = "saved"
    step: int
    path: str
    bytes: int
    seconds: float
    held: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something the person should know, in one sentence."""

    kind: ClassVar[str] = "noted"
    message: str
    level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised(Event):
    """What the watch-dog thinks of the run, in plain words, and the one thing to do about it.

    `about` is not_a_number, divergence, no_progress, plateau, over_fitting, dead_classes or leakage. `action` is stop
    (and keep the best), restart (with the recipe's values changed to those in `value`), rows (of the label in
    `value`), leakage (look for texts that are in training and held out) or '' for nothing.
    """

    kind: ClassVar[str] = "advised"
    step: int
    about: str
    message: str
    action: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack(Event):
    """The run went back to its state after `step`, and goes on from there in another way: `message` says why and how.

    Whatever was said of later steps is void.
    """

    kind: ClassVar[str] = "rolled_back"
    step: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled(Event):
    """What the model answers now to a few held-out rows, the same at each measurement.

    A sample is `{"text": …, "truth": …, "answer": …, "right": true or false}`, all in words; `right` may be missing
    where an answer is neither.
    """

    kind: ClassVar[str] = "sampled"
    step: int
    samples: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """The run waits at `step`; of its device's memory, `freed` bytes are given back meanwhile."""

    kind: ClassVar[str] = "paused"
    step: int
    freed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued(Event):
    """The run goes on after a pause."""

    kind: ClassVar[str] = "continued"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Event):
    """A sign of life; tells a hung engine from a busy one. Never written to the file."""

    kind: ClassVar[str] = "beat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Event):
    """The end. `reason` is completed, early_stopped or stopped; `metrics` those of the kept model on validation.

    `message` is a sentence about the result, or ''. `seconds` are those of the steps; `whole` all that the run took but
    its pauses; `memory` its peak in bytes.
    """

    kind: ClassVar[str] = "finished"
    step: int
    reason: str
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    whole: float = 0.0
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Event):
    """The run left with a checkpoint before its end (program closed); `resume` goes on from `step`."""

    kind: ClassVar[str] = "interrupted"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The run cannot go on: `message` is one sentence; `details` a traceback for the log when it is our bug."""

    kind: ClassVar[str] = "failed"
    message: str
    details: str = ""


KINDS: dict[str, type[Event]] = {
    one.kind: one
    for one in (
        Preparing,
        Started,
        StepDone,
        Gauged,
        Evaluated,
        Saved,
        Noted,
        Advised,
        RolledBack,
        Sampled,
        Paused,
        Continued,
        Beat,
        Finished,
        Interrupted,
        Failed,
    )
}
ENDS = (Finished, Interrupted, Failed)


def plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they travel as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def to_line(event: Event) -> str:
    """One line of JSON without its newline."""
    return json.dumps({"kind": event.kind, **plain(asdict(event))}, ensure_ascii=False, separators=(",", ":"))


def from_line(line: str) -> Event | None:
    """The event of a line; None for a torn line or a kind of a newer version."""
    try:
        told = json.loads(line)
        kind = KINDS[told.pop("kind")]
        known = {name: told[name] for name in kind.__dataclass_fields__ if name in told}
        for name in ("loss", "grad_norm", "learning_rate", "tokens_per_second"):
            if name in kind.__dataclass_fields__ and known.get(name, 0.0) is None:
                known[name] = math.nan
        return kind(**known)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
