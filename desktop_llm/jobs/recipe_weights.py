"""The part of a recipe that says how weights change: the optimizer, which parts of a model learn, adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from desktop_llm.errors import UserError

SCRATCH = "scratch"


def hyper(default: Any, title: str, help_text: str, group: str, **more: Any) -> Any:
    """A field of a recipe with what forms and checks know of it, see `Recipe`."""
    return field(default=default, metadata={"title": title, "help": help_text, "group": group, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightKeys:
    """Metadata as in `Recipe`, whose keys these are."""

    optim: str = hyper(
        "adamw",
        "Optimizer",
        "What turns gradients into steps. Muon often needs fewer steps from scratch; Adafactor and 8-bit AdamW need "
        "less memory. All of them work with the same learning rate.",
        "optimizer",
        choices=(
            ("adamw", "AdamW"),
            ("adamw_8bit", "AdamW in 8 bits"),
            ("muon", "Muon"),
            ("adafactor", "Adafactor"),
        ),
    )
    warmup_steps: int = hyper(
        0,
        "Warm-up steps",
        "Steps in which the learning rate rises from zero; 0: by the warm-up's share of the run.",
        "optimizer",
        minimum=0,
        maximum=100_000_000,
    )
    lr_decay_ratio: float = hyper(
        0.2,
        "Falling share",
        "Share of the run at its end in which the learning rate falls, for the schedule that holds it until then.",
        "optimizer",
        minimum=0.0,
        maximum=1.0,
        decimals=3,
    )
    ema_decay: float = hyper(
        0.0,
        "Averaged weights",
        "Keeps a moving average of the weights, measured and kept in their place: steadier than the last step. "
        "0.99 to 0.9999, the longer the run the nearer to 1; 0: off.",
        "optimizer",
        minimum=0.0,
        maximum=0.999999,
    )
    layerwise_lr_decay: float = hyper(
        1.0,
        "Rate by layer",
        "Each layer learns with this share of the rate of the layer above, so that what lies deep changes less. "
        "0.8 to 0.95 for a trained model; 1: all alike.",
        "optimizer",
        minimum=0.1,
        maximum=1.0,
        decimals=3,
    )
    freeze_backbone: bool = hyper(
        False,
        "Only the head learns",
        "The model folder's own weights stay as they are: fast and small, for few texts or a first look.",
        "optimizer",
        folder_only=True,
    )
    freeze_layers: int = hyper(
        0,
        "Frozen layers",
        "So many of the lowest layers, and the word embeddings below, stay as the model folder has them.",
        "optimizer",
        minimum=0,
        maximum=1000,
        folder_only=True,
    )
    gradient_checkpointing: bool = hyper(
        False,
        "Gradient checkpointing",
        "Computes parts of each step twice instead of keeping them: far less memory, about a third slower.",
        "optimizer",
    )
    lora_r: int = hyper(
        0,
        "LoRA rank",
        "Leaves the model folder's weights as they are and learns small matrices beside them, this wide: less memory, "
        "small checkpoints. Wants about ten times the learning rate, at most 1e-3: it is set so unless you set "
        "another. 8 to 64; 0: off, the whole model learns.",
        "adapter",
        minimum=0,
        maximum=4096,
        folder_only=True,
    )
    lora_alpha: int | None = hyper(
        None,
        "LoRA weight",
        "How strongly the small matrices count, divided by their rank. Automatic: twice the rank.",
        "adapter",
        minimum=1,
        maximum=100_000,
        folder_only=True,
    )
    lora_dropout: float = hyper(
        0.0,
        "LoRA dropout",
        "Share of numbers switched off at random before the small matrices while learning.",
        "adapter",
        minimum=0.0,
        maximum=0.9,
        decimals=2,
        folder_only=True,
    )
    lora_target_modules: str = hyper(
        "",
        "LoRA places",
        "Names of the layers beside which to learn, with commas, such as “q_proj, v_proj”. Empty: all linear layers.",
        "adapter",
        folder_only=True,
    )
    use_dora: bool = hyper(
        False,
        "DoRA",
        "Learns the length of the weights apart from their direction: a little better at low ranks, and slower.",
        "adapter",
        folder_only=True,
    )
    load_in_4bit: bool = hyper(
        False,
        "Base in 4 bits",
        "Keeps the model folder's own weights in 4 bits while the small matrices learn (QLoRA): a quarter of the "
        "memory, slower steps. Needs an NVIDIA GPU and the extra “quantized”.",
        "adapter",
        folder_only=True,
    )


def check(keys: WeightKeys, model: str) -> None:
    """Raise UserError where values do not fit each other or a start from `model`."""
    if model == SCRATCH:
        asked = {"freeze_backbone": keys.freeze_backbone, "freeze_layers": keys.freeze_layers, "lora_r": keys.lora_r}
        for key, value in asked.items():
            if value:
                raise UserError(f"“{key}” needs a model folder to start from: from scratch there is nothing to keep.")
    if keys.lora_r and (keys.freeze_backbone or keys.freeze_layers):
        raise UserError("With “lora_r” the model is frozen already; leave “freeze_backbone” and “freeze_layers” off.")
    for key, value in {"use_dora": keys.use_dora, "load_in_4bit": keys.load_in_4bit}.items():
        if value and not keys.lora_r:
            raise UserError(f"“{key}” needs a rank: set “lora_r”, for example to 16.")
