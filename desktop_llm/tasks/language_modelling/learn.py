"""How this task learns: texts → tokens → blocks → model → loss of each next token → how odd a text is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import attention, causal_model, head_loss, packing
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.packing import Blocks, Documents

TOP = 5
AT_ONCE = 16_384
"""Tokens that are measured at once."""
MEAN, COUNT, NEXT = 0, 1, 2
"""Columns of the outputs: the mean loss of a text's tokens, how many they are, then TOP ids and their chances."""


class Writer(Kept):
    """A model that foretells the next token. A batch is blocks to learn from, or texts to be measured."""

    def __init__(self, parts: CausalParts) -> None:
        """Put the parts together."""
        super().__init__(parts.model, parts.tokenizer)
        self._parts = parts
        self._apart = False

    def encode(self, rows: Iterable[Row], report: Report) -> Documents:
        """Texts to token ids."""
        parts = self._parts
        return packing.encode(
            parts.tokenizer,
            (str(row["text"]) for row in rows),
            before=parts.before,
            after=parts.after,
            size=parts.max_length,
            report=report,
        )

    def pack(self, examples: Documents) -> Blocks:
        """The blocks that are learned from."""
        blocks = examples.blocks()
        self._apart = self._parts.apart and blocks.cut
        return blocks

    def narrow(self, examples: Sequence[Documents | Blocks]) -> None:
        """Every token may be foretold: nothing can be left out."""

    def collate(self, examples: Documents | Blocks, indices: Sequence[int]) -> Batch:
        """Blocks, or texts in windows; see `nets.packing`."""
        if isinstance(examples, Blocks):
            return examples.batch(indices, apart=self._apart)
        return packing.texts_batch(examples, indices)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of all tokens."""
        inputs, labels = self._inputs(batch), batch["labels"].flatten()
        if not self._parts.plain_head:
            logits = causal_model.logits_of(self.model, **inputs)
            return torch.nn.functional.cross_entropy(
                logits.float().flatten(0, 1), labels, ignore_index=head_loss.IGNORED
            )
        hidden = causal_model.hidden_of(self.model, **inputs)
        return head_loss.mean_loss(hidden.flatten(0, 1), causal_model.head_of(self.model), labels)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Mean loss, number of tokens, likeliest next tokens and their chances; float32 [texts, 2 + 2 × TOP]."""
        with torch.inference_mode():
            ids, labels, owner, ends = batch["input_ids"], batch["labels"], batch["owner"], batch["ends"]
            count = len(ends)
            nats = torch.zeros(count, dtype=torch.float64, device=ids.device)
            tokens = torch.zeros(count, dtype=torch.float64, device=ids.device)
            chances = torch.zeros(count, self.model.config.get_text_config().vocab_size, device=ids.device)
            width = ids.shape[1]
            step = max(1, AT_ONCE // width)
            for start in range(0, len(ids), step):
                part = slice(start, start + step)
                here = (ends >= start * width) & (ends < (start + step) * width)
                losses, after = self._measured(ids[part], labels[part], ends[here] - start * width)
                nats.index_add_(0, owner[part], losses.double().sum(dim=1))
                tokens.index_add_(0, owner[part], (labels[part] != head_loss.IGNORED).double().sum(dim=1))
                chances[here] = torch.softmax(after, dim=-1)
            top = torch.topk(chances, min(TOP, chances.shape[1]), dim=-1)
            columns = [(nats / tokens)[:, None], tokens[:, None], top.indices, top.values]
            return torch.cat([one.float() for one in columns], dim=1).cpu()

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """How many nats a text took; its probability is that of a token on average, as the geometric mean.

        Uncertainty is the mean loss as a share of that of a model that knows nothing; `top` is what comes next.
        """
        highest = math.log(max(2, self.model.config.get_text_config().vocab_size))
        size = (outputs.shape[1] - NEXT) // 2
        words = self._words(sorted({int(one) for one in outputs[:, NEXT : NEXT + size].flatten()}))
        return [
            Prediction(
                label={"nats": row[MEAN] * row[COUNT], "tokens": int(row[COUNT])},
                probability=math.exp(-row[MEAN]),
                uncertainty=min(1.0, row[MEAN] / highest),
                top=tuple(
                    (words[int(token)], chance)
                    for token, chance in zip(row[NEXT : NEXT + size], row[NEXT + size :], strict=True)
                ),
            )
            for row in outputs.double().tolist()
        ]

    def mean_loss(self, outputs: torch.Tensor, examples: Documents) -> float:
        """The mean loss of all tokens."""
        mean, count = outputs[:, MEAN].double(), outputs[:, COUNT].double()
        return float((mean * count).sum() / count.sum().clamp(min=1))

    def _inputs(self, batch: Batch) -> dict[str, torch.Tensor]:
        if "documents" not in batch:
            return {"input_ids": batch["input_ids"]}
        kind = batch["input_ids"].device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        return {
            "input_ids": batch["input_ids"],
            "position_ids": batch["position_ids"],
            "attention_mask": attention.mask_of(batch["documents"], precision),
        }

    def _measured(
        self, ids: torch.Tensor, labels: torch.Tensor, ends: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of each token [windows, longest], and the logits float32 [ends, vocabulary] behind texts."""
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

    def _words(self, ids: Sequence[int]) -> dict[int, str]:
        """Tokens as a person reads them."""
        told = {}
        for token in ids:
            text = str(self._tokenizer.decode([token]))
            if token == self._parts.after:
                text = "⟨end⟩"
            elif "\ufffd" in text:
                text = str(self._tokenizer.convert_ids_to_tokens(token))
            told[token] = text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣") or f"⟨{token}⟩"
        return told


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Writer:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    return Writer(causal_model.start(job, lambda: (str(row["text"]) for row in rows("train")), source, report))


def load(folder: Path) -> Writer:
    """A finished model."""
    parts = causal_model.finished(folder)
    parts.model.train(False)
    return Writer(parts)
