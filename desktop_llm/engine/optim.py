"""AdamW over a model's parameters, what it remembers, and the learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from desktop_llm import log
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets.compact_embedding import CompactEmbedding


@dataclass(frozen=True, slots=True)
class States:
    """What a step remembers: tensors by name, where they are, not copied; and figures that JSON can hold."""

    tensors: Mapping[str, torch.Tensor]
    figures: Mapping[str, Any]


def count(model: nn.Module) -> int:
    """How many parameters a model has."""
    return sum(parameter.numel() for parameter in model.parameters())


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that learn, by name, in a fixed order."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def adamw(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019), fused. Weight decay acts on matrices only: not on biases, norms, embeddings."""
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, (nn.Embedding, CompactEmbedding))
        for parameter in module.parameters(recurse=False)
    }
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for _, parameter in trainable(model):
        (decayed if parameter.ndim >= 2 and id(parameter) not in embeddings else plain).append(parameter)
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )


def rate(recipe: Recipe, step: int, total: int) -> float:
    """The learning rate of optimizer step `step` (from 1) of `total`: linear warm-up, then the schedule.

    Linear falls to 0 after the last step; cosine is half a period to 0; constant stays.
    """
    warm = math.ceil(total * recipe.warmup_ratio)
    if step <= warm:
        return recipe.learning_rate * step / warm
    done = (step - 1 - warm) / max(1, total - warm)
    if recipe.lr_scheduler_type == "constant":
        return recipe.learning_rate
    if recipe.lr_scheduler_type == "cosine":
        return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
    return recipe.learning_rate * (1.0 - done)


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Give all parameter groups the learning rate `value`."""
    for group in optimizer.param_groups:
        group["lr"] = value


def states(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What the optimizer remembers of each parameter, as `name/key`; the tensors themselves, not copies."""
    tensors = {}
    for name, parameter in trainable(model):
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}/{key}"] = torch.as_tensor(value).detach()
    return tensors


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give the optimizer back what `states` told."""
    told: dict[str, dict[str, torch.Tensor]] = {}
    for place, value in tensors.items():
        name, _, key = place.rpartition("/")
        told.setdefault(name, {})[key] = value
    for name, parameter in trainable(model):
        if name not in told:
            log.logger("engine").info("no optimizer state for %s", name)
        for key, value in told.get(name, {}).items():
            optimizer.state[parameter][key] = value.to(parameter.device)
