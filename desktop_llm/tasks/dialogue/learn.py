"""How this task learns: conversations → the text of a chat template → blocks → loss of the answers → new answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.nets import answers, attention, causal_model, head_loss
from desktop_llm.nets.answers import AnswerBlocks, Conversations, Told
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.chat_kept import ChatKept
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.tasks.dialogue.labels import ANSWERS, asks, messages, said

AT_ONCE = 16_384
"""Tokens that are measured at once."""
WRITTEN_AT_ONCE = 16
"""Answers that are written at once: what is remembered of each takes memory."""
COMPARED = 24
"""Held-out conversations whose last answer is written, too: each costs as much as many that are read."""
SHORT = 64
"""Tokens of an answer that is compared at most, and of what is written for it."""
LONG = 256
"""Tokens of an answer that somebody waits for."""
MEAN, COUNT, WRITTEN, FIRST = 0, 1, 2, 3
"""What an output begins with: the mean loss of the answers' tokens, how many, whether one was written; then its ids."""


class Speaker(ChatKept):
    """A model that answers. A batch is blocks to learn from, or conversations to be measured and answered."""

    def __init__(self, parts: CausalParts, where: Path) -> None:
        """Put the parts together. Raises UserError for a chat template in which no answer can be found."""
        super().__init__(parts, where)
        self._apart, self._most = False, 0

    def encode(self, rows: Iterable[Row], report: Report) -> Conversations:
        """Conversations to tokens; the last answers of some that are held out, and all that are missing, are asked."""
        listed = list(rows)
        compared = self._compared(listed)
        refused: list[str] = []

        def told() -> Iterable[Told]:
            for place, row in enumerate(listed):
                try:
                    yield self._told(row, asked=place in compared)
                except UserError as error:
                    refused.append(error.message)
                    yield Told(text="", answers=(), after=False)

        parts = self._parts
        made = answers.encode(parts.tokenizer, told(), after=parts.after, size=parts.max_length, report=report)
        if refused:
            self.notes.append(f"{len(refused):,} conversations are left out: {refused[0]}")
        return made

    def pack(self, examples: Conversations) -> AnswerBlocks:
        """The blocks that are learned from. Raises UserError where there is nothing to learn."""
        counted = examples.counted
        sizes = np.diff(examples.starts)
        sums = np.concatenate([[0], np.cumsum(examples.learned)])
        answered = sums[examples.starts[1:]] - sums[examples.starts[:-1]]
        if not counted.any():
            if not answered.any():
                raise UserError("None of the conversations has an answer to learn from; write the answers in Label.")
            raise UserError(
                f"All answers begin behind the {examples.size:,} tokens that are read at once; raise “max_length” (the "
                f"model can read {self.context:,}), or shorten the conversations."
            )
        silent = int(((answered == 0) & (sizes > 0)).sum())
        far = int(((answered > 0) & (counted == 0)).sum())
        cut = int(((sizes > examples.size + 1) & (counted > 0)).sum())
        if silent:
            self.notes.append(f"{silent:,} conversations have only empty answers, and are left out.")
        if far or cut:
            self.notes.append(
                f"Of conversations longer than {examples.size:,} tokens, {cut:,} are cut and {far:,} are left out, as "
                "all of their answers are behind that; “max_length” raises it."
            )
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

    def predictions(self, outputs: Sequence[torch.Tensor]) -> list[Prediction]:
        """How many nats the answers took, and what was written; the probability is that of a token on average."""
        highest = math.log(max(2, self.model.config.get_text_config().vocab_size))
        made = []
        for one in outputs:
            mean, count = float(one[MEAN]), int(one[COUNT])
            label: dict[str, Any] = {"nats": mean * count, "tokens": count}
            if one[WRITTEN]:
                ids = [int(token) for token in one[FIRST:]]
                label["answer"] = str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
            known = count > 0
            made.append(
                Prediction(
                    label=label,
                    probability=math.exp(-mean) if known else 0.0,
                    uncertainty=min(1.0, mean / highest) if known else 1.0,
                )
            )
        return made

    def mean_loss(self, outputs: Sequence[torch.Tensor], examples: Conversations) -> float:
        """The mean loss of all tokens of answers."""
        told = torch.stack([one[:WRITTEN] for one in outputs]).double()
        return float((told[:, MEAN] * told[:, COUNT]).sum() / told[:, COUNT].sum().clamp(min=1))

    def opening(self, row: Row, wanted: int) -> list[int]:
        """A conversation that waits for an answer. Raises UserError where the model can read no more."""
        return self.answering(messages(str(row["messages"])))

    def _told(self, row: Row, *, asked: bool) -> Told:
        """A row's conversation as text. Raises UserError where the template refuses it."""
        label = row.get("label")
        if label is None:
            return Told(text="", answers=(), after=False, asked=self._asked(row))
        text, spans, after = self._whole(label)
        last = _last_answer(label)
        opening = self._template.opening(label[:last]) if asked and last > 0 else ""
        return Told(text=text, answers=tuple(spans), after=after, asked=opening)

    def _asked(self, row: Row) -> str:
        told = asks({"messages": str(row["messages"])})
        text = self._template.opening(told) if told else ""
        room = self.context - min(LONG, self.context // 2)
        return text if len(self._tokenizer(text, add_special_tokens=False)["input_ids"]) <= room else ""

    def _compared(self, rows: Sequence[Row]) -> frozenset[int]:
        """Places of rows whose last answer is short, evenly taken."""
        fit: list[tuple[int, str]] = []
        for place, row in enumerate(rows):
            label = row.get("label")
            last = _last_answer(label) if isinstance(label, list) else 0
            if isinstance(label, list) and last > 0 and "tool_calls" not in label[last]:
                text = said(label[last])
                if 0 < len(text) <= SHORT * 6:
                    fit.append((place, text))
        chosen = fit[:: max(1, len(fit) // COMPARED)][:COMPARED]
        return frozenset(
            place
            for place, text in chosen
            if len(self._tokenizer(text, add_special_tokens=False)["input_ids"]) <= SHORT
        )

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
        most = LONG if waited else SHORT
        written = [
            line
            for start in range(0, len(openings), WRITTEN_AT_ONCE)
            for line in self._written(
                openings[start : start + WRITTEN_AT_ONCE], seen[start : start + WRITTEN_AT_ONCE], most
            )
        ]
        for line, ids in zip(asked, written, strict=True):
            told[line][WRITTEN:] = [1.0, *map(float, ids)]
        if not waited:
            return
        for number, (line, ids) in enumerate(zip(asked, written, strict=True)):
            given = openings[number][seen[number].bool()]
            said_ids = torch.tensor(ids, dtype=torch.int64, device=given.device)
            whole = torch.cat([given, said_ids])
            labels = torch.full_like(whole, head_loss.IGNORED)
            labels[len(given) :] = said_ids
            if len(said_ids):
                means, counts = self._losses(whole[None, :-1], labels[None, 1:])
                told[line][MEAN], told[line][COUNT] = means[0], float(counts[0])

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


def _last_answer(told: Sequence[Mapping[str, Any]]) -> int:
    """The place of the last answer; 0 where none has a question before it."""
    return next((place for place in range(len(told) - 1, 0, -1) if told[place].get("role") == ANSWERS), 0)


def _texts(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        for one in row["label"] or ():
            yield said(one)


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Speaker:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    parts = causal_model.start(job, lambda: _texts(rows("train")), source, report)
    return Speaker(parts, source or Path("scratch" if job.recipe.model == SCRATCH else job.recipe.model))


def load(folder: Path) -> Speaker:
    """A finished model."""
    parts = causal_model.finished(folder)
    parts.model.train(False)
    return Speaker(parts, folder)
