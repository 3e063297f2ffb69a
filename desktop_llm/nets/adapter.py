"""Small matrices that learn beside a model's own (LoRA, Hu et al. 2021; DoRA, Liu et al. 2024), by peft.

They are put into the model where it stands, so that whatever works with the model works on. A checkpoint holds them and
the head, in the layout that peft itself reads, and a note of the model that they stand upon:

    adapter_model.safetensors  adapter_config.json  base.json
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from desktop_llm import atomic
from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import model_folder, quantized, stack
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from peft import LoraConfig

NAME = "default"
BEFORE = "base_model.model."
"""What peft puts before the names of a model's parts."""
INSIDE = ".base_layer."
NOTE = "base.json"
FOUR_BITS = "is_loaded_in_4bit"
"""By this attribute peft knows that it has to look for layers of 4 bits."""
KINDS = {
    "ForSequenceClassification": "SEQ_CLS",
    "ForTokenClassification": "TOKEN_CLS",
    "ForCausalLM": "CAUSAL_LM",
    "ForConditionalGeneration": "SEQ_2_SEQ_LM",
    "MTModel": "SEQ_2_SEQ_LM",
}
"""What peft calls a model's purpose, by how transformers names its class."""


class Adapter:
    """The matrices beside the linear layers of a model's body, and its head, which learns as a whole."""

    def __init__(self, model: PreTrainedModel, recipe: Recipe) -> None:
        """Put them in; only they and the head learn from now on. Raises UserError."""
        from peft import inject_adapter_in_model

        self._model = model
        self._base = expanded(recipe.model)
        self._note = {path.name: atomic.sha256(path) for path in model_folder.weights(self._base)}
        self._heads = _heads(model)
        targets = _targets(model, recipe.lora_target_modules)
        self._config = _config(model, recipe, targets)
        if recipe.load_in_4bit:
            quantized.use(model, targets, quantized.place())
        setattr(model, FOUR_BITS, any(quantized.is_quantized(model.get_submodule(name)) for name in targets))
        inject_adapter_in_model(self._config, model, NAME)
        delattr(model, FOUR_BITS)
        for head in self._heads:
            model.get_submodule(head).requires_grad_(True)

    def learned(self) -> dict[str, torch.Tensor]:
        """What learns, by the names that it has in peft's files; the tensors themselves, not copies."""
        named = self._model.named_parameters()
        return {BEFORE + _name_in_file(name): one.detach() for name, one in named if one.requires_grad}

    def write(self, folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write what `learned` told, on the CPU, into an existing folder. Raises OSError, SafetensorError."""
        kept = {name: value.contiguous() for name, value in tensors.items()}
        save_file(kept, folder / model_folder.ADAPTER, metadata={"format": "pt"})
        told = copy.copy(self._config)
        told.inference_mode = True  # whoever loads it wants answers, as with peft's own files
        # told only now: peft would put a second head beside the first, which would never learn
        told.modules_to_save = self._heads or None
        told.save_pretrained(str(folder))
        atomic.write_json(folder / NOTE, {"folder": str(self._base), "sha256": self._note})

    def adopt(self, folder: Path) -> None:
        """Take over what `write` wrote. Raises UserError, also where it stands upon other weights."""
        try:
            told = json.loads((folder / NOTE).read_text(encoding="utf-8"))
            tensors = load_file(folder / model_folder.ADAPTER)
        except (OSError, ValueError, SafetensorError) as error:
            raise UserError(f"The adapter in “{folder}” cannot be read ({error}).") from error
        if told.get("sha256") != self._note:
            raise UserError(
                f"The model in “{self._base}” is not the one that this run began with; put the same files back, or "
                "start a new run."
            )
        mine = self.learned()
        if mine.keys() != tensors.keys() or any(mine[name].shape != one.shape for name, one in tensors.items()):
            raise UserError(f"The adapter in “{folder}” does not fit the model of this run.")
        for name, value in tensors.items():
            mine[name].copy_(value)

    def merged(self) -> dict[str, torch.Tensor]:
        """The whole model with what was learned added to its own weights, on the CPU, under its own names."""
        from peft.tuners.lora import LoraLayer

        layers = {name: one for name, one in self._model.named_modules() if isinstance(one, LoraLayer)}
        state: dict[str, torch.Tensor] = {}
        for name, value in self._model.state_dict().items():
            owner, _, part = name.partition(INSIDE)
            if part and owner in layers:
                if part == "bias":
                    state[f"{owner}.bias"] = value.detach().to("cpu", torch.float32)
            elif not any(part in name for part in (".lora_A.", ".lora_B.", ".lora_magnitude_vector.")):
                kind = torch.float32 if value.is_floating_point() else value.dtype
                state[name] = value.detach().to("cpu", kind)
        for name, layer in layers.items():
            state[f"{name}.weight"] = _merged(layer)
        return state


@torch.no_grad()
def halve(model: nn.Module, kind: torch.dtype) -> int:
    """Keep in `kind` the weights beside which is learned, where they lose nothing by it; how many.

    Products are made in that precision anyway. Most model folders hold their weights in bfloat16.
    """
    from peft.tuners.lora import LoraLayer

    halved = 0
    for layer in [one for one in model.modules() if isinstance(one, LoraLayer)]:
        base: Any = layer.get_base_layer()
        if quantized.is_quantized(base) or base.weight.requires_grad or base.weight.dtype != torch.float32:
            continue
        small = base.weight.to(kind)
        if torch.equal(small.float(), base.weight):
            base.weight.data = small
            halved += 1
    return halved


def is_halved(model: nn.Module) -> bool:
    """Whether some of a model's matrices are kept in half precision, so that it computes under autocast alone."""
    return any(one.ndim == 2 and one.dtype in (torch.bfloat16, torch.float16) for one in model.parameters())


def _name_in_file(name: str) -> str:
    return name.replace(f".lora_magnitude_vector.{NAME}.weight", ".lora_magnitude_vector").replace(
        f".{NAME}.weight", ".weight"
    )


@torch.no_grad()
def _merged(layer: Any) -> torch.Tensor:
    """The weight of a linear layer with its matrices added, on the CPU; the layer stays as it is."""
    base = layer.get_base_layer()
    if quantized.is_quantized(base):
        weight, variant = quantized.weight_of(base), layer.lora_variant.get(NAME)
        made: torch.Tensor = (
            weight + layer.get_delta_weight(NAME) if variant is None else variant.merge_safe(layer, NAME, weight)
        )
    else:
        apart = copy.deepcopy(layer).float()
        apart.merge()
        made = apart.get_base_layer().weight
    return made.detach().to("cpu")


def _config(model: PreTrainedModel, recipe: Recipe, targets: list[str]) -> LoraConfig:
    from peft import LoraConfig

    kind = next((kind for name, kind in KINDS.items() if type(model).__name__.endswith(name)), None)
    return LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_r,
        lora_dropout=recipe.lora_dropout,
        target_modules=_short(model, targets),
        use_dora=recipe.use_dora,
        # GPT-2 keeps its matrices turned
        fan_in_fan_out=isinstance(model.get_submodule(targets[0]), Conv1D),
        task_type=kind,
        base_model_name_or_path=str(expanded(recipe.model)),
    )


