"""How models that fill gaps learn: texts → tokens → blocks, some hidden → model → loss of the hidden ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Piece
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import foretold, masked_model, masking, packing, token_words
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.masked_model import MaskedParts
from desktop_llm.nets.packing import Blocks, Documents
from desktop_llm.nets.token_shelf import Shelf

TOP = 5
AT_ONCE = 4096
"""Tokens that are read at once where each is hidden in turn."""
MEAN, COUNT, RIGHT = 0, 1, 2
"""Columns of the outputs: the mean loss of a text's hidden tokens, how many they are, and how many are right."""


class Filler(Kept):
    """A model that foretells hidden tokens. A batch is blocks to learn from, or texts to be measured."""

    def __init__(self, parts: MaskedParts, recipe: Recipe | None = None) -> None:
        """Put the parts together; without a recipe it does not learn."""
        super().__init__(parts.model, parts.tokenizer)
        self._parts = parts
        self.shelf: Shelf | None = None
        self.notes: list[str] = []
        """What a person should know of how the texts are read."""
        told = recipe or Recipe()
        size = parts.model.config.vocab_size
        self._masking = masking.masking(parts.tokenizer, size, told.mlm_probability, whole_words=told.whole_word_mask)

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
            total=len(rows) if isinstance(rows, Sized) else 0,
            shelf=self.shelf,
        )

    def pack(self, examples: Documents) -> Blocks:
        """The blocks that are learned from; what stands in one is read together, whatever text it is of."""
        return examples.blocks()

    def narrow(self, examples: Sequence[Any]) -> None:
        """Any token may stand in for a hidden one: nothing can be left out."""

    def collate(self, examples: Documents | Blocks, indices: Sequence[int]) -> Batch:
        """Blocks with other tokens hidden each time, or texts with always the same ones; see `nets.masking`."""
        if isinstance(examples, Blocks):
            return self._masking.hide(examples.batch(indices, apart=False)["input_ids"])
        return masking.measured_batch(examples, indices, self._parts.mask)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of the hidden tokens."""
        ids = batch["input_ids"]
        rows = torch.arange(len(ids), device=ids.device)[:, None] * ids.shape[1]
        logits = self._logits((batch["hidden"] + rows).flatten(), input_ids=ids)
        losses = torch.nn.functional.cross_entropy(
            logits, batch["targets"].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return losses / (batch["targets"] != IGNORED).sum().clamp(min=1)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Mean loss, number of hidden tokens and how many were right; float32 [texts, 3]."""
        with torch.inference_mode():
            count = len(batch["texts"])
            told = np.zeros((3, count))  # in float64, which an Apple GPU has not
            if len(batch["places"]):
                inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
                if bool(batch["attention_mask"].all()):
                    del inputs["attention_mask"]
                logits = self._logits(batch["places"], **inputs)
                losses = torch.nn.functional.cross_entropy(logits, batch["targets"], reduction="none")
                owner, right = batch["owner"].cpu().numpy(), logits.argmax(dim=-1) == batch["targets"]
                told[MEAN] = np.bincount(owner, losses.cpu().numpy(), minlength=count)
                told[COUNT] = np.bincount(owner, minlength=count)
                told[RIGHT] = np.bincount(owner, right.cpu().numpy(), minlength=count)
            told[MEAN] /= np.maximum(1, told[COUNT])
            return torch.from_numpy(told.T.astype(np.float32))

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """How many nats a text's hidden tokens took and how many were right; the probability is that of one on average.

        Uncertainty is the mean loss as a share of that of a model that knows nothing.
        """
        highest = math.log(max(2, self.model.config.vocab_size))
        return [
            Prediction(
                label={"nats": row[MEAN] * row[COUNT], "tokens": int(row[COUNT]), "right": int(row[RIGHT])},
                probability=math.exp(-row[MEAN]) if row[COUNT] else 0.0,
                uncertainty=min(1.0, row[MEAN] / highest),
            )
            for row in outputs.double().tolist()
        ]

    def mean_loss(self, outputs: torch.Tensor, examples: Documents) -> float:
        """The mean loss of all hidden tokens."""
        mean, count = outputs[:, MEAN].double(), outputs[:, COUNT].double()
        return float((mean * count).sum() / count.sum().clamp(min=1))

    def filled(self, row: Row) -> list[Piece]:
        """A text with its gaps, written as the tokenizer's own mask, filled with the likeliest token for each.

        Raises UserError where it has none.
        """
        text, sign = str(row["text"]), str(self._tokenizer.mask_token)
        if sign not in text:
            raise UserError(f"This model fills gaps: write {sign} where a word is missing.")
        room = self._parts.max_length
        told = self._tokenizer(text, truncation=True, max_length=room, return_tensors="pt")
        ids = told["input_ids"].to(self.model.device)
        gaps = (ids[0] == self._parts.mask).nonzero().flatten()
        parts = text.split(sign)
        pieces = [Piece(text=parts[0], probability=1.0)] if parts[0] else []
        if not len(gaps):
            raise UserError(f"All gaps are behind the {room:,} tokens that the model reads; shorten the text.")
        with torch.inference_mode():
            chances = torch.softmax(self._logits(gaps, input_ids=ids), dim=-1)
            top = torch.topk(chances, min(TOP, chances.shape[1]), dim=-1)
        words = token_words.words_of(self._tokenizer, {int(one) for one in top.indices.flatten()}, self._parts.after)
        for at, rest in enumerate(parts[1:]):
            if at < len(gaps):
                likeliest = [
                    (words[int(one)], float(chance))
                    for one, chance in zip(top.indices[at], top.values[at], strict=True)
                ]
                word = str(self._tokenizer.decode([int(top.indices[at][0])])).strip()
                pieces.append(Piece(text=word, probability=likeliest[0][1], top=tuple(likeliest)))
            else:
                pieces.append(Piece(text=sign, probability=0.0))
            if rest:
                pieces.append(Piece(text=rest, probability=1.0))
        return pieces

    def foretold(self, row: Row) -> Iterator[tuple[Piece, int]]:
        """A text with the chance of each of its tokens where it alone is hidden (Salazar et al. 2020)."""
        ids, texts = foretold.cut(self._tokenizer, str(row["text"]))
        return foretold.pieces(self._tokenizer, ids, texts, self._one_by_one(ids), self._parts.after)

    def _one_by_one(self, ids: Sequence[int]) -> Iterator[torch.Tensor]:
        """What is said of each token of a text, of which nothing else is hidden; float32 [k, vocabulary]."""
        parts = self._parts
        room = max(1, parts.max_length - 2)
        for start in range(0, len(ids), room):
            line = torch.tensor([parts.before, *ids[start : start + room], parts.after], device=self.model.device)
            for places in torch.split(torch.arange(1, len(line) - 1), max(1, AT_ONCE // len(line))):
                rows = torch.arange(len(places))
                shown = line.repeat(len(places), 1)
                shown[rows, places] = parts.mask
                with torch.inference_mode():
                    said = self._logits((rows * len(line) + places).to(line.device), input_ids=shown)
                yield said

    def _logits(self, places: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """The logits float32 [k, vocabulary] at places of the flattened ids."""
        if self._parts.head is None:
            logits: torch.Tensor = self.model(**inputs).logits
            return logits.flatten(0, 1)[places].float()
        hidden = masked_model.hidden_of(self.model, **inputs).flatten(0, 1)[places]
        return self._parts.head(self.model, hidden).float()
