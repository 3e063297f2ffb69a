"""A language model that chooses among classes: the text stands in a prompt, and the name of its class is the answer.

It learns the tokens of the names alone. Each class is as likely as the model finds its whole name, its end included,
for the answer, compared with all other names; the log-probabilities of names are the logits of what follows. A prompt
is read once: behind it the names are read as a tree, what they share once, each blind to the others. A model that
cannot be told so reads prompt and name again for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from desktop_llm.jobs import prompt
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import attention, causal_model, head_loss, name_tree, prompting, tokens
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.chat_kept import ChatKept
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.likeliest import likeliest
from desktop_llm.nets.prompting import Prompting
from desktop_llm.nets.tokens import TokenRows

AT_ONCE = 16_384
"""Tokens that are read at once where no gradient is wanted."""
CHUNK = 500


class PromptClasses(ChatKept):
    """A batch is prompts: `input_ids` int64 [b, longest], of which `sizes` int64 [b] are real; `labels` are classes."""

    def __init__(
        self, parts: CausalParts, where: Path, instruction: str, classes: Sequence[str], smoothing: float = 0.0
    ) -> None:
        """Put the parts together; `smoothing` is that of labels.

        Raises UserError for names that cannot be told apart, and where there is no room for prompt and name.
        """
        super().__init__(parts, where, prompting.PLAIN)
        self.classes, self._smoothing = tuple(classes), smoothing
        self._numbers = {name: place for place, name in enumerate(self.classes)}
        asked = prompt.with_labels(instruction, self.classes)
        self._prompting = Prompting(parts.tokenizer, self._template, asked, after=parts.after, context=self.context)
        self._names = name_tree.made(self.classes, self._prompting.answers(self.classes))
        self._room = min(self._prompting.least + parts.max_length, self.context - self._names.longest)
        if self._room < self._prompting.least:
            raise prompting.no_room(self._prompting.least + self._names.longest, self.context)
        config: Any = self.model.config  # whoever asks it later asks as it was taught
        setattr(config, prompt.KEY, instruction)
        config.id2label = dict(enumerate(self.classes))
        config.label2id = dict(self._numbers)
        self.joins = parts.apart and parts.plain_head and causal_model.window(config) >= self.widest
        """Whether all names are read behind one prompt."""

    @property
    def widest(self) -> int:
        """A prompt with the longest name behind it."""
        return self._room + self._names.longest

    def encode(self, rows: Iterable[Row], report: Report) -> TokenRows:
        """Prompts as tokens and labels as numbers; −1 for none and for one that the model does not know."""
        going = iter(rows)
        made: list[np.ndarray] = []
        targets: list[int] = []
        cut = 0
        while some := list(islice(going, CHUNK)):
            for ids, shortened in self._prompting.prompts([str(row["text"]) for row in some], [self._room] * len(some)):
                made.append(np.asarray(ids, dtype=np.int32))
                cut += shortened
            targets.extend(self._numbers.get(str(row.get("label")), -1) for row in some)
            report("Reading the texts", len(made), 0)
        if cut:
            read = self._room - self._prompting.least
            self.notes.append(
                f"{cut:,} texts are longer than the {read:,} tokens that are read of each beside the prompt, and are "
                "cut (“max_length” raises it, as far as the model can read)."
            )
        starts = np.zeros(len(made) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in made], out=starts[1:])
        flat = np.concatenate(made) if made else np.zeros(0, dtype=np.int32)
        return TokenRows(flat, starts, np.asarray(targets, dtype=np.int64))

    def collate(self, examples: TokenRows, indices: Sequence[int]) -> Batch:
        """Prompts, padded at the right."""
        batch = tokens.pad(examples, indices, self._pad)
        batch.pop("attention_mask", None)  # what stands behind a prompt is not seen by it
        return {**batch, "sizes": torch.from_numpy(examples.lengths[np.asarray(indices, dtype=np.int64)])}

    def loss(self, batch: Batch) -> torch.Tensor:
        """The loss of all tokens of the right names, by the text."""
        names = self._names.to(batch["labels"].device)
        ids, labels = _joined(batch["input_ids"], batch["sizes"], names.table[batch["labels"]], self._pad)
        mean = super().loss({"input_ids": ids, "labels": labels})
        return mean * ((labels != IGNORED).sum() / len(labels))

    def outputs(self, batch: Batch) -> torch.Tensor:
        """The log-probabilities of all names, float32 [b, classes] on the CPU."""
        ids, sizes = batch["input_ids"], batch["sizes"]
        names = self._names.to(ids.device)
        with torch.inference_mode():
            if not self.joins:
                return self._each(ids, sizes, names).cpu()
            step = max(1, AT_ONCE // (ids.shape[1] + len(names.tokens)))
            parts = [
                self._together(one, size, names)
                for one, size in zip(torch.split(ids, step), torch.split(sizes, step), strict=True)
            ]
            return torch.cat(parts).cpu()

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """The likeliest classes."""
        return likeliest(outputs, self.classes)

    def mean_loss(self, outputs: torch.Tensor, examples: TokenRows) -> float:
        """The mean loss of the right class among all, of the examples that have a label; 0 when none has."""
        targets = torch.from_numpy(examples.targets)
        known = targets >= 0
        if not bool(known.any()):
            return 0.0
        return float(torch.nn.functional.cross_entropy(outputs[known], targets[known]))

    def opening(self, row: Row, wanted: int) -> list[int]:
        """The prompt, cut as it is to be answered."""
        ((ids, _),) = self._prompting.prompts([str(row["text"])], [self._room])
        return ids

    def named(self) -> np.ndarray:
        """The tokens of the names of all classes, as they stand behind a prompt."""
        told: np.ndarray = self._names.table[self._names.table != IGNORED].cpu().numpy()
        return told

    def _together(self, ids: torch.Tensor, sizes: torch.Tensor, names: name_tree.NameTree) -> torch.Tensor:
        """All names behind each prompt, read in one go."""
        lines, wide = ids.shape
        nodes = len(names.tokens)
        sees = torch.zeros(lines, wide + nodes, wide + nodes, dtype=torch.bool, device=ids.device)
        columns = torch.arange(wide, device=ids.device)
        sees[:, :wide, :wide] = columns[:, None] >= columns
        sees[:, wide:, :wide] = (columns < sizes[:, None])[:, None]
        sees[:, wide:, wide:] = names.sees
        hidden = causal_model.hidden_of(
            self.model,
            input_ids=torch.cat([ids, names.tokens.expand(lines, -1)], dim=1),
            position_ids=torch.cat([columns.expand(lines, -1), sizes[:, None] + names.depths], dim=1),
            attention_mask=attention.mask_from(sees, self.precision(ids.device)),
        )
        before = hidden.gather(1, (sizes - 1)[:, None, None].expand(-1, 1, hidden.shape[2]))
        behind = torch.cat([before, hidden[:, wide:]], dim=1)
        nexts = names.nexts.expand(lines, -1, -1).flatten(0, 1)
        return names.summed(self._chances(behind.flatten(0, 1), nexts).view(lines, nodes + 1, -1))

    def _chances(self, hidden: torch.Tensor, nexts: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the tokens `nexts` [n, most] behind hidden states [n, width]; float32 [n, most]."""
        head = causal_model.head_of(self.model)
        step = head_loss.pieces(len(hidden), len(head), hidden.device)
        told = []
        for some, wanted in zip(torch.split(hidden, step), torch.split(nexts, step), strict=True):
            logits = (some @ head.t()).float()
            told.append(logits.gather(1, wanted) - torch.logsumexp(logits, dim=-1, keepdim=True))
        return torch.cat(told)

    def _each(self, ids: torch.Tensor, sizes: torch.Tensor, names: name_tree.NameTree) -> torch.Tensor:
        """Each name behind each prompt, read one by one."""
        count = len(names.table)
        pairs = torch.arange(len(ids) * count, device=ids.device)
        nowhere = torch.zeros(0, dtype=torch.int64, device=ids.device)
        told = []
        for some in torch.split(pairs, max(1, AT_ONCE // (ids.shape[1] + names.longest))):
            text, name = some // count, some % count
            given, labels = _joined(ids[text], sizes[text], names.table[name], self._pad)
            losses, _ = self.measured(given, labels, nowhere)
            told.append(-losses.float().sum(dim=1))
        return torch.cat(told).view(len(ids), count)


def _joined(ids: torch.Tensor, sizes: torch.Tensor, names: torch.Tensor, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts [b, p] of `sizes` with names [b, n] behind them: what is given and what is to be foretold [b, p + n − 1],
    IGNORED where that is no token of a name."""
    wide = ids.shape[1] + names.shape[1]
    place = torch.arange(wide, device=ids.device) - sizes[:, None]
    inside = (place >= 0) & (place < names.shape[1])
    wanted = torch.where(inside, names.gather(1, place.clamp(0, names.shape[1] - 1)), IGNORED)
    given = torch.nn.functional.pad(ids, (0, names.shape[1]), value=pad)
    return torch.where(wanted != IGNORED, wanted, given)[:, :-1], wanted[:, 1:]


def build(job: Job, source: Path | None, report: Report) -> PromptClasses:
    """A learner at its start, from the recipe's model folder or in the shape of `source`."""
    parts = causal_model.start(job, lambda: (), source, report)
    recipe, where = job.recipe, source or Path(job.recipe.model)
    return PromptClasses(parts, where, recipe.instruction, job.schema["classes"], recipe.label_smoothing_factor)


def load(folder: Path) -> PromptClasses:
    """A finished model, asked as it was taught; label names come from its config."""
    parts = causal_model.finished(folder)
    parts.model.train(False)
    config: Any = parts.model.config
    names = {int(place): str(name) for place, name in (config.id2label or {}).items()}
    return PromptClasses(parts, folder, str(getattr(config, prompt.KEY, "")), [names[place] for place in sorted(names)])
