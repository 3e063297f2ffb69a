"""What learners share whose model foretells the next token: their loss, and that they can write on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe_prompt import SILENT_TEACHER
from desktop_llm.nets import attention, causal_model, distillation, foretold, head_loss, model_folder, varlen
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.distillation import Lesson, Said
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Learner


class CausalKept(Kept):
    """A batch has `input_ids` and `labels`, the tokens behind them; where texts share a block, see `nets.packing`."""

    def __init__(self, parts: CausalParts) -> None:
        """Put the parts together."""
        super().__init__(parts.model, parts.tokenizer)
        self._parts, self._smoothing = parts, 0.0
        self._teacher: CausalKept | None = None
        self._lesson: Lesson | None = None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What makes its tokens."""
        return self._tokenizer

    @property
    def context(self) -> int:
        """How many tokens the model can read at once, however short the texts were that it learned from."""
        return model_folder.longest(self.model.config, causal_model.UNLIMITED)

    @property
    def widest(self) -> int:
        """How many tokens it is given at once at most, while it learns."""
        return self._parts.max_length

    @property
    def ends(self) -> frozenset[int]:
        """The token that ends a text, and what the model's own settings say beside it."""
        told = getattr(self.model.generation_config, "eos_token_id", None)
        more = told if isinstance(told, list) else [] if told is None else [told]
        return frozenset((self._parts.after, *(int(one) for one in more)))

    def narrow(self, examples: Sequence[Any]) -> None:
        """Every token may be foretold: nothing can be left out."""

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of all tokens that count."""
        said, labels = self.says(batch), batch["labels"].flatten()
        if self._teacher is not None and self._lesson is not None:
            heard = self._teacher.heard_at(batch)
            return distillation.token_loss(self._lesson, said, heard, labels, smoothing=self._smoothing)
        if said.head is None:
            return torch.nn.functional.cross_entropy(
                said.states.float(), labels, ignore_index=head_loss.IGNORED, label_smoothing=self._smoothing
            )
        return head_loss.mean_loss(said.states, said.head, labels, smoothing=self._smoothing)

    def says(self, batch: Batch) -> Said:
        """What the model says of each token of a batch: hidden states and head, or logits where it has no plain one."""
        inputs = self.inputs(batch)
        if not self._parts.plain_head:
            return Said(causal_model.logits_of(self.model, **inputs).flatten(0, 1), None)
        hidden = causal_model.hidden_of(self.model, **inputs).flatten(0, 1)
        return Said(hidden, causal_model.head_of(self.model))

    def heard_at(self, batch: Batch) -> Said:
        """The same, from a teacher: without gradient, on the device of the batch."""
        model: torch.nn.Module = self.model
        model.to(batch["input_ids"].device)
        with torch.no_grad():
            return self.says(batch)

    def accompany(self, teacher: Learner, lesson: Lesson) -> None:
        """Learn what a teacher with the same tokens says of each, beside the token that is there."""
        if not isinstance(teacher, CausalKept):
            raise UserError(SILENT_TEACHER)
        if teacher.tokenizer.get_vocab() != self._tokenizer.get_vocab():
            raise UserError(
                "The teacher has other tokens than the model that is to learn, and a model that writes learns from one "
                "with the same; start from scratch (which takes those of the teacher), or choose another one."
            )
        if teacher.context < self.widest:
            raise UserError(
                f"The teacher reads {teacher.context:,} tokens at once, the run {self.widest:,}; lower “max_length” by "
                f"{self.widest - teacher.context:,}, or choose a teacher that reads more."
            )
        teacher.model.requires_grad_(False).train(False)
        self._teacher, self._lesson = teacher, lesson

    def with_starts(self, batch: Batch, most: int) -> Batch:
        """A batch whose lines hold at most so many texts, with where these begin where the device needs no more."""
        if self._parts.by_starts and "documents" in batch and varlen.there(self.model.device):
            batch["starts"] = varlen.starts(batch["position_ids"].numpy(), most)
        return batch

    def inputs(self, batch: Batch) -> dict[str, Any]:
        """What the model is given of a batch."""
        if "documents" not in batch or not self._parts.apart:
            return {"input_ids": batch["input_ids"]}
        if "starts" in batch and self._parts.by_starts:
            told: dict[str, Any] = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"]}
            return told | attention.apart(batch["starts"], batch["input_ids"].shape[1])
        return {
            "input_ids": batch["input_ids"],
            "position_ids": batch["position_ids"],
            "attention_mask": attention.mask_of(batch["documents"], self.precision(batch["input_ids"].device)),
        }

    def logits(self, whole: Sequence[int]) -> Iterator[torch.Tensor]:
        """What is said of each token of `whole` but the first, window by window; float32 [k, vocabulary]."""
        size = self._parts.max_length
        for start in range(0, len(whole) - 1, size):
            ids = torch.tensor([whole[start : start + size + 1][:-1]], device=self.model.device)
            read = causal_model.hidden_of if self._parts.plain_head else causal_model.logits_of
            with torch.inference_mode():
                told = read(self.model, input_ids=ids)[0]
            for some in torch.split(told, foretold.AT_ONCE):
                with torch.inference_mode():
                    said = some @ causal_model.head_of(self.model).t() if self._parts.plain_head else some
                yield said.float()

    def precision(self, device: torch.device) -> torch.dtype:
        """In which masks are made."""
        kind = device.type
        return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32

    def measured(
        self, ids: torch.Tensor, labels: torch.Tensor, ends: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of each token [windows, longest], and the logits float32 [ends, vocabulary] behind texts.

        `ends` are places in the flattened ids.
        """
        if not self._parts.plain_head:
            logits = causal_model.logits_of(self.model, input_ids=ids).float().flatten(0, 1)
            losses = torch.nn.functional.cross_entropy(
                logits, labels.flatten(), ignore_index=head_loss.IGNORED, reduction="none"
            )
            return losses.view(labels.shape), logits[ends]
        hidden = causal_model.hidden_of(self.model, input_ids=ids).flatten(0, 1)
        head = causal_model.head_of(self.model)
        losses = head_loss.losses(hidden, head, labels.flatten())
        return losses.view(labels.shape), (hidden[ends] @ head.t()).float()
