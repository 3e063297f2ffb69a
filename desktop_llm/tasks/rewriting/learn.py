"""How this task learns: a text → an encoder → a decoder that writes → loss of each token it was to write."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import head_loss, seq2seq_model
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.seq2seq_kept import SeqKept
from desktop_llm.nets.seq2seq_model import SeqParts
from desktop_llm.nets.source_target import TextPairs
from desktop_llm.tasks.rewriting.labels import asked_text

WRITTEN_AT_ONCE = 32
"""Texts that are written at once: what is remembered of each, in all of its beams, takes memory."""
FEW = 8
"""While it learns it writes nothing that is more than twice as long as it should be, and so much more."""
MEAN, COUNT, WRITTEN, FIRST = 0, 1, 2, 3
"""What an output begins with: the mean loss of the target's tokens, how many, whether one was written; then its ids."""


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
        counted = {"known": 0, "empty": 0}

        def told() -> Iterator[tuple[str, str | None]]:
            for row in rows:
                label = row.get("label")
                known = label is not None
                target = str(label) if known and str(label).strip() else None
                counted["known"] += known
                counted["empty"] += known and target is None
                yield asked_text(row), target

        made = self.encoded(told(), report)
        known, empty = counted["known"], counted["empty"]
        if known and empty == known:
            raise UserError("None of the texts becomes anything: what they become is empty; write it in Label.")
        if empty:
            self.notes.append(f"{empty:,} texts become nothing, and teach nothing; write in Label what they become.")
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
        """What was written, None where nothing was asked; the probability is that of a token of the target on average,
        or of what was written where there is none."""
        highest = math.log(max(2, self.model.config.get_text_config().vocab_size))
        made = []
        for one in outputs:
            mean, known = float(one[MEAN]), bool(one[COUNT])
            ids = [int(token) for token in one[FIRST:]]
            made.append(
                Prediction(
                    label=self._text(ids) if one[WRITTEN] else None,
                    probability=math.exp(-mean) if known else 0.0,
                    uncertainty=min(1.0, mean / highest) if known else 1.0,
                )
            )
        return made

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
        text = asked_text(row)
        if not text.strip():
            raise UserError("There is nothing to write from; type a text first.")
        ids = list(self._tokenizer(text)["input_ids"])
        if len(ids) > self.context:
            raise UserError(
                f"The text has {len(ids):,} tokens, and the model reads {self.context:,} at most; shorten it, or give "
                "it in parts."
            )
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


def _texts(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield asked_text(row)
        if row.get("label") is not None:
            yield str(row["label"])


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Rewriter:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    parts = seq2seq_model.start(job, lambda: _texts(rows("train")), source, report)
    return Rewriter(parts, job.recipe.label_smoothing_factor)


def load(folder: Path) -> Rewriter:
    """A finished model."""
    parts = seq2seq_model.finished(folder)
    parts.model.train(False)
    return Rewriter(parts)
