"""What learners share that learn answers in blocks, and measure and write them; `nets.answers` makes their batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import GenerationConfig

from desktop_llm.nets import answers, attention, head_loss
from desktop_llm.nets.answers import AnswerBlocks, Conversations
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.chat_kept import ChatKept
from desktop_llm.nets.chat_template import PLAIN
from desktop_llm.nets.learner import Batch

AT_ONCE = 16_384
"""Tokens that are measured at once."""
WRITTEN_AT_ONCE = 16
"""Answers that are written at once: what is remembered of each takes memory."""
SHORT = 64
"""Tokens of an answer that is compared at most, and of what is written for it."""
LONG = 256
"""Tokens of an answer that somebody waits for."""
MEAN, COUNT, WRITTEN, FIRST = 0, 1, 2, 3
"""What an output begins with: the mean loss of the answers' tokens, how many, whether one was written; then its ids."""


class AnswerKept(ChatKept):
    """A model that answers. A batch is blocks to learn from, or conversations to be measured and answered."""

    def __init__(self, parts: CausalParts, where: Path, plain: str = PLAIN) -> None:
        """Put the parts together, see `ChatKept`. Raises UserError."""
        super().__init__(parts, where, plain)
        self._apart, self._most = False, 0

    def blocked(self, examples: Conversations) -> AnswerBlocks:
        """The blocks that are learned from."""
        blocks = examples.blocks(joined=self._parts.apart)
        self._apart, self._most = self._parts.apart and blocks.joined, blocks.most
        return blocks

    def collate(self, examples: Conversations | AnswerBlocks, indices: Sequence[int]) -> Batch:
        """Blocks, or conversations one by one; see `nets.answers`."""
        if isinstance(examples, AnswerBlocks):
            return self.with_starts(examples.batch(indices, apart=self._apart), self._most)
        return answers.measured_batch(examples, indices)

    def outputs(self, batch: Batch) -> list[torch.Tensor]:
        """For each conversation: the mean loss of its answers, their tokens, 1 or 0, and the tokens written."""
        with torch.inference_mode():
            means, counts = self._losses(batch["input_ids"], batch["labels"])
            told = [[mean, count, 0.0] for mean, count in zip(means, counts, strict=True)]
            if "asked" in batch:
                self._answer(batch, told)
        return [torch.tensor(one, dtype=torch.float32) for one in told]

    def mean_loss(self, outputs: Sequence[torch.Tensor], examples: Conversations) -> float:
        """The mean loss of all tokens of answers."""
        told = torch.stack([one[:WRITTEN] for one in outputs]).double()
        return float((told[:, MEAN] * told[:, COUNT]).sum() / told[:, COUNT].sum().clamp(min=1))

    def answer_of(self, output: torch.Tensor) -> str | None:
        """The text that an output says was written, without what ends it; None where nothing was asked."""
        if not output[WRITTEN]:
            return None
        ids = [int(token) for token in output[FIRST:]]
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def _losses(self, ids: torch.Tensor, labels: torch.Tensor) -> tuple[list[float], list[int]]:
        """The mean loss of what counts in each line, and how much that is."""
        nats, counts = [], []
        nowhere = torch.zeros(0, dtype=torch.int64, device=ids.device)
        step = max(1, AT_ONCE // ids.shape[1])
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            losses, _ = self.measured(ids[part], labels[part], nowhere)
            nats.extend(head_loss.sums(losses).tolist())
            counts.extend((labels[part] != head_loss.IGNORED).sum(dim=1).tolist())
        return [one / max(1, count) for one, count in zip(nats, counts, strict=True)], counts

    def _answer(self, batch: Batch, told: list[list[float]]) -> None:
        """Write answers into `told`; where there was none to be measured, what was written is measured itself."""
        openings, seen, asked = batch["openings"], batch["seen"], batch["asked"].tolist()
        waited = not bool((batch["labels"] != head_loss.IGNORED).any())
        most = self._longest(batch, waited=waited)
        written = [
            line
            for start in range(0, len(openings), WRITTEN_AT_ONCE)
            for line in self._written(
                openings[start : start + WRITTEN_AT_ONCE], seen[start : start + WRITTEN_AT_ONCE], most
            )
        ]
        for number, (line, ids) in enumerate(zip(asked, written, strict=True)):
            told[line][WRITTEN:] = [1.0, *map(float, ids)]
            if not waited:
                continue
            given = openings[number][seen[number].bool()]
            said_ids = torch.tensor(ids, dtype=torch.int64, device=given.device)
            whole = torch.cat([given, said_ids])
            labels = torch.full_like(whole, head_loss.IGNORED)
            labels[len(given) :] = said_ids
            if len(said_ids):
                means, counts = self._losses(whole[None, :-1], labels[None, 1:])
                told[line][MEAN], told[line][COUNT] = means[0], float(counts[0])

    def _longest(self, batch: Batch, *, waited: bool) -> int:
        """How many tokens an answer may have; `waited`: nothing is known, somebody waits for it."""
        return LONG if waited else SHORT

    def _written(self, openings: torch.Tensor, seen: torch.Tensor, most: int) -> list[list[int]]:
        """The likeliest tokens after each opening, what ends them left out."""
        ends = self.ends
        room = max(1, min(most, self.context - openings.shape[1]))
        wish = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=room, do_sample=False, eos_token_id=sorted(ends), pad_token_id=min(ends), use_cache=True
        )
        with attention.plain(self.model), self.as_kept():
            told = self.model.generate(input_ids=openings, attention_mask=seen, generation_config=wish)  # type: ignore[operator]
        lines = []
        for line in told[:, openings.shape[1] :].tolist():
            end = next((place for place, token in enumerate(line) if token in ends), len(line))
            lines.append(line[:end])
        return lines
