"""What of a model learns, settled before its first step: all of it, its upper part, or small matrices beside it.

And whether it keeps what it computes on the way until the backward pass.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from desktop_llm.catalog import folder as folders
from desktop_llm.engine.device import Device
from desktop_llm.engine.optimizers import count, trainable
from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets import adapter, stack
from desktop_llm.nets.learner import Adapting, Learner
from desktop_llm.paths import expanded


def settle(learner: Learner, recipe: Recipe) -> None:
    """Freeze and adapt as the recipe says; called once, before `narrow`. Raises UserError."""
    model = learner.model
    if recipe.lora_r:
        if not isinstance(learner, Adapting):
            raise UserError("A model of this task cannot be adapted by LoRA; set “lora_r” to 0.")
        learner.adapt(recipe)
    if not isinstance(model, PreTrainedModel):
        return
    if recipe.freeze_backbone:
        _freeze_body(model)
    if recipe.freeze_layers:
        _freeze_layers(model, recipe.freeze_layers)


def save_memory(learner: Learner, recipe: Recipe, device: Device) -> None:
    """Compute parts of each step twice, where the recipe says so; called once, after `narrow`. Raises UserError.

    It hangs something on the model that cannot be copied with it. What stays as it is under an adapter is kept in half
    precision on a GPU that computes in it.
    """
    model = learner.model
    if recipe.lora_r and device.torch.type == "cuda" and device.precision == "bf16":
        adapter.halve(model, torch.bfloat16)
    if not recipe.gradient_checkpointing or not isinstance(model, PreTrainedModel):
        return
    if not model.supports_gradient_checkpointing:
        kind = model.config.model_type
        raise UserError(f"A model of the type “{kind}” has no gradient checkpointing; leave it off.")
    # its name since transformers 5.20 or so, and the one before
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def words(learner: Learner) -> str:
    """How much of the model learns, where that is not all of it; else ''."""
    every = count(learner.model)
    learned = sum(parameter.numel() for _, parameter in trainable(learner.model))
    if learned == every:
        return ""
    return f"{learned:,} of {every:,} parameters learn; the others stay as the model folder has them."


def start_notes(recipe: Recipe) -> tuple[str, ...]:
    """What a person should know of the model that a run starts from."""
    if recipe.model == SCRATCH:
        return ()
    said = folders.cut_words(expanded(recipe.model), recipe.max_length)
    return (said,) if said else ()


def _freeze_body(model: PreTrainedModel) -> None:
    body = stack.body_of(model)
    if not body:
        raise UserError(f"A model of the type “{model.config.model_type}” has no head; leave “freeze_backbone” off.")
    for name, parameter in model.named_parameters():
        if stack.in_body(name, body):
            parameter.requires_grad_(False)


def _freeze_layers(model: PreTrainedModel, count: int) -> None:
    depths = stack.depths(model, "freeze_layers")
    there = int(model.config.num_hidden_layers)
    if count > there:
        raise UserError(f"“freeze_layers” is {count:,}, the model has only {there:,} layers.")
    for name, parameter in model.named_parameters():
        if depths[name] <= count:
            parameter.requires_grad_(False)