def _linear(model: PreTrainedModel) -> list[str]:
    return [name for name, one in model.named_modules() if isinstance(one, (nn.Linear, Conv1D))]


def _targets(model: PreTrainedModel, asked: str) -> list[str]:
    """The names of the layers beside which to learn. Raises UserError where there are none, or none of a name."""
    body = stack.body_of(model)
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    inside = [
        name
        for name in _linear(model)
        if stack.in_body(name, body) or (not body and model.get_submodule(name) is not head)
    ]
    if not inside:
        raise UserError(f"A model of the type “{model.config.model_type}” has no layers for LoRA; set “lora_r” to 0.")
    wanted = [one.strip() for one in asked.split(",") if one.strip()]
    for one in wanted:
        if not any(f".{name}".endswith(f".{one}") for name in inside):
            known = ", ".join(sorted({name.rpartition(".")[2] for name in inside}))
            raise UserError(f"The model has no linear layer “{one}”; “lora_target_modules” may name {known}.")
    return [name for name in inside if not wanted or any(f".{name}".endswith(f".{one}") for one in wanted)]


def _short(model: PreTrainedModel, targets: list[str]) -> list[str]:
    """These layers by their last names, as others' tools expect it, where those mean no other layer."""
    short = {name.rpartition(".")[2] for name in targets}
    meant = [name for name in _linear(model) if name.rpartition(".")[2] in short]
    return sorted(short) if len(meant) == len(targets) else targets


def _heads(model: PreTrainedModel) -> list[str]:
    """The modules that are learned anew; a head that the model brought along, as those that write do, is none."""
    body, own = stack.body_of(model).rstrip("."), model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not body:  # a model that is nothing but its body has no head of its own to learn anew
        return []
    above = [
        name
        for name, one in model.named_children()
        if name != body and one is not own and any(True for _ in one.parameters())
    ]
    return above + [name for name, _ in model.named_modules() if name.endswith(stack.POOLER.rstrip("."))]
