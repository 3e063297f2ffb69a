"""A model with narrower layers: heads of attention, and inner neurons of the feed-forward parts, left out of each.

What goes is what says least: of each neuron, how large its values are on real texts times how much the next matrix
makes of them, as Wanda judges weights (Sun et al. 2023, arXiv:2306.11695), summed up for the places of a head. All
layers keep equally many, so that transformers alone loads the model. Heads can go where the config says how wide a
head is apart from how many there are (Llama and those like it); where heads share keys and values, those that do go
together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedModel

from desktop_llm.errors import UserError
from desktop_llm.nets import stack
from desktop_llm.nets.fewer_layers import filled

QUERIES, SHARED, OUT = "q_proj", ("k_proj", "v_proj"), "o_proj"
"""What models that say how wide their heads are call the parts of attention."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A linear layer by its name in the model, with the module."""

    name: str
    module: nn.Linear


def weights(model: PreTrainedModel, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """How much each input of the layers' second matrices says on the texts that `run` passes through the model, by the
    name of the matrix; float32."""
    told: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = {}
    second = [one for _, parts in _layers(model) for one in parts if _is_second(one, model)]

    def hook(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def seen(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            values = inputs[0].detach().float().flatten(0, -2)
            told[name] = told.get(name, torch.zeros(values.shape[1])) + values.square().sum(0).cpu()
            counts[name] = counts.get(name, 0) + len(values)

        return seen

    with ExitStack() as hooks:
        for one in second:
            hooks.callback(one.module.register_forward_pre_hook(hook(one.name)).remove)
        run()
    norms = {one.name: one.module.weight.detach().float().norm(dim=0).cpu() for one in second}
    return {name: (value / counts[name]).sqrt() * norms[name] for name, value in told.items()}


def with_inner(model: PreTrainedModel, wanted: int, said: dict[str, torch.Tensor]) -> PreTrainedModel:
    """A new model whose feed-forward parts keep the `wanted` inner neurons of each layer that say most by `weights`.

    Raises UserError.
    """
    inner, wide = _inner(model), int(model.config.hidden_size)
    if not 1 <= wanted <= inner:
        raise UserError(f"The layers have {inner:,} inner neurons each; keep 1 to {inner:,} of them, not {wanted:,}.")
    state = dict(model.state_dict())
    for name, parts in _layers(model):
        downs = [one for one in parts if one.module.in_features == inner and one.module.out_features == wide]
        ups = [one for one in parts if one.module.in_features == wide and one.module.out_features in (inner, 2 * inner)]
        if len(downs) != 1 or not ups or inner == wide:
            raise _refused(model, f"{name}: {len(downs)} {len(ups)}")
        kept = _most(said[downs[0].name], wanted)
        _columns(state, downs[0], kept)
        for one in ups:  # a gate may lie in the same matrix
            both = torch.cat([kept, kept + inner]) if one.module.out_features == 2 * inner else kept
            _rows(state, one, both)
    config = copy.deepcopy(model.config)
    config.intermediate_size = wanted
    return filled(model, config, dict(state))


def with_heads(model: PreTrainedModel, wanted: int, said: dict[str, torch.Tensor]) -> PreTrainedModel:
    """A new model that keeps the `wanted` heads of each layer that say most by `weights`. Raises UserError."""
    config = copy.deepcopy(model.config)
    heads, width = int(config.num_attention_heads), getattr(config, "head_dim", None)
    shared = int(getattr(config, "num_key_value_heads", None) or heads)
    group = heads // shared
    if not isinstance(width, int):
        raise UserError(
            f"In models of the type “{config.model_type}” the heads of a layer fill its width: none of them can be "
            "left out. Leave out layers or inner neurons."
        )
    # transformers refuses a number of heads that does not divide the width of the model
    allowed = [count for count in range(group, heads + 1, group) if config.hidden_size % count == 0]
    if wanted not in allowed:
        raise UserError(
            f"Of the {heads:,} heads of a layer there can stay {', '.join(map(str, allowed))}, not {wanted}."
        )
    state = dict(model.state_dict())
    for name, parts in _layers(model):
        by_name = {one.name.rpartition(".")[2]: one for one in parts}
        if not {QUERIES, *SHARED, OUT} <= by_name.keys():
            raise _refused(model, name)
        sums = said[by_name[OUT].name].view(shared, group * width).sum(dim=1)
        kept = _most(sums, wanted // group)
        for part, size in ((QUERIES, group * width), *((one, width) for one in SHARED)):
            _rows(state, by_name[part], _stretches(kept, size))
        _columns(state, by_name[OUT], _stretches(kept, group * width))
    config.num_attention_heads, config.head_dim = wanted, width
    if hasattr(config, "num_key_value_heads"):
        config.num_key_value_heads = wanted // group
    return filled(model, config, dict(state))


def _layers(model: PreTrainedModel) -> Iterator[tuple[str, list[_Part]]]:
    place = stack.layers(model, "layers")
    for number, layer in enumerate(model.get_submodule(place).children()):
        name = f"{place}.{number}"
        yield (
            name,
            [_Part(f"{name}.{inside}", one) for inside, one in layer.named_modules() if isinstance(one, nn.Linear)],
        )


def _is_second(one: _Part, model: PreTrainedModel) -> bool:
    """Whether a matrix takes what heads or inner neurons have made."""
    out = one.module.out_features == model.config.hidden_size
    return out and (one.module.in_features == _inner(model) or one.name.endswith(f".{OUT}"))


def _inner(model: PreTrainedModel) -> int:
    told = getattr(model.config, "intermediate_size", None)
    if not isinstance(told, int):
        raise _refused(model, "no intermediate_size")
    return told


def _most(values: torch.Tensor, wanted: int) -> torch.Tensor:
    """The places of the largest, in their order."""
    return torch.topk(values, wanted).indices.sort().values


def _stretches(kept: torch.Tensor, size: int) -> torch.Tensor:
    return (kept[:, None] * size + torch.arange(size)).flatten()


def _rows(state: dict[str, torch.Tensor], one: _Part, kept: torch.Tensor) -> None:
    for part, _ in one.module.named_parameters(recurse=False):
        state[f"{one.name}.{part}"] = state[f"{one.name}.{part}"][kept]


def _columns(state: dict[str, torch.Tensor], one: _Part, kept: torch.Tensor) -> None:
    state[f"{one.name}.weight"] = state[f"{one.name}.weight"][:, kept]


def _refused(model: PreTrainedModel, why: str) -> UserError:
    kind = model.config.model_type
    return UserError(f"The layers of a model of the type “{kind}” cannot be made narrower here.", details=why)
