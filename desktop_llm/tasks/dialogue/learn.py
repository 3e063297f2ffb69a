"""How this task learns: conversations → the text of a chat template → blocks → loss of the answers → new answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.nets import answers, causal_model
from desktop_llm.nets.answer_kept import COUNT, LONG, MEAN, SHORT, AnswerKept
from desktop_llm.nets.answers import AnswerBlocks, Conversations, Told
from desktop_llm.nets.learner import Report, Row
from desktop_llm.tasks.dialogue.labels import ANSWERS, asks, messages, said

COMPARED = 24
"""Held-out conversations whose last answer is written, too: each costs as much as many that are read."""


class Speaker(AnswerKept):
    """A model that answers. A batch is blocks to learn from, or conversations to be measured and answered."""

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
        return self.blocked(examples)

    def predictions(self, outputs: Sequence[torch.Tensor]) -> list[Prediction]:
        """How many nats the answers took, and what was written; the probability is that of a token on average."""
        highest = math.log(max(2, self.model.config.get_text_config().vocab_size))
        made = []
        for one in outputs:
            mean, count = float(one[MEAN]), int(one[COUNT])
            label: dict[str, Any] = {"nats": mean * count, "tokens": count}
            answer = self.answer_of(one)
            if answer is not None:
                label["answer"] = answer
            known = count > 0
            made.append(
                Prediction(
                    label=label,
                    probability=math.exp(-mean) if known else 0.0,
                    uncertainty=min(1.0, mean / highest) if known else 1.0,
                )
            )
        return made

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
