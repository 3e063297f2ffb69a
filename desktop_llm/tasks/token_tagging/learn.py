"""How this task learns: text → tokens in windows → encoder with a head for tokens → a tag for each word → spans.

Tags are outside, and for each label beginning and inside, as IOB1 has them (Tjong Kim Sang and Veenstra, 1999): a word
is a beginning only where its span follows another one of the label with nothing between. Told of every first word, as
in IOB2, a model parts names whose second word could be a first one. Each word is judged by its first token: which label
it has, if any, by the chances of both of the label's tags together and by what its neighbours have (see
`nets.label_changes`), and then whether a span begins there. A word that goes on with no span begins one, so that any
tags mean spans. Where no two spans of a label touch in what was learned, its tag for beginnings has no chance, from the
first step on: a tag that is never learned would only be in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForTokenClassification, ModernBertForTokenClassification

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe_teacher
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import (
    attention,
    head_rows,
    label_changes,
    model_folder,
    seams,
    sequence_model,
    word_lesson,
    words,
)
from desktop_llm.nets.distillation import Lesson
from desktop_llm.nets.kept import Kept
from desktop_llm.nets.learner import Batch, Learner, Outputs, Report, Row
from desktop_llm.nets.sequence_model import Head, Parts
from desktop_llm.nets.words import WordRows
from desktop_llm.tasks.token_tagging.labels import free

HEAD = Head(AutoModelForTokenClassification, ModernBertForTokenClassification, "to tag", apart=True)
OUTSIDE = "O"
AT_ONCE = 16_384
"""Tokens, padding counted, that pass through the model at once; a long text has more, and takes several turns."""
PLACE = 2
"""Columns of an output before its logits: where the word begins and ends."""
TOUCHING = "touching_labels"
"""The key of a model's config for the labels whose spans may follow each other with no word between."""
CROSSED = "crossed_seams"
"""That for the kinds of seams inside its words, see `nets.seams`."""
FOLLOWS = "labels_following"
"""That for how often a word of a label follows one of another, see `nets.label_changes`."""
NEVER = -30.0
"""The logit of a tag that is not learned: a chance of nought, next to any other."""


