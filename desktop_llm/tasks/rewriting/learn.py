"""How this task learns: a text → an encoder → a decoder that writes → loss of each token it was to write.

From the folder of a language model it learns by a prompt, see `learn_prompted`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.nets import head_loss, model_folder, seq2seq_model
from desktop_llm.nets.learner import Batch, Learner, Report, Row
from desktop_llm.nets.seq2seq_kept import SeqKept
from desktop_llm.nets.seq2seq_model import SeqParts
from desktop_llm.nets.source_target import TextPairs
from desktop_llm.paths import expanded
from desktop_llm.tasks.rewriting import learn_prompted, telling
from desktop_llm.tasks.rewriting.labels import asked_text
from desktop_llm.tasks.rewriting.telling import COUNT, MEAN, WRITTEN

WRITTEN_AT_ONCE = 32
"""Texts that are written at once: what is remembered of each, in all of its beams, takes memory."""
FEW = 8
"""While it learns it writes nothing that is more than twice as long as it should be, and so much more."""


class Rewriter(SeqKept):
    """A model that makes one text of another."""

    def __init__(self, parts: SeqParts, smoothing: float = 0.0) -> None:
        """Put the parts together; `smoothing` is that of labels."""
        super().__init__(parts, smoothing)
        self.sparing = False
        self.notes: list[str] = []
        """What a person should know of what was encoded."""

    def encode(self, rows: Iterable[Row], report: Report) -> TextPairs:
        """Texts and, where known, what they become. Raises UserError where all of that is empty."""
        pairs = telling.Pairs(rows)
        made = self.encoded(pairs, report)
        if note := pairs.note():
            self.notes.append(note)
        self._note_cut(made)
        return made

    def outputs(self, batch: Batch) -> list[torch.Tensor]:
        """For each text: the mean loss of what it is to become, its tokens, 1 or 0, and the tokens written."""
        with torch.inference_mode():
            told = _means(self.measured(batch), batch["labels"])
            if "asked" in batch:
                self._answer(batch, told)
        return [torch.tensor(one, dtype=torch.float32) for one in told]

    def predictions(self, outputs: Sequence[torch.Tensor]) -> list[Prediction]:
        """See `telling.predictions`."""
        return telling.predictions(outputs, self.model.config.get_text_config().vocab_size, self._text)

    def mean_loss(self, outputs: Sequence[torch.Tensor], examples: TextPairs) -> float:
        """The mean loss of all tokens of targets."""
        told = torch.stack([one[:WRITTEN] for one in outputs]).double()
        return float((told[:, MEAN] * told[:, COUNT]).sum() / told[:, COUNT].sum().clamp(min=1))

    def opening(self, row: Row, wanted: int) -> list[int]:
        """What it begins with. Raises UserError where the text is empty or longer than the model reads."""
        self.given(row)
        forced = getattr(self.model.generation_config, "forced_bos_token_id", None)
        return [self._parts.begin, *([int(forced)] if isinstance(forced, int) else [])]

    def given(self, row: Row) -> list[int]:
        """The tokens that it reads before it writes. Raises UserError as `opening`."""
        ids = list(self._tokenizer(telling.writable(asked_text(row)))["input_ids"])
        if len(ids) > self.context:
            raise telling.too_long(len(ids), self.context)
        return ids

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _note_cut(self, made: TextPairs) -> None:
        read = self._parts.max_length
        if made.cut or made.cut_wanted:
            more = f" (the model can read {self.context:,})" if self.context > read else ""
            self.notes.append(
                f"{made.cut:,} texts and {made.cut_wanted:,} of what they become are longer than {read:,} tokens, and "
                f"are read up to there; “max_length” raises it{more}."
            )

    def _answer(self, batch: Batch, told: list[list[float]]) -> None:
        """Write what is asked into `told`; where nothing was to be measured, what was written is."""
        asked, ids, seen = batch["asked"], batch["input_ids"], batch.get("attention_mask")
        most = 0
        if self.sparing:
            asked, most = asked[batch["often"]], 2 * batch["labels"].shape[1] + FEW
        lines = [
            line
            for part in torch.split(asked, WRITTEN_AT_ONCE)
            if len(part)
            for line in self.written(*_trimmed(ids[part], None if seen is None else seen[part]), most)
        ]
        silent = [at for at, place in enumerate(asked.tolist()) if not told[place][COUNT] and lines[at]]
        for at, place in enumerate(asked.tolist()):
            told[place][WRITTEN:] = [1.0, *map(float, lines[at])]
        if silent:
            self._measure_written(batch, [int(asked[at]) for at in silent], [lines[at] for at in silent], told)

    def _measure_written(
        self, batch: Batch, places: Sequence[int], lines: Sequence[Sequence[int]], told: list[list[float]]
    ) -> None:
        device = batch["input_ids"].device
        wide = max(map(len, lines)) + 1
        labels = torch.full((len(lines), wide), head_loss.IGNORED, device=device)
        begun = torch.full((len(lines), wide), self._parts.begin, device=device)
        for at, line in enumerate(lines):
            labels[at, : len(line) + 1] = torch.tensor([*line, self._parts.end], device=device)
            begun[at, 1 : len(line) + 1] = labels[at, : len(line)]
        chosen = torch.tensor(places, device=device)
        inputs: Batch = {name: batch[name][chosen] for name in ("input_ids", "attention_mask") if name in batch}
        means = _means(self.measured({**inputs, "decoder_input_ids": begun, "labels": labels}), labels)
        for place, (mean, count, _) in zip(places, means, strict=True):
            told[place][MEAN], told[place][COUNT] = mean, count


def _means(losses: torch.Tensor, labels: torch.Tensor) -> list[list[float]]:
    """Mean loss and number of the tokens of each line, and that nothing was written."""
    counts = (labels != head_loss.IGNORED).sum(dim=1)
    told = zip(head_loss.sums(losses).tolist(), counts.tolist(), strict=True)
    return [[nats / max(1, count), float(count), 0.0] for nats, count in told]


def _trimmed(ids: torch.Tensor, seen: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Without columns in which nothing is seen."""
    if seen is None:
        return ids, None
    wide = int(seen.sum(dim=1).max())
    return ids[:, :wide], seen[:, :wide]


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Learner:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    if job.recipe.model != SCRATCH and _writes_on(source or expanded(job.recipe.model)):
        return learn_prompted.build(job, source, report)
    parts = seq2seq_model.start(job, lambda: telling.texts(rows("train")), source, report)
    return Rewriter(parts, job.recipe.label_smoothing_factor)


def load(folder: Path) -> Learner:
    """A finished model."""
    if _writes_on(folder):
        return learn_prompted.load(folder)
    parts = seq2seq_model.finished(folder)
    parts.model.train(False)
    return Rewriter(parts)


def _writes_on(folder: Path) -> bool:
    """Whether a folder has a language model, which reads and writes in one, and no encoder-decoder."""
    return model_folder.fits(folder, "CAUSAL_LM") and not model_folder.fits(folder, "SEQ_TO_SEQ_CAUSAL_LM")
