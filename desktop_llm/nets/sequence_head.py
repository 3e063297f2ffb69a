"""What learners of whole texts share: an encoder with a head, its tokenizer, and the way texts pass through both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe_teacher
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import attention, distillation, tokens
from desktop_llm.nets.distillation import Lesson
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Judged, Learner, Outputs, Pieces, Report, Row
from desktop_llm.nets.sequence_model import Parts
from desktop_llm.nets.tokens import Target, TokenRows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FAR = 20
"""A text with so many characters for each token that is read of it is far too long for it."""


class SequenceHead(Kept, ABC):
    """A learner without its target: each task says what a label is, how far off an answer is, and what is answered.

    `classes` are the label names in the order of the model's outputs.
    """

    def __init__(self, parts: Parts, label_smoothing: float = 0.0) -> None:
        """Put the parts together."""
        super().__init__(parts.model, parts.tokenizer)
        self.classes = parts.classes
        self._max_length = parts.max_length
        self._smoothing = label_smoothing
        self._lesson: Lesson | None = None
        self.notes: list[str] = []
        """What a person should know of what was encoded."""
        self._numbers = {name: place for place, name in enumerate(self.classes)}

    def target(self, label: Any) -> Target:
        """A label in names, or None, as a number; −1 for none and for one that the model does not know."""
        return -1 if label is None else self._numbers.get(str(label), -1)

    def told_by(self, said: np.ndarray) -> np.ndarray:
        """What logits float16 [n, classes] of a teacher say, as `target` has it: its answer, where nobody gave one."""
        told: np.ndarray = said.argmax(axis=1)
        return told

    @abstractmethod
    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """The mean loss of logits float32 [b, classes] against `targets` as `target` made them, [b] or [b, …]."""

    @abstractmethod
    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """Logits float32 [n, classes] to answers."""

    def chances(self, logits: torch.Tensor) -> torch.Tensor:
        """The chance of each class, [n, classes], where a text has one of them."""
        return torch.softmax(logits, dim=-1)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What makes its tokens."""
        return self._tokenizer

    def pieces(self, row: Row) -> Pieces:
        """See `nets.tokens.pieces`."""
        return tokens.pieces(self._tokenizer, str(row["text"]), self._max_length)

    def encode(self, rows: Iterable[Row], report: Report) -> TokenRows:
        """Texts to token ids and labels to targets."""
        far = 0

        def pairs() -> Iterator[tuple[str, Target]]:
            nonlocal far
            for row in rows:  # one by one: they may be more than the memory holds
                text = str(row["text"])
                far += len(text) > FAR * self._max_length
                yield text, self.target(row.get("label"))

        made = tokens.encode(self._tokenizer, pairs(), self._max_length, report)
        if far:
            self.notes.append(
                f"{far:,} texts are far longer than the {self._max_length:,} tokens that are read of each; what comes "
                "behind is not seen (“max_length” raises it)."
            )
        return made

    def narrow(self, examples: Sequence[TokenRows]) -> None:
        """Train only the word embeddings that the run's texts use; exact, see `nets.compact_embedding`."""
        self.narrow_to([one.ids for one in examples])

    def collate(self, examples: TokenRows, indices: Sequence[int]) -> Batch:
        """A padded batch: input_ids, labels, and attention_mask where something is padded."""
        # a GPU computes in steps of eight, and is quicker with few shapes
        steps = 8 if self.model.device.type == "cuda" and self._max_length % 8 == 0 else 1
        return tokens.pad(examples, indices, self._pad, steps)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of a batch, with label smoothing as in the recipe."""
        return self._loss(self.logits(batch), batch)

    def judged_loss(self, batch: Batch) -> tuple[torch.Tensor, Judged]:
        """The loss, and how sure the model is of the given labels."""
        logits = self.logits(batch)
        with torch.no_grad():
            judged = self.judge(logits.detach(), batch["labels"])
        return self._loss(logits, batch), judged

    def soft_losses(self, logits: torch.Tensor, said: torch.Tensor, temperature: float) -> torch.Tensor:
        """How far logits [b, classes] are from those that a teacher said, float32 [b]."""
        return distillation.losses(logits, said, temperature)

    def heard(self, examples: TokenRows, teacher: Learner, said: Outputs) -> np.ndarray:
        """A teacher's logits float16 [n, classes], in the order of the own classes."""
        names = getattr(teacher, "classes", None)
        if names is None or not isinstance(said, torch.Tensor) or said.shape[1:] != (len(names),):
            raise UserError("The teacher does not answer as this model is to; choose one of the same task.")
        if not isinstance(teacher, SequenceHead):
            # one that is asked by a prompt says log-probabilities of names, so far below 0 that float16 would tell
            # them badly apart: only their differences count
            said = torch.log_softmax(said.float(), dim=-1)
        return distillation.kept(said[:, recipe_teacher.columns(self.classes, names)])

    def taught(self, examples: TokenRows, heard: np.ndarray, lesson: Lesson) -> TokenRows:
        """The examples with a teacher's logits; its answer is the label of those that have none."""
        self._lesson = lesson
        targets = examples.targets.copy()
        nobody = targets.reshape(len(targets), -1).min(axis=1, initial=0) < 0
        targets[nobody] = self.told_by(heard[nobody])
        return replace(examples, said=heard, targets=targets)

    def judge(self, logits: torch.Tensor, targets: torch.Tensor) -> Judged:
        """What logits float32 [b, classes] say of labels that are one class each, int64 [b]."""
        chances = torch.softmax(logits, dim=-1)
        sure = chances.gather(1, targets[:, None]).squeeze(1)
        against_sure, against = chances.scatter(1, targets[:, None], -1.0).max(dim=1)
        return Judged(sure, sure >= against_sure, against, against_sure.clamp(min=0.0))

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [b, classes] on the CPU."""
        with torch.inference_mode():
            return self.logits(batch).cpu()

    def mean_loss(self, outputs: torch.Tensor, examples: TokenRows) -> float:
        """The mean loss (without smoothing) of the examples that have a label; 0 when none has."""
        targets = torch.from_numpy(examples.targets)
        known = (targets if targets.ndim == 1 else targets.amin(dim=-1)) >= 0
        if not bool(known.any()):
            return 0.0
        return float(self.loss_of(outputs[known], targets[known], 0.0))

    def _loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        hard = self.loss_of(logits, batch["labels"], self._smoothing)
        if self._lesson is None or "said" not in batch:
            return hard
        return self._lesson.mixed(hard, self.soft_losses(logits, batch["said"], self._lesson.temperature).mean())

    def logits(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [b, classes]; they can be differentiated."""
        inputs: dict[str, Any] = {"input_ids": batch["input_ids"]}
        if "attention_mask" in batch:
            inputs["attention_mask"] = batch["attention_mask"]
        attention.use_fitting(self.model, batch["input_ids"])
        logits: torch.Tensor = self.model(**inputs).logits
        return logits.float()
