"""The contract between the engine and a task: what a task's `learn` room offers.

The engine owns the loop (batches, steps, precision, checkpoints); the task owns what a row means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch

from desktop_llm.jobs.generation import Piece
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.distillation import Lesson
    from desktop_llm.nets.token_shelf import Shelf

Row = Mapping[str, Any]
Batch = dict[str, torch.Tensor]
Outputs = torch.Tensor | list[torch.Tensor]
"""One row an example; a list where examples differ in how much there is to say of them."""
Report = Callable[[str, int, int], None]
"""Called as report(doing, done, total) during preparation; may raise Cancelled."""


class Examples(Protocol):
    """Rows encoded once, before the loop; kept as flat arrays."""

    @property
    def lengths(self) -> np.ndarray:
        """Cost of each example, in tokens (int64, shape [n])."""

    @property
    def strata(self) -> np.ndarray | None:
        """The class of each example (int64, shape [n]), to be spread evenly over an epoch; None where there is none."""

    def __len__(self) -> int:
        """The number of examples."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a learner is at one moment, but for the values of its tensors, which are copied by whoever asked.

    `tensors` are the model's own, on its device, by name. `write` puts the model, config and tokenizer of that moment
    into an existing folder, with the tensors it is given, copies on the CPU; another thread may call it while the
    model goes on learning.
    """

    tensors: Mapping[str, torch.Tensor]
    write: Callable[[Path, Mapping[str, torch.Tensor]], None]


class Learner(Protocol):
    """A model together with the way rows enter it and answers leave it."""

    @property
    def model(self) -> torch.nn.Module:
        """The network, whose parameters the engine changes in place."""

    def encode(self, rows: Iterable[Row], report: Report) -> Examples:
        """Encode rows; labels may be absent (prediction)."""

    def narrow(self, examples: Sequence[Any]) -> None:
        """Called once, after all rows of a run are encoded and before the first step.

        A learner may shrink here what is trained to what these examples can reach, as long as training and
        `save` give the same as without.
        """

    def collate(self, examples: Any, indices: Sequence[int]) -> Batch:
        """Pad the chosen examples into one batch on the CPU."""

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss per example of a batch on the model's device, a scalar that can be differentiated."""

    def outputs(self, batch: Batch) -> Outputs:
        """What prediction and loss are made from, one row an example, without gradient; float32, on the CPU."""

    def predictions(self, outputs: Any) -> list[Prediction]:
        """Outputs (of `outputs`, concatenated) to answers."""

    def mean_loss(self, outputs: Any, examples: Any) -> float:
        """The mean loss per example of outputs in the order of `examples`; NaN where none of them counts."""

    def captured(self) -> Captured:
        """What the learner is now, to be written while it goes on."""

    def save(self, folder: Path) -> None:
        """Write model, config with label names, and tokenizer in Hugging Face layout into an existing folder."""

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a folder written by `save` (resume, best model). Raises UserError."""


@runtime_checkable
class Adapting(Protocol):
    """A learner whose model can stay as it is, while small matrices learn beside its own (LoRA)."""

    def adapt(self, recipe: Recipe) -> None:
        """Put the matrices in, once and before `narrow`; they and the head alone learn from now on. Raises UserError.

        `save` then writes a model with them merged in, as if it had learned as a whole.
        """

    def save_adapter(self, folder: Path) -> None:
        """Write what was learned beside the model, in peft's layout, into an existing folder."""


@runtime_checkable
class Deciding(Protocol):
    """A learner that has more to choose than its weights, such as from which chance on it says yes."""

    def decide(self, outputs: Any, examples: Any) -> None:
        """Choose by the outputs of validation examples, which are then measured; `save` and `adopt` keep the choice."""


@runtime_checkable
class Packing(Protocol):
    """A learner whose rows are joined and cut anew to be learned from; measured are rows as they are."""

    def pack(self, examples: Any) -> Examples:
        """What is learned from, made of the encoded training rows; all of one length, in `lengths`."""


@runtime_checkable
class Shelving(Protocol):
    """A learner whose encoded rows may lie on the disk, however many they are, and are there for the next run."""

    shelf: Shelf | None
    """Where `encode` keeps and finds what it is asked for next; None: in memory."""


@runtime_checkable
class Noting(Protocol):
    """A learner that may have to say something of the rows that it has encoded."""

    notes: Sequence[str]
    """Sentences, empty where all is well."""


@runtime_checkable
class Sparing(Protocol):
    """A learner that measures less while it learns, where all of it would take too long."""

    sparing: bool
    """Whether it does now."""


@runtime_checkable
class Writing(Protocol):
    """A learner whose model writes on from what it is given, token by token."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What makes its tokens."""

    @property
    def context(self) -> int:
        """How many tokens it reads at most, what it writes included."""

    @property
    def ends(self) -> frozenset[int]:
        """The tokens by which it says that it has ended."""

    def opening(self, row: Row, wanted: int) -> list[int]:
        """The tokens that it goes on from, where at most `wanted` are to be written. Raises UserError."""


