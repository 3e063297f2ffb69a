"""How this task learns: a prompt with two answers → both as text of a chat template → how likely → which is better.

By DPO the model at the start is the measure; `engine.reference` asks it once. ORPO has none.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.nets import answers, causal_model, pair_loss
from desktop_llm.nets import pairs as pairing
from desktop_llm.nets.answers import Told
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.chat_kept import ChatKept
from desktop_llm.nets.chat_template import ANSWERS
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.pair_loss import Way
from desktop_llm.nets.pairs import Pairs
from desktop_llm.nets.token_losses import token_losses
from desktop_llm.tasks.preference.labels import TIE, A, B, messages, prompt_of, spoken

AT_ONCE = 16_384
"""Tokens that are measured at once."""
NOTHING = Told(text="", answers=(), after=False)
SUMS, TOKENS, KNOWN, BEGAN = slice(0, 2), slice(2, 4), 4, slice(5, 7)
"""Columns of the outputs, of the answers A and B: log-probabilities, tokens, whether the next ones are known, and
log-probabilities by the model at the start."""
REASONS = {
    "undecided": "{count} have no better answer (tie, or both bad).",
    "empty": "{count} have an empty answer.",
    "same": "{count} have the same answer twice.",
    "long": "{count} are longer than the {size:,} tokens that are read at once; “max_length” raises it.",
    "refused": "{count} are refused by the chat template: {reason}",
}
"""Why pairs are left out."""


class Chooser(ChatKept):
    """A model that learns which answer is better, and answers. A batch is lines of two halves, see `nets.pairs`."""

    sequences = 2

    def __init__(self, parts: CausalParts, where: Path, job: Job | None) -> None:
        """Put the parts together; `job` is the run's, None for a model that nobody knows the run of."""
        super().__init__(parts, where)
        recipe = None if job is None else job.recipe
        self._way = Way()
        if recipe is not None:
            self._way = Way(
                loss_type=recipe.loss_type, beta=recipe.beta, smoothing=_smoothing(recipe.label_smoothing_factor)
            )
        self._job = job
        self._out: dict[str, int] = {}
        self._reason = ""
        self.head_share = 1.0

    # pairs

    def encode(self, rows: Iterable[Row], report: Report) -> Pairs:
        """Both answers of each row with the prompt; what cannot be compared is encoded as nothing."""
        told: list[Told] = []
        why: list[str] = []
        better: list[int] = []
        for row in rows:
            reason, both = self._both(row)
            told.extend(both)
            why.append(reason)
            better.append({A: 1, B: -1}.get(str(row.get("label")), 0))
        parts = self._parts
        made = answers.encode(parts.tokenizer, told, after=parts.after, size=parts.max_length, report=report)
        sizes = np.diff(made.starts).reshape(-1, 2)
        fit = (sizes > 0).all(axis=1) & (sizes <= made.size + 1).all(axis=1)
        counted = made.counted.reshape(-1, 2)
        names = [
            reason or ("long" if sizes[place].max() > made.size + 1 else "" if counted[place].all() else "empty")
            for place, reason in enumerate(why)
        ]
        fit &= np.asarray([not name for name in names], dtype=bool)
        self._out = {name: names.count(name) for name in REASONS if name in names}
        return pairing.pairs(made, np.asarray(better, dtype=np.int8), fit)

    def pack(self, examples: Pairs) -> Pairs:
        """The pairs that are learned from. Raises UserError where there are none."""
        undecided = int(((examples.better == 0) & examples.fit).sum())
        out = {"undecided": undecided, **self._out} if undecided else self._out
        chosen = np.flatnonzero(examples.fit & (examples.better != 0))
        words = [self._words(name, count) for name, count in out.items()]
        if not len(chosen):
            raise UserError(f"There is no pair to learn from. {' '.join(words)}".strip())
        if words:
            left = len(examples) - len(chosen)
            self.notes.append(f"{left:,} of {len(examples):,} pairs are left out. {' '.join(words)}")
        made = examples.only(chosen)
        tokens = made.texts.counted.reshape(-1, 2)[chosen].sum()
        self.head_share = float(tokens / max(1, made.lengths.sum()))
        return made

    def collate(self, examples: Pairs, indices: Sequence[int]) -> Batch:
        """Pairs in lines."""
        return examples.batch(indices)

    # learning

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of the pairs."""
        sums = self._sums(batch["input_ids"], batch["labels"], batch["counted"], batch["owners"])
        told = pair_loss.losses(self._way, sums, batch["tokens"], batch["began"], batch["better"])
        return told.mean()

    def outputs(self, batch: Batch) -> torch.Tensor:
        """See `SUMS` and what follows, float32 [b, 7]."""
        lines, width = batch["input_ids"].shape
        step = max(1, AT_ONCE // width)
        parts = []
        with torch.inference_mode():
            for start in range(0, lines, step):
                some = slice(start, start + step)
                ids, labels = batch["input_ids"][some], batch["labels"][some]
                counted = torch.nonzero(labels.flatten() != IGNORED)[:, 0]
                parts.append(self._sums(ids, labels, counted, counted // (width // 2)))
            told = [torch.cat(parts), batch["tokens"], batch["known"][:, None], batch["began"]]
            return torch.cat([one.float() for one in told], dim=1).to("cpu")

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """Which answer the model finds better, how surely, and the figures that it is told from."""
        margins = self._margins(outputs).tolist()
        made = []
        for one, margin in zip(outputs.tolist(), margins, strict=True):
            if not all(one[TOKENS]):
                made.append(Prediction(label=TIE, probability=0.0, uncertainty=1.0))
                continue
            sure = 1 / (1 + math.exp(-min(abs(margin), 700.0)))
            best, other = (A, B) if margin >= 0 else (B, A)
            figures = dict(zip(("a", "b", "tokens_a", "tokens_b"), one[:KNOWN], strict=True)) | {"margin": margin}
            if one[KNOWN]:
                figures |= dict(zip(("began_a", "began_b"), one[BEGAN], strict=True))
            made.append(
                Prediction(
                    label=best,
                    probability=sure,
                    uncertainty=2 * (1 - sure),
                    top=((best, sure), (other, 1 - sure)),
                    figures=figures,
                )
            )
        return made

    def mean_loss(self, outputs: torch.Tensor, examples: Pairs) -> float:
        """Of the pairs of which one answer is known to be better, NaN where there are none; measured by the token where
        the start is unknown."""
        better = torch.from_numpy(examples.better.astype(np.int64))
        chosen = (better != 0) & torch.from_numpy(examples.fit)
        if not bool(chosen.any()):
            return math.nan
        some = outputs[chosen].double()
        if self._way.refers and not bool(some[:, KNOWN].all()):
            return float(torch.nn.functional.softplus(-self._margins(some) * better[chosen]).mean())
        told = pair_loss.losses(self._way, some[:, SUMS], some[:, TOKENS], some[:, BEGAN], better[chosen])
        return float(told.mean())

    # the model at the start

    @property
    def refers(self) -> bool:
        """By DPO."""
        return self._job is not None and self._way.refers

    def at_start(self) -> Chooser | None:
        """From the recipe's model folder; from scratch it is gone."""
        if self._job is None or self._job.recipe.model == SCRATCH:
            return None
        parts = causal_model.start(self._job, lambda: (), None, lambda *_: None)
        parts.model.train(False)
        return Chooser(parts, Path(self._job.recipe.model), self._job)

    def digest(self, examples: Pairs) -> str:
        """Of all tokens, and of which count."""
        told, digest = examples.texts, hashlib.sha256()
        for part in (told.ids, told.learned, told.starts, examples.places, examples.fit, np.asarray([told.size])):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def refer(self, examples: Pairs, began: Any) -> None:
        """Log-probabilities of the answers."""
        examples.refer(began[:, SUMS].numpy())

    # writing

    def opening(self, row: Row, wanted: int) -> list[int]:
        """The prompt, to be answered. Raises UserError where the model can read no more."""
        return self.answering(prompt_of(str(row["prompt"])))

    def _margins(self, outputs: torch.Tensor) -> torch.Tensor:
        """By how much A is better; without a start to measure from, by how much likelier its tokens are."""
        told = outputs.double()
        sums, tokens, known = told[:, SUMS], told[:, TOKENS], told[:, KNOWN] > 0
        made = pair_loss.margins(self._way, sums, tokens, told[:, BEGAN])
        if not self._way.refers:
            return made
        means = sums / tokens.clamp(min=1)
        return torch.where(known, made, means[:, 0] - means[:, 1])

    def _sums(
        self, ids: torch.Tensor, labels: torch.Tensor, counted: torch.Tensor, owners: torch.Tensor
    ) -> torch.Tensor:
        """The log-probabilities of both answers of each line, float32 [b, 2]."""
        halves = ids.view(2 * len(ids), -1)
        targets = labels.flatten()[counted]
        if self._parts.plain_head:
            hidden = causal_model.hidden_of(self.model, input_ids=halves).flatten(0, 1)[counted]
            losses = token_losses(hidden, causal_model.head_of(self.model), targets)
        else:
            logits = causal_model.logits_of(self.model, input_ids=halves).flatten(0, 1)[counted]
            losses = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
        return torch.zeros(len(halves), device=losses.device).index_add(0, owners, -losses).view(-1, 2)

    def _both(self, row: Row) -> tuple[str, tuple[Told, Told]]:
        """Why a row's answers cannot be compared, '' where they can, and both as text."""
        asked = prompt_of(str(row["prompt"]))
        said = [spoken(str(row.get(name, "")), asked) for name in (A, B)]
        if not all(said):
            return "empty", (NOTHING, NOTHING)
        if said[0] == said[1]:
            return "same", (NOTHING, NOTHING)
        try:
            return "", (self._told(asked, said[0]), self._told(asked, said[1]))
        except UserError as error:
            self._reason = error.message
            return "refused", (NOTHING, NOTHING)

    def _told(self, asked: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]) -> Told:
        """Of what was said before nothing is learned, even where the model said it."""
        text, spans, after = self._whole([*asked, *said])
        own = sum(one.get("role") == ANSWERS for one in said)
        return Told(text=text, answers=tuple(spans[-own:]), after=after)

    def _words(self, name: str, count: int) -> str:
        return REASONS[name].format(count=f"{count:,}", size=self._parts.max_length, reason=self._reason)


def _smoothing(factor: float) -> float:
    if factor >= 0.5:
        raise UserError("With “label_smoothing_factor” at 0.5 or more the worse answers would be learned; lower it.")
    return factor


def _texts(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        for name in ("prompt", A, B):
            text = str(row.get(name, ""))
            told = messages(text)
            yield text if told is None else "\n".join(str(one.get("content") or "") for one in told)


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Chooser:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    parts = causal_model.start(job, lambda: _texts(rows("train")), source, report)
    return Chooser(parts, source or Path("scratch" if job.recipe.model == SCRATCH else job.recipe.model), job)


def load(folder: Path) -> Chooser:
    """A finished model; where its run is beside it, it measures as that did."""
    parts = causal_model.finished(folder)
    parts.model.train(False)
    run = RunFolder(folder.parent)
    job = None
    if folder == run.model and run.job_file.is_file():
        job = run.job()
    return Chooser(parts, folder, job)