class Tagger(Kept):
    """An encoder with a head for tokens, its tokenizer, and the way texts and spans pass through both."""

    def __init__(self, parts: Parts, label_smoothing: float = 0.0) -> None:
        """Put the parts together; their classes are tags. Customs of the data are read from what is encoded first."""
        super().__init__(parts.model, parts.tokenizer)
        self.tags = parts.classes
        self.classes = tuple(tag[2:] for tag in self.tags if tag.startswith("B-"))
        self._numbers = {name: place for place, name in enumerate(self.classes)}
        self._max_length, self._smoothing = parts.max_length, label_smoothing
        self._mean_words = 0.0
        self._lesson: Lesson | None = None
        self._touching: set[int] | None = None
        self._crossed: frozenset[str] = frozenset()
        self._changes = label_changes.costs((), self.classes)
        self._never = torch.zeros(len(self.tags), dtype=torch.bool)

    def recall(self) -> None:
        """Take the customs of the data from the model's config, as it was trained with them."""
        known = getattr(self.model.config, TOUCHING, self.classes)
        self._crossed = frozenset(getattr(self.model.config, CROSSED, ()))
        self._changes = label_changes.costs(getattr(self.model.config, FOLLOWS, ()), self.classes)
        self._settle({number for name, number in self._numbers.items() if name in known})

    def encode(self, rows: Iterable[Row], report: Report) -> WordRows:
        """Texts to tokens and words, spans to tags; of spans that overlap, the longest is learned."""
        told = ((str(row["text"]), self._spans(row.get("label"))) for row in rows)
        made = words.encode(self._tokenizer, told, self._max_length, report)
        if self._touching is None:  # what is encoded first is trained on
            self._crossed = seams.crossed(made)
            setattr(self.model.config, CROSSED, sorted(self._crossed))
        made = seams.joined(made, self._crossed)
        # one measure for all batches: a slice of a batch counts by its words
        self._mean_words = self._mean_words or made.mean_words
        if self._touching is None:
            touching = words.touching(made)
            setattr(self.model.config, TOUCHING, [self.classes[number] for number in sorted(touching)])
            setattr(self.model.config, FOLLOWS, label_changes.counted(made, self.classes))
            self.recall()
            # whoever reads the model without us never finds these tags, either
            never = torch.nonzero(self._never).flatten().tolist()
            head_rows.fix(self.model, never, len(self.tags), NEVER)
            # what a model from here never learned begins like what goes on
            begins = {2 * number + 1: 2 * number + 2 for number in touching}
            head_rows.release(self.model, begins, len(self.tags), NEVER)
        return words.mostly_inside(made, self._touching or set())

    def narrow(self, examples: Sequence[WordRows]) -> None:
        """Train only the word embeddings that the run's texts use."""
        always = {number for one in examples for number in (*one.before, *one.after)}
        self.narrow_to([one.ids for one in examples], sorted(always))

    def collate(self, examples: WordRows, indices: Sequence[int]) -> Batch:
        """See `nets.words.collate`."""
        return words.collate(examples, indices, self._pad)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy over the words of known tags, per text of average length."""
        logits = self._logits(batch)
        total = self._hard(logits, batch["labels"])
        hard = total / (self._mean_words * len(batch["sizes"]))
        if self._lesson is None or "said" not in batch:
            return hard
        soft = word_lesson.loss(logits, batch["said"], self._lesson.temperature)
        soft = soft + word_lesson.beginnings(logits, batch["labels"])
        return self._lesson.mixed(hard, soft / (self._mean_words * len(batch["sizes"])))

    def heard(self, examples: WordRows, teacher: Learner, said: Outputs) -> np.ndarray:
        """What a teacher says of each word, see `nets.word_lesson`."""
        if not isinstance(teacher, Tagger):
            raise UserError("The teacher does not tag texts; choose one of the same task.")
        columns = recipe_teacher.columns(self.classes, teacher.classes)
        places, tags = [one[:, :PLACE] for one in said], [one[:, PLACE:] for one in said]
        return word_lesson.aligned(examples, places, tags, columns)

    def taught(self, examples: WordRows, heard: np.ndarray, lesson: Lesson) -> WordRows:
        """The examples with what a teacher says of their words."""
        self._lesson = lesson
        return replace(examples, said=heard)

    def outputs(self, batch: Batch) -> list[torch.Tensor]:
        """A text each, float32 [words, 2 + tags] on the CPU: where the word begins and ends, and its logits."""
        with torch.inference_mode():
            told = torch.cat([batch["places"].float(), self._logits(batch)], dim=1).cpu()
        return list(torch.split(told, batch["sizes"].tolist()))

    def predictions(self, outputs: Sequence[torch.Tensor]) -> list[Prediction]:
        """Spans with the chance of each in `top`, in the same order.

        The chance of a span is that of its least sure word, the answer's that of the least sure word of all;
        uncertainty is one minus the smallest margin between the class of a word and the next one.
        """
        return [self._prediction(one) for one in outputs]

    def mean_loss(self, outputs: Sequence[torch.Tensor], examples: WordRows) -> float:
        """The mean cross-entropy of the words whose tag is known; 0 when none is."""
        targets = torch.from_numpy(examples.targets).long()
        known = targets >= 0
        if not bool(known.any()):
            return 0.0
        logits = torch.cat(list(outputs))[:, PLACE:]
        return float(functional.cross_entropy(logits[known], targets[known]))

    def _settle(self, touching: set[int]) -> None:
        """Take over which labels may begin anew right behind themselves."""
        never = [place % 2 == 1 and (place - 1) // 2 not in touching for place in range(len(self.tags))]
        self._touching, self._never = touching, torch.tensor(never)

    def _hard(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The sum of the cross-entropy of words; what smoothing takes from a tag goes to those that may be learned."""
        told = functional.cross_entropy(logits, targets, ignore_index=-1, reduction="sum")
        if not self._smoothing:
            return told
        each = -functional.log_softmax(logits, dim=-1).masked_fill(self._never, 0.0).sum(dim=-1)
        each = each / (~self._never).sum()
        return (1 - self._smoothing) * told + self._smoothing * (each * (targets >= 0)).sum()

    def _spans(self, named: Any) -> list[tuple[int, int, int]] | None:
        if named is None:
            return None
        known = [one for one in named if one["label"] in self._numbers]
        return [(one["start"], one["end"], self._numbers[one["label"]]) for one in free(known)]

    def _logits(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [words, tags]."""
        ids, mask = batch["input_ids"], batch.get("attention_mask")
        lines = max(1, AT_ONCE // ids.shape[1])
        if len(ids) <= lines:
            return self._line_logits(ids, mask).flatten(0, 1)[batch["at"]]
        parts = []
        for start in range(0, len(ids), lines):
            part = ids[start : start + lines], None if mask is None else mask[start : start + lines]
            if torch.is_grad_enabled():  # what a part needs for its gradient is computed again, instead of kept
                parts.append(checkpoint(self._line_logits, *part, use_reentrant=False))
            else:
                parts.append(self._line_logits(*part))
        return torch.cat(parts).flatten(0, 1)[batch["at"]]

    def _line_logits(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        inputs: dict[str, Any] = {"input_ids": ids} if mask is None else {"input_ids": ids, "attention_mask": mask}
        attention.use_fitting(self.model, ids)
        logits: torch.Tensor = self.model(**inputs).logits.float()
        if self._never.device != logits.device:
            self._never = self._never.to(logits.device)  # once: a step waits for no copy
        return logits.masked_fill(self._never, NEVER)

    def _prediction(self, output: torch.Tensor) -> Prediction:
        if not len(output):
            return Prediction(label=[], probability=1.0, uncertainty=0.0)
        places = output[:, :PLACE].long().tolist()
        chances = torch.softmax(output[:, PLACE:], dim=-1)
        begins, inside = chances[:, 1::2], chances[:, 2::2]
        classes = torch.cat([chances[:, :1], begins + inside], dim=1)
        told = torch.from_numpy(label_changes.likeliest(classes.numpy(), self._changes))[:, None]
        sure, own = classes.gather(1, told), (told - 1).clamp(min=0)
        anew = (begins.gather(1, own) > inside.gather(1, own)).flatten()
        tags = self._tags_of(told.flatten().tolist(), anew.tolist())
        margin = float((sure - classes.scatter(1, told, 0.0).amax(dim=1, keepdim=True)).min())
        label, top = [], []
        for first, last, number in _runs(tags):
            name = self.classes[number]
            label.append({"start": places[first][0], "end": places[last][1], "label": name})
            top.append((name, float(classes[first : last + 1, number + 1].min())))
        return Prediction(
            label=label,
            probability=float(sure.min()),
            uncertainty=min(1.0, max(0.0, 1.0 - margin)),
            top=tuple(top),
        )

    def _tags_of(self, told: Sequence[int], anew: Sequence[bool]) -> list[int]:
        """The tag of each word by its class, 0 for none, and whether a span would rather begin there than go on."""
        may = self._touching
        return [
            number and 2 * number - (1 if begins and (may is None or number - 1 in may) else 0)
            for number, begins in zip(told, anew, strict=True)
        ]


def _runs(tags: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """First and last word of each span that tags mean, and its label."""
    begin, number = -1, -1
    for place, tag in enumerate([*tags, 0]):
        here = (tag - 1) // 2 if tag else -1
        if number >= 0 and (here != number or tag % 2):
            yield begin, place - 1, number
            number = -1
        if here >= 0 and number < 0:
            begin, number = place, here


def _tags(classes: Sequence[str]) -> list[str]:
    return [OUTSIDE, *(f"{prefix}-{name}" for name in classes for prefix in "BI")]


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Tagger:
    """A tagger at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    tags = _tags(job.schema["classes"])
    parts = sequence_model.start(job, rows, source, report, None, head=HEAD, outputs=tags)
    made = Tagger(parts, job.recipe.label_smoothing_factor)
    began = None if source is None else model_folder.config(source, part=True)
    if began is not None and hasattr(began, TOUCHING):
        # who goes on reads words as at its start, also where a newer version would part them otherwise
        for key in (TOUCHING, CROSSED, FOLLOWS):
            setattr(parts.model.config, key, list(getattr(began, key, ())))
        made.recall()
    return made


def load(folder: Path) -> Tagger:
    """A finished tagger for prediction; tags come from its config."""
    parts = sequence_model.finished(folder, HEAD)
    made = Tagger(parts)
    made.recall()
    return made
