"""What turns gradients into steps: AdamW, AdamW in 8 bits, Muon, Adafactor, all at the same learning rate.

Weight decay acts on matrices only: not on biases, norms, embeddings.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from desktop_llm import log
from desktop_llm.engine import shards
from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import stack

Named = tuple[str, nn.Parameter]
FACTOR = "rate_factor"
"""The share of the learning rate that a group of parameters has."""


@dataclass(frozen=True, slots=True)
class States:
    """What a step remembers: tensors by name, where they are, not copied; and figures that JSON can hold."""

    tensors: Mapping[str, torch.Tensor]
    figures: Mapping[str, Any]


def count(model: nn.Module) -> int:
    """How many parameters a model has."""
    return sum(parameter.numel() for parameter in model.parameters())


def trainable(model: nn.Module) -> list[Named]:
    """The parameters that learn, by name, in a fixed order."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


class Optimizers:
    """The optimizer of a model, or the two of it where one is for matrices alone."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        """Over the parameters that learn now, at the recipe's rate. Raises UserError for what is not there."""
        self._named = trainable(model)
        if not self._named:
            raise UserError("Nothing of the model is left to learn; freeze less of it.")
        self._made = _make(model, self._named, recipe)
        self.set_rate(recipe.learning_rate)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters that learn."""
        return [parameter for _, parameter in self._named]

    def set_rate(self, value: float) -> None:
        """Learn at the rate `value`, each group at its share of it."""
        for one in self._made:
            for group in one.param_groups:
                group["lr"] = value * group[FACTOR]

    def unscale(self, scaler: torch.amp.GradScaler) -> None:
        """Take the loss scale out of the gradients."""
        for one in self._made:
            scaler.unscale_(one)

    def step(self, scaler: torch.amp.GradScaler | None = None) -> None:
        """Change the weights by their gradients, which are then gone; a step of fp16 that overflowed is left out."""
        for one in self._made:
            if scaler is None:
                one.step()
            else:
                scaler.step(one)
        if scaler is not None:
            scaler.update()
        for one in self._made:
            one.zero_grad(set_to_none=True)

    def states(self) -> States:
        """What is remembered of each parameter, as `name/key`; the tensors themselves, not copies."""
        tensors: dict[str, torch.Tensor] = {}
        figures: dict[str, Any] = {}
        seen: set[int] = set()
        for one in self._made:
            for name, parameter in self._named:
                for key, value in one.state.get(parameter, {}).items():
                    if not isinstance(value, torch.Tensor):
                        figures[f"{name}/{key}"] = value
                        continue
                    place = shards.local(value).data_ptr()
                    shared = place in seen  # a table of all parameters: a file has each tensor by itself
                    if place:  # an empty part lies nowhere
                        seen.add(place)
                    tensors[f"{name}/{key}"] = value.detach().clone() if shared else value.detach()
        return States(tensors, {"optimizer": figures} if figures else {})

    def restore(self, states: States) -> None:
        """Take over what `states` told; nothing of before is left."""
        for one in self._made:
            one.zero_grad(set_to_none=True)
            one.state.clear()
        told: dict[str, dict[str, Any]] = {}
        for place, value in (*states.tensors.items(), *states.figures.get("optimizer", {}).items()):
            name, _, key = place.rpartition("/")
            told.setdefault(name, {})[key] = value
        owner = {
            id(parameter): one for one in self._made for group in one.param_groups for parameter in group["params"]
        }
        for name, parameter in self._named:
            if name not in told:
                log.logger("engine").info("no optimizer state for %s", name)
            state = owner[id(parameter)].state[parameter]
            for key, value in told.get(name, {}).items():
                if not isinstance(value, torch.Tensor):
                    state[key] = value
                    continue
                state[key] = shards.part_of(parameter.detach(), value.to(parameter.device, copy=True))

    def move(self, to: torch.device) -> None:
        """Bring what is remembered to a device."""
        for one in self._made:
            for remembered in one.state.values():
                for key, value in remembered.items():
                    if isinstance(value, torch.Tensor):
                        remembered[key] = value.to(to)


def _make(model: nn.Module, named: list[Named], recipe: Recipe) -> list[torch.optim.Optimizer]:
    if recipe.optim != "muon":
        return [_plain(_groups(model, named, recipe), recipe)]
    # Jordan et al. 2024: hidden matrices by Muon, embeddings, head, norms and biases by AdamW
    tables, body = stack.embeddings(model), stack.body_of(model) if isinstance(model, PreTrainedModel) else ""
    hidden = [
        (name, one) for name, one in named if one.ndim == 2 and id(one) not in tables and stack.in_body(name, body)
    ]
    chosen = {id(one) for _, one in hidden}
    made: list[torch.optim.Optimizer] = []
    if hidden:
        # its step is brought to the size of AdamW's (Liu et al. 2025, "Muon is scalable"), so that one rate serves both
        made.append(
            torch.optim.Muon(_groups(model, hidden, recipe), lr=recipe.learning_rate, adjust_lr_fn="match_rms_adamw")
        )
    rest = [(name, one) for name, one in named if id(one) not in chosen]
    return [*made, _adamw(_groups(model, rest, recipe), recipe)] if rest else made


def _plain(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optim == "adamw_8bit":
        return _adamw_8bit(groups, recipe)
    if recipe.optim == "adafactor":
        from transformers.optimization import Adafactor

        # told its rate and not made to find one by itself, it takes steps of AdamW's size
        return Adafactor(groups, lr=recipe.learning_rate, scale_parameter=False, relative_step=False, warmup_init=False)  # type: ignore[no-untyped-call]
    return _adamw(groups, recipe)


def _adamw(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019), fused."""
    return torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )


def _adamw_8bit(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with its memory in blocks of 8 bits (Dettmers et al. 2022)."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            "“adamw_8bit” needs the library bitsandbytes, which is not installed: install the program with its extra "
            "“quantized”, or choose another optimizer."
        )
    import bitsandbytes

    made: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
    )
    return made


def _groups(model: nn.Module, named: Iterable[Named], recipe: Recipe) -> list[dict[str, Any]]:
    """Groups of parameters with their weight decay and their share of the learning rate."""
    tables, factors = stack.embeddings(model), _factors(model, recipe)
    sorted_in: dict[tuple[float, float], list[nn.Parameter]] = {(recipe.weight_decay, 1.0): [], (0.0, 1.0): []}
    for name, parameter in named:
        decay = recipe.weight_decay if parameter.ndim >= 2 and id(parameter) not in tables else 0.0
        sorted_in.setdefault((decay, factors.get(name, 1.0)), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, FACTOR: factor}
        for (decay, factor), parameters in sorted_in.items()
        if parameters
    ]


def _factors(model: nn.Module, recipe: Recipe) -> dict[str, float]:
    """The share of the learning rate of each parameter: one factor less for every layer above it."""
    if recipe.layerwise_lr_decay == 1.0 or not isinstance(model, PreTrainedModel):
        return {}
    depths = stack.depths(model, "layerwise_lr_decay")
    top = max(depths.values())
    return {name: recipe.layerwise_lr_decay ** (top - depth) for name, depth in depths.items()}
