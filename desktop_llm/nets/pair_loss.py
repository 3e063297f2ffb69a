"""How much better than the other a model finds one of two answers, and what that costs where it is wrong.

All is by the log-probabilities of answers, float32 [b, 2]: the sum over their tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from desktop_llm.jobs.recipe_pairs import DPO, EVEN, ORPO

SURE = 1e-6
"""By so much less than one is an answer's probability at least, in the odds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """`loss_type` and `beta` as recipes call them; `smoothing` is how often labels are taken to be wrong."""

    loss_type: str = DPO
    beta: float = 0.1
    smoothing: float = 0.0

    @property
    def refers(self) -> bool:
        """Whether it measures from the model as it was at the start."""
        return self.loss_type != ORPO


def margins(way: Way, sums: torch.Tensor, tokens: torch.Tensor, began: torch.Tensor) -> torch.Tensor:
    """By how much the first answer's reward is above the second's, float32 [b]; `tokens` and `began` [b, 2].

    DPO (Rafailov et al. 2023, arXiv:2305.18290, eq. 7): β times how much likelier an answer is than it was, `began`;
    by the token with even lengths. ORPO (Hong et al. 2024, arXiv:2403.07691, eq. 7): the log odds of the mean tokens.
    """
    if way.loss_type == ORPO:
        likely = (sums / tokens.clamp(min=1)).clamp(max=-SURE)
        odds = likely - torch.log(-torch.expm1(likely))
        return odds[:, 0] - odds[:, 1]
    gained = sums - began
    if way.loss_type == EVEN:
        gained = gained / tokens.clamp(min=1)
    return way.beta * (gained[:, 0] - gained[:, 1])


def losses(
    way: Way, sums: torch.Tensor, tokens: torch.Tensor, began: torch.Tensor, better: torch.Tensor
) -> torch.Tensor:
    """The loss of each pair, float32 [b]; `better` is 1 where the first answer is, −1 where the second is.

    −log σ(margin), with `smoothing` ε as in conservative DPO (Mitchell 2023): −(1−ε) log σ(m) − ε log σ(−m). ORPO adds
    β times that to the mean loss of the better answer's tokens.
    """
    margin = margins(way, sums, tokens, began) * better
    told = -(1 - way.smoothing) * functional.logsigmoid(margin) - way.smoothing * functional.logsigmoid(-margin)
    if way.loss_type != ORPO:
        return told
    chosen = torch.where(better[:, None] > 0, sums, sums.flip(1))[:, 0]
    count = torch.where(better[:, None] > 0, tokens, tokens.flip(1))[:, 0].clamp(min=1)
    return way.beta * told - chosen / count
