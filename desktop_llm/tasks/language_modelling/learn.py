"""How this task learns: texts → tokens → blocks → model → loss of each next token → how odd a text is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path

import numpy as np
import torch

from desktop_llm.jobs.generation import Piece
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.jobs.recipe_texts import MASKED
from desktop_llm.nets import causal_model, foretold, head_loss, masked_model, model_folder, packing, token_words
from desktop_llm.nets.causal_kept import CausalKept
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.filler import Filler
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.packing import Blocks, Documents
from desktop_llm.nets.token_shelf import Shelf
from desktop_llm.paths import expanded

TOP = 5
AT_ONCE = 16_384
"""Tokens that are measured at once."""
MEAN, COUNT, NEXT = 0, 1, 2
"""Columns of the outputs: the mean loss of a text's tokens, how many they are, then TOP ids and their chances."""


class Writer(CausalKept):
    """A model that foretells the next token. A batch is blocks to learn from, or texts to be measured."""

    def __init__(self, parts: CausalParts) -> None:
        """Put the parts together."""
        super().__init__(parts)
        self._apart, self._most = False, 0
        self.shelf: Shelf | None = None
        self.notes: list[str] = []
        """What a person should know of how the texts are read."""

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
        """The blocks that are learned from."""
        blocks = examples.blocks()
        self._apart, self._most = self._parts.apart and blocks.cut, blocks.most
        return blocks

    def collate(self, examples: Documents | Blocks, indices: Sequence[int]) -> Batch:
        """Blocks, or texts in windows; see `nets.packing`."""
        if isinstance(examples, Blocks):
            return self.with_starts(examples.batch(indices, apart=self._apart), self._most)
        return packing.texts_batch(examples, indices)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Mean loss, number of tokens, likeliest next tokens and their chances; float32 [texts, 2 + 2 × TOP]."""
        with torch.inference_mode():
            ids, labels, owner, ends = batch["input_ids"], batch["labels"], batch["owner"], batch["ends"]
            count = len(ends)
            nats, tokens, owners = np.zeros(count), np.zeros(count), owner.cpu().numpy()
            chances = torch.zeros(count, self.model.config.get_text_config().vocab_size, device=ids.device)
            width = ids.shape[1]
            step = max(1, AT_ONCE // width)
            for start in range(0, len(ids), step):
                part = slice(start, start + step)
                here = (ends >= start * width) & (ends < (start + step) * width)
                losses, after = self.measured(ids[part], labels[part], ends[here] - start * width)
                np.add.at(nats, owners[part], head_loss.sums(losses))
                np.add.at(tokens, owners[part], head_loss.sums(labels[part] != head_loss.IGNORED))
                chances[here] = torch.softmax(after, dim=-1)
            top = torch.topk(chances, min(TOP, chances.shape[1]), dim=-1)
            figures = torch.from_numpy(np.stack([nats / tokens, tokens], axis=1).astype(np.float32))
            return torch.cat([figures, top.indices.float().cpu(), top.values.cpu()], dim=1)

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """How many nats a text took; its probability is that of a token on average, as the geometric mean.

        Uncertainty is the mean loss as a share of that of a model that knows nothing; `top` is what comes next.
        """
        highest = math.log(max(2, self.model.config.get_text_config().vocab_size))
        size = (outputs.shape[1] - NEXT) // 2
        ids = sorted({int(one) for one in outputs[:, NEXT : NEXT + size].flatten()})
        words = token_words.words_of(self._tokenizer, ids, self._parts.after)
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

    def foretold(self, row: Row) -> Iterator[tuple[Piece, int]]:
        """A text with the chance of each of its tokens, and of its end."""
        ids, texts = foretold.cut(self._tokenizer, str(row["text"]))
        whole = [self._parts.before, *ids, self._parts.after]
        return foretold.pieces(self._tokenizer, whole[1:], [*texts, None], self.logits(whole), self._parts.after)

    def opening(self, row: Row, wanted: int) -> list[int]:
        """A text as it stands; of one that leaves no room for what is wanted, its end."""
        ids = self._tokenizer(str(row["text"]), add_special_tokens=False, truncation=False)["input_ids"]
        room = self.context - min(wanted, self.context // 2)
        return [self._parts.before, *ids][-room:]


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Writer | Filler:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""

    def texts() -> Iterable[str]:
        return (str(row["text"]) for row in rows("train"))

    made: Writer | Filler
    if job.recipe.objective == MASKED:
        made = Filler(masked_model.start(job, texts, source, report), job.recipe)
    else:
        made = _writer(job, texts, source, report)
    if said := model_folder.shorter(made.model.config, job.recipe.max_length):
        made.notes.append(said)
    return made


def _writer(job: Job, texts: Callable[[], Iterable[str]], source: Path | None, report: Report) -> Writer:
    if job.recipe.model != SCRATCH and source is None:
        masked_model.check_writes(expanded(job.recipe.model))
    return Writer(causal_model.start(job, texts, source, report))


def load(folder: Path) -> Writer | Filler:
    """A finished model."""
    if masked_model.fills(folder):
        return Filler(masked_model.finished(folder))
    parts = causal_model.finished(folder)
    parts.model.train(False)
    return Writer(parts)
