"""What a model learns from another one, its teacher: how likely that finds each class, or each token.

Soft targets of Hinton, Vinyals and Dean 2015 (arXiv:1503.02531): the logits of both models are divided by a temperature
T, and the Kullback-Leibler divergence of the learner from the teacher is multiplied by T², so that its gradient keeps
its size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from desktop_llm.nets import head_loss
from desktop_llm.nets.head_loss import IGNORED


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """How much a teacher counts: its `weight` against the labels, 0 to 1, and the `temperature`."""

    temperature: float
    weight: float

    def mixed(self, hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """The loss that is learned by, of that against the labels and that against the teacher."""
        return (1.0 - self.weight) * hard + self.weight * soft


def losses(logits: torch.Tensor, said: torch.Tensor, temperature: float) -> torch.Tensor:
    """The loss of logits [n, c] against those that the teacher `said`, one class of all, float32 [n]."""
    ours = functional.log_softmax(logits.float() / temperature, dim=-1)
    theirs = functional.log_softmax(said.float() / temperature, dim=-1)
    return functional.kl_div(ours, theirs, log_target=True, reduction="none").sum(dim=-1) * temperature**2


def losses_apart(logits: torch.Tensor, said: torch.Tensor, temperature: float) -> torch.Tensor:
    """The same where each class is a question of its own, float32 [n]: the mean over the classes [n, c]."""
    pairs = (torch.stack([one.float(), torch.zeros_like(one, dtype=torch.float32)], dim=-1) for one in (logits, said))
    ours, theirs = (one.flatten(0, 1) for one in pairs)
    return losses(ours, theirs, temperature).view(logits.shape).mean(dim=-1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a model that writes says of tokens: hidden `states` [n, d] and the head [v, d] that makes logits of them; or
    logits [n, v] where `head` is None."""

    states: torch.Tensor
    head: torch.Tensor | None

    @property
    def size(self) -> int:
        """How many tokens it knows."""
        return self.states.shape[1] if self.head is None else len(self.head)


def token_loss(
    lesson: Lesson, ours: Said, theirs: Said, labels: torch.Tensor, *, smoothing: float = 0.0
) -> torch.Tensor:
    """The mean loss of the tokens whose `labels` int64 [n] count; nothing where none does. `smoothing` is of labels.

    The logits are made a piece of the tokens at a time, and for the gradient once more, so that never all exist
    together. Where the models do not know equally many tokens, those that both know count.
    """
    counted = torch.nonzero(labels != IGNORED)[:, 0]
    size = min(ours.size, theirs.size)
    total = ours.states[:0].float().sum()  # nothing, which can be differentiated all the same
    step = head_loss.pieces(len(counted), 2 * ours.size, labels.device)

    def part_of(mine: torch.Tensor, head: torch.Tensor | None, some: torch.Tensor) -> torch.Tensor:
        logits = (mine if head is None else mine @ head.t()).float()
        said = theirs.states[some] if theirs.head is None else theirs.states[some] @ theirs.head.t()
        soft = losses(logits[:, :size], said[:, :size], lesson.temperature).sum()
        hard = functional.cross_entropy(logits, labels[some], reduction="sum", label_smoothing=smoothing)
        return lesson.mixed(hard, soft)

    for start in range(0, len(counted), step):
        some = counted[start : start + step]
        told: torch.Tensor = checkpoint(
            part_of, ours.states[some], ours.head, some, use_reentrant=False, preserve_rng_state=False
        )
        total = total + told
    return total / max(1, len(counted))


def kept(said: torch.Tensor) -> np.ndarray:
    """Logits as they are kept: float16 is far finer than what is learned of them."""
    limits = torch.finfo(torch.float16)
    told: np.ndarray = said.float().clamp(limits.min, limits.max).half().numpy()
    return told
