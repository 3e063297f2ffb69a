"""Where in a model of transformers a parameter lies: below its layers, in one of them, or above.

Told by what every such model has: its body (`base_model`), and in it one list of as many modules as the config has
layers. No architecture is named, so that it holds for those that are still to come.
"""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from desktop_llm.errors import UserError
from desktop_llm.nets.compact_embedding import CompactEmbedding

POOLER = ".pooler."
"""What lies between body and head and is learned anew with the head, as `nets.model_folder` has it, too."""


def layers(model: PreTrainedModel, key: str) -> str:
    """The name of the list of layers. Raises UserError, which names the recipe's `key`, where it can't be told."""
    count = getattr(model.config, "num_hidden_layers", None)
    found: list[str] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{one}.") for one in found)  # a list in a layer, such as its experts
        if isinstance(module, nn.ModuleList) and len(module) == count and not inside:
            found.append(name)
    if len(found) != 1:
        raise UserError(
            f"It cannot be told which layers a model of the type “{model.config.model_type}” has; leave “{key}” as it "
            "is by default."
        )
    return found[0]


def depths(model: PreTrainedModel, key: str) -> dict[str, int]:
    """How deep each parameter lies, by name: 0 below the layers, 1 for the lowest, one more than there are above.

    Raises UserError as `layers`.
    """
    place = layers(model, key) + "."
    body = body_of(model)
    top = int(model.config.num_hidden_layers) + 1
    told: dict[str, int] = {}
    reached = False
    for name, _ in model.named_parameters():
        if name.startswith(place):
            told[name] = int(name[len(place) :].split(".", 1)[0]) + 1
            reached = True
        else:
            told[name] = top if reached or not in_body(name, body) else 0
    return told


def body_of(model: PreTrainedModel) -> str:
    """The name of the model's body with a point behind it; '' where the model is nothing but a body."""
    prefix = str(model.base_model_prefix)
    return f"{prefix}." if prefix and model.base_model is not model else ""


def in_body(name: str, body: str) -> bool:
    """Whether a parameter or module is part of the body, and not learned anew with the head."""
    return bool(body) and name.startswith(body) and POOLER not in f"{name}."


def embeddings(model: nn.Module) -> set[int]:
    """The ids of all parameters that are tables of embeddings."""
    return {
        id(parameter)
        for module in model.modules()
        if isinstance(module, (nn.Embedding, CompactEmbedding))
        for parameter in module.parameters(recurse=False)
    }
