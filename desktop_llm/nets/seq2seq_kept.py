"""What learners share whose model reads one text and writes another: their loss, and that they write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from desktop_llm.nets import attention, head_loss, model_folder, seq2seq_model
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Report
from desktop_llm.nets.seq2seq_model import SeqParts
from desktop_llm.nets.source_target import Pair, TextPairs, encode

INPUTS = ("input_ids", "attention_mask", "decoder_input_ids")
LONGER = 1.25
"""How much longer than the longest known target a text may become."""
MORE = 8


class SeqKept(Kept):
    """A batch is what `nets.source_target` makes."""

    def __init__(self, parts: SeqParts, smoothing: float = 0.0) -> None:
        """Put the parts together; `smoothing` is that of labels."""
        super().__init__(parts.model, parts.tokenizer)
        self._parts, self._smoothing = parts, smoothing
        self._mean_tokens = 0.0

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What makes its tokens."""
        return self._tokenizer

    @property
    def context(self) -> int:
        """How many tokens the model reads, and how many it writes, at most."""
        return model_folder.longest(self.model.config, seq2seq_model.UNLIMITED)

    @property
    def ends(self) -> frozenset[int]:
        """The token that ends a text, and what the model's own settings say beside it."""
        told = getattr(self.model.generation_config, "eos_token_id", None)
        more = told if isinstance(told, list) else [] if told is None else [told]
        return frozenset((self._parts.end, *(int(one) for one in more)))

    @property
    def sequences(self) -> int:
        """The text and what it becomes."""
        return 2

    @property
    def head_share(self) -> float:
        """About half of the tokens are written."""
        return 0.5

    def narrow(self, examples: Sequence[TextPairs]) -> None:
        """Texts are written as long as those that are known; the words of both sides are one table, which stays."""
        longest = max((int(one.sizes.max()) for one in examples if len(one)), default=0)
        manner = self.model.generation_config
        if longest and manner is not None:
            manner.max_length = min(self.context, int(LONGER * longest) + MORE)
            manner.min_length = 0  # a folder's own would make short texts long

    def collate(self, examples: TextPairs, indices: Sequence[int]) -> Batch:
        """See `nets.source_target`."""
        return examples.batch(indices)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The loss of all tokens that count, per text of average length: slices of a batch add up to it."""
        labels = batch["labels"].flatten()
        if self._parts.scale is None:
            logits = seq2seq_model.logits_of(self.model, **_inputs(batch)).float().flatten(0, 1)
            mean = torch.nn.functional.cross_entropy(
                logits, labels, ignore_index=head_loss.IGNORED, label_smoothing=self._smoothing
            )
        else:
            mean = head_loss.mean_loss(
                self._hidden(batch),
                seq2seq_model.head_of(self.model),
                labels,
                bias=self._bias(),
                smoothing=self._smoothing,
            )
        counted = (labels != head_loss.IGNORED).sum()
        return mean * (counted / (len(batch["labels"]) * max(1.0, self._mean_tokens)))

    def measured(self, batch: Batch) -> torch.Tensor:
        """The loss of each token, float32 [b, longest target]; 0 where it does not count."""
        labels = batch["labels"]
        if self._parts.scale is None:
            logits = seq2seq_model.logits_of(self.model, **_inputs(batch)).float().flatten(0, 1)
            told = torch.nn.functional.cross_entropy(
                logits, labels.flatten(), ignore_index=head_loss.IGNORED, reduction="none"
            )
            return told.view(labels.shape)
        head = seq2seq_model.head_of(self.model)
        return head_loss.losses(self._hidden(batch), head, labels.flatten(), bias=self._bias()).view(labels.shape)

    def written(self, ids: torch.Tensor, seen: torch.Tensor | None, most: int = 0) -> list[list[int]]:
        """What the model makes of texts in its own manner, as `generate` has it; what begins and ends it left out.

        `most`: in tokens, where its manner is not to say.
        """
        mask = torch.ones_like(ids) if seen is None else seen
        manner = self.model.generation_config
        says = manner is not None and (manner.max_length is not None or manner.max_new_tokens is not None)
        more = {} if says and not most else {"max_length": min(self.context, most or self.context)}
        with self.as_kept():
            told = self.model.generate(input_ids=ids, attention_mask=mask, **more)  # type: ignore[operator]
        ends = self.ends
        lines = []
        for line in told[:, 1:].tolist():
            end = next((place for place, token in enumerate(line) if token in ends), len(line))
            lines.append(line[:end])
        return lines

    def encoded(self, pairs: Iterable[Pair], report: Report) -> TextPairs:
        """Pairs to tokens. What is encoded first is trained on: its average length is the measure of all batches."""
        parts = self._parts
        made = encode(parts.tokenizer, pairs, size=parts.max_length, begin=parts.begin, end=parts.end, report=report)
        known = made.sizes[made.sizes > 0]
        self._mean_tokens = self._mean_tokens or (float(known.mean()) if len(known) else 0.0)
        return made

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a saved folder, and whether there is a bias among them. Raises UserError."""
        super().adopt(folder)
        self._parts = replace(self._parts, biased=seq2seq_model.is_biased(self.model))

    def _bias(self) -> torch.Tensor | None:
        return seq2seq_model.bias_of(self.model) if self._parts.biased else None

    def _hidden(self, batch: Batch) -> torch.Tensor:
        longest = max(batch["input_ids"].shape[1], batch["labels"].shape[1])
        attention.use_fitting(self.model, batch["input_ids"], longest)
        hidden = seq2seq_model.hidden_of(self.model, **_inputs(batch)).flatten(0, 1)
        return hidden if self._parts.scale == 1.0 else hidden * float(self._parts.scale or 1.0)


def _inputs(batch: Batch) -> dict[str, Any]:
    return {name: batch[name] for name in INPUTS if name in batch}
