"""The head of a model that was trained here or elsewhere, taken over class by class, by name.

A head has a row for each class. Where a run starts from a model with other classes, or with the same in another order,
each class that both have brings its row along; those that are new keep the row with which the model was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from desktop_llm.catalog.folder import WEIGHTS

UNNAMED = "LABEL_"
"""How transformers calls classes that nobody named; such heads are taken as they are, if they have as many rows."""


def names(id2label: Mapping[int, str] | Mapping[str, str] | None) -> tuple[str, ...]:
    """The classes of a config in the order of their rows."""
    told = {int(place): str(name) for place, name in (id2label or {}).items()}
    return tuple(told[place] for place in sorted(told))


def take_over(model: nn.Module, folder: Path, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Give the head of `model`, whose classes are `after`, the rows of the model in `folder`, whose are `before`.

    Returns the classes whose rows are new. A model whose head has no such rows, or none by these names, is left as it
    was loaded, but for rows of other classes: those are made anew.
    """
    if tuple(before) == tuple(after) or all(name.startswith(UNNAMED) for name in before):
        return []
    output = _output(model, len(after))
    if output is None:
        return []
    name, layer = output
    rows = {one: place for place, one in enumerate(before)}
    fresh = nn.Linear(layer.in_features, layer.out_features)
    nn.init.normal_(fresh.weight, std=float(getattr(getattr(model, "config", None), "initializer_range", 0.02)))
    nn.init.zeros_(fresh.bias)
    kept = _kept(folder, name, len(before))
    with torch.no_grad():
        for part, made in (("weight", fresh.weight), ("bias", fresh.bias)):
            there = getattr(layer, part)
            if there is None:
                continue
            for place, one in enumerate(after):
                old = kept.get(part)
                if old is not None and one in rows and old[0].shape == there[0].shape:
                    there[place] = old[rows[one]].to(there.dtype)
                else:
                    there[place] = made[place].to(there.dtype)
    return [one for one in after if one not in rows or "weight" not in kept]


def fix(model: nn.Module, rows: Sequence[int], classes: int, logit: float) -> None:
    """Let some rows of a head of `classes` rows say `logit`, whatever they are asked; a head without biases is left."""
    output = _output(model, classes)
    if output is None or output[1].bias is None or not rows:
        return
    with torch.no_grad():
        output[1].weight[list(rows)] = 0.0
        output[1].bias[list(rows)] = logit


def release(model: nn.Module, rows: Mapping[int, int], classes: int, logit: float) -> None:
    """Let those of some rows that were fixed to say `logit` begin as others do: `rows` tells which one each."""
    output = _output(model, classes)
    if output is None or output[1].bias is None:
        return
    layer = output[1]
    with torch.no_grad():
        for row, like in rows.items():
            if not bool(layer.weight[row].any()) and float(layer.bias[row]) < logit + 1.0:
                layer.weight[row], layer.bias[row] = layer.weight[like], layer.bias[like]


def _output(model: nn.Module, classes: int) -> tuple[str, nn.Linear] | None:
    """The last linear layer above the encoder with a row for each class."""
    body = f"{getattr(model, 'base_model_prefix', '')}."
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == classes and not name.startswith(body)
    ]
    return found[-1] if found else None


def _kept(folder: Path, name: str, classes: int) -> dict[str, torch.Tensor]:
    """Weight and bias of a layer as they are in the folder, if they have a row for each of its classes."""
    path = folder / WEIGHTS[0]
    if not path.is_file():
        return {}
    with safe_open(path, framework="pt") as file:
        there = set(file.keys())
        told = {part: file.get_tensor(f"{name}.{part}") for part in ("weight", "bias") if f"{name}.{part}" in there}
    return {part: tensor for part, tensor in told.items() if len(tensor) == classes}