@runtime_checkable
class Filling(Protocol):
    """A learner whose model fills gaps in a text."""

    def filled(self, row: Row) -> list[Piece]:
        """The text with its gaps filled, piece by piece, each gap's with what else might stand there."""


@runtime_checkable
class Foretelling(Protocol):
    """A learner whose model says of each token of a text how probable it held it."""

    def foretold(self, row: Row) -> Iterator[tuple[Piece, int]]:
        """The text piece by piece, with how many tokens each is; what ends it is a piece of no text."""


@runtime_checkable
class Reading(Protocol):
    """A learner whose model reads one text by an encoder and writes another; `Writing.opening` begins the second."""

    def given(self, row: Row) -> list[int]:
        """The tokens that are read. Raises UserError."""


@runtime_checkable
class Referring(Protocol):
    """A learner that measures from its model as it was at the start: what that says of examples is asked only once."""

    @property
    def refers(self) -> bool:
        """Whether it does, by its recipe."""

    def at_start(self) -> Learner | None:
        """The model that it began with, loaded anew; None where that is gone. Raises UserError."""

    def digest(self, examples: Any) -> str:
        """A hash of all that the model is given of examples; what it says of them is the same for the same hash."""

    def refer(self, examples: Any, began: Outputs) -> None:
        """Let examples know the `outputs` of the model at the start for all of them."""


@runtime_checkable
class Taught(Protocol):
    """A learner that can learn from what a teacher says of its rows, which is asked of that only once."""

    def heard(self, examples: Any, teacher: Learner, said: Outputs) -> np.ndarray:
        """What a teacher's `outputs` for the rows of examples mean for the learner, float16, to be kept.

        NaN where the teacher says nothing. Raises UserError where it cannot teach this learner.
        """

    def taught(self, examples: Any, heard: np.ndarray, lesson: Lesson) -> Examples:
        """The examples with what was heard of them; in their batches it counts as the lesson says."""


@runtime_checkable
class Accompanied(Protocol):
    """A learner that asks its teacher at each step: what that says of all examples would be too much to keep."""

    def accompany(self, teacher: Learner, lesson: Lesson) -> None:
        """Learn from a teacher that stays in memory. Raises UserError where it cannot teach this learner."""


@runtime_checkable
class Naming(Protocol):
    """A learner whose answers are names of its own, whatever it is asked about."""

    def named(self) -> np.ndarray:
        """All tokens of these names."""


@runtime_checkable
class Partial(Protocol):
    """A learner of whose model not all is computed for each token of an example."""

    @property
    def sequences(self) -> int:
        """In how many parts of one length an example is read, none of which sees another."""

    @property
    def head_share(self) -> float:
        """For which share of the tokens that it learns from the head of its model is computed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a training pass thinks of the given labels of a batch, on the device and without gradient.

    `sure` float32 [b] the chance of the given label (of several classes: of the least sure one), `right` bool [b]
    whether it is the answer; `against` int64 [b] the class (its output) that speaks most against the label, and
    `against_sure` float32 [b] its chance (of several classes: the chance that the label is wrong about it).
    """

    sure: torch.Tensor
    right: torch.Tensor
    against: torch.Tensor
    against_sure: torch.Tensor


@runtime_checkable
class Judging(Protocol):
    """A learner whose training passes tell how sure it is of each example's label, at no further pass."""

    def judged_loss(self, batch: Batch) -> tuple[torch.Tensor, Judged]:
        """The loss as `loss` has it, and how the examples of the batch are judged."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as a model reads it: token ids, their places in the text (code points), and which stand for no text."""

    ids: Sequence[int]
    places: Sequence[tuple[int, int]]
    special: Sequence[bool]


@runtime_checkable
class Explaining(Protocol):
    """A learner whose answers are chances of classes, and can be traced back to the words of a text."""

    classes: tuple[str, ...]

    @property
    def model(self) -> torch.nn.Module:
        """The network."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What makes its tokens."""

    def pieces(self, row: Row) -> Pieces:
        """What is read of a row. Raises UserError for a tokenizer that does not say where its tokens are."""

    def logits(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [b, classes] of a batch on the model's device; they can be differentiated."""

    def chances(self, logits: torch.Tensor) -> torch.Tensor:
        """The chance of each class, [b, classes]."""


class LearnRoom(Protocol):
    """The functions of a task's `learn` module."""

    def build(self, job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Learner:
        """A learner at its start.

        `rows(split)` reads the snapshot. `source` is a folder written by `save` (a checkpoint) to take config
        and tokenizer from instead of the recipe's start; its weights are adopted later. Raises UserError.
        """

    def load(self, folder: Path) -> Learner:
        """A learner from a folder written by `save` or exported, for prediction. Raises UserError."""
