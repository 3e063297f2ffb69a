"""How a language model learns this task: a text in a prompt → the text that it becomes → loss of each of its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs import prompt
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import answers, causal_model, prompting, source_target
from desktop_llm.nets.answer_kept import LONG, AnswerKept
from desktop_llm.nets.answers import AnswerBlocks, Conversations
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.prompting import Prompting
from desktop_llm.nets.seq2seq_kept import LONGER, MORE
from desktop_llm.nets.source_target import OFTEN
from desktop_llm.tasks.rewriting import telling
from desktop_llm.tasks.rewriting.labels import asked_text

CHUNK = 500
FEW = 8
"""While it learns it writes nothing that is more than twice as long as it should be, and so much more."""
Line = tuple[list[int], int]


class PromptedRewriter(AnswerKept):
    """A language model that makes one text of another, as a prompt tells it to."""

    def __init__(self, parts: CausalParts, where: Path, instruction: str, smoothing: float = 0.0) -> None:
        """Put the parts together; `smoothing` is that of labels. Raises UserError, see `Prompting`."""
        super().__init__(parts, where, prompting.PLAIN)
        self._smoothing, self.sparing = smoothing, False
        self._prompting = Prompting(
            parts.tokenizer, self._template, instruction, after=parts.after, context=self.context
        )
        setattr(self.model.config, prompt.KEY, instruction)  # whoever asks it later asks as it was taught
        self._cut = self._left_out = self._longest_known = 0

    def encode(self, rows: Iterable[Row], report: Report) -> Conversations:
        """Prompts and, where known, their answers. Raises UserError where all of these are empty."""
        self._cut = self._left_out = 0
        pairs = telling.Pairs(rows)
        lines: list[Line] = []
        openings: list[list[int]] = []
        going = iter(pairs)
        while some := list(islice(going, CHUNK)):
            made, asked = self._encoded(some)
            lines.extend(made)
            openings.extend(asked)
            report("Reading the texts", len(lines), 0)
        if note := pairs.note():
            self.notes.append(note)
        self._note_cut()
        when = source_target.asked(np.asarray([len(ids) - place for ids, place in lines], dtype=np.int64))
        openings = [opening if when[at] else [] for at, opening in enumerate(openings)]
        told = answers.gathered(lines, openings, after=self._parts.after, size=self._parts.max_length)
        return replace(told, often=when == OFTEN)

    def pack(self, examples: Conversations) -> AnswerBlocks:
        """The blocks that are learned from. Raises UserError where there is nothing to learn."""
        counted = examples.counted
        if not counted.any():
            raise UserError(
                f"No text fits with its prompt and what it becomes into the {examples.size:,} tokens that are read at "
                f"once; raise “max_length” (the model can read {self.context:,}), or shorten “instruction”."
            )
        return self.blocked(examples)

    def narrow(self, examples: Sequence[Conversations | AnswerBlocks]) -> None:
        """Nothing can be left out; texts are written as long as those that are known."""
        manner = self.model.generation_config
        if self._longest_known and manner is not None:
            manner.max_new_tokens = min(self.context, int(LONGER * self._longest_known) + MORE)
            manner.min_length = 0

    def predictions(self, outputs: Sequence[torch.Tensor]) -> list[Prediction]:
        """See `telling.predictions`."""
        return telling.predictions(outputs, self.model.config.get_text_config().vocab_size, self._text)

    def opening(self, row: Row, wanted: int) -> list[int]:
        """The text in its prompt. Raises UserError where it is empty, or both are longer than the model reads."""
        ids = self._prompting.prompt(telling.writable(asked_text(row)))
        if len(ids) >= self.context:
            raise telling.too_long(len(ids), self.context)
        return ids

    def _encoded(self, pairs: Sequence[tuple[str, str | None]]) -> tuple[list[Line], list[list[int]]]:
        """Each pair as tokens, none where its answer is not known or does not fit, and how its answer is asked for."""
        known = [at for at, (_, target) in enumerate(pairs) if target is not None]
        said = dict(zip(known, self._prompting.answers([str(pairs[at][1]) for at in known]), strict=True))
        self._longest_known = max([self._longest_known, *map(len, said.values())])
        least, size = self._prompting.least, self._parts.max_length + 1
        fit = [at for at in known if least + len(said[at]) <= size]
        self._left_out += len(known) - len(fit)
        prompts = self._prompting.prompts([pairs[at][0] for at in fit], [size - len(said[at]) for at in fit])
        self._cut += sum(cut for _, cut in prompts)
        lines: list[Line] = [([], 0)] * len(pairs)
        for at, (ids, _) in zip(fit, prompts, strict=True):
            lines[at] = ([*ids, *said[at]], len(ids))
        open_ = [at for at, (text, target) in enumerate(pairs) if text.strip() and (target is None or lines[at][0])]
        room = max(least, self.context - min(LONG, self.context // 2))
        asked = self._prompting.prompts([pairs[at][0] for at in open_], [room] * len(open_))
        openings: list[list[int]] = [[] for _ in pairs]
        for at, (ids, _) in zip(open_, asked, strict=True):
            openings[at] = ids
        return lines, openings

    def _note_cut(self) -> None:
        read = self._parts.max_length
        more = f" (the model can read {self.context:,})" if self.context > read else ""
        if self._cut:
            self.notes.append(
                f"{self._cut:,} texts are cut, as they are longer with their prompt and what they become than the "
                f"{read:,} tokens that are read at once; “max_length” raises it{more}."
            )
        if self._left_out:
            self.notes.append(
                f"{self._left_out:,} texts are left out: what they become has no room beside the prompt in the "
                f"{read:,} tokens that are read at once; “max_length” raises it{more}."
            )

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _answer(self, batch: Batch, told: list[list[float]]) -> None:
        """While it learns, only what is written often."""
        if self.sparing:
            often = batch["often"]
            if not bool(often.any()):
                return
            batch = {**batch, **{name: batch[name][often] for name in ("asked", "openings", "seen")}}
        super()._answer(batch, told)

    def _longest(self, batch: Batch, *, waited: bool) -> int:
        """As long as those that it has learned from."""
        most = getattr(self.model.generation_config, "max_new_tokens", None) or LONG
        return min(most, 2 * batch["labels"].shape[1] + FEW) if self.sparing else most


def build(job: Job, source: Path | None, report: Report) -> PromptedRewriter:
    """A learner at its start, from the recipe's model folder or in the shape of `source`."""
    parts = causal_model.start(job, lambda: (), source, report)
    recipe = job.recipe
    return PromptedRewriter(parts, source or Path(recipe.model), recipe.instruction, recipe.label_smoothing_factor)


def load(folder: Path) -> PromptedRewriter:
    """A finished model, asked as it was taught."""
    parts = causal_model.finished(folder)
    parts.model.train(False)
    return PromptedRewriter(parts, folder, str(getattr(parts.model.config, prompt.KEY, "")))
