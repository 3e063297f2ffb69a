"""Linear layers whose weights are kept in 4 bits while matrices beside them learn (QLoRA, Dettmers et al. 2023).

By bitsandbytes: NormalFloat4 with its scales in 8 bits, multiplied in bfloat16 where the GPU does.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from desktop_llm.errors import UserError

MISSING = (
    "“load_in_4bit” needs an NVIDIA GPU and the library bitsandbytes, and {what}; leave it off, LoRA works without it."
)


def place() -> torch.device:
    """Where weights are kept in 4 bits. Raises UserError where they cannot be."""
    if not torch.cuda.is_available():
        raise UserError(MISSING.format(what="there is no such GPU here"))
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(MISSING.format(what="the program was installed without its extra “quantized”"))
    return torch.device("cuda")


def use(model: nn.Module, names: Iterable[str], device: torch.device) -> None:
    """Keep the weights of these linear layers of a model in 4 bits, on the device, for good."""
    import bitsandbytes

    computed = torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    for name in names:
        plain = model.get_submodule(name)
        if type(plain) is not nn.Linear:
            continue
        with torch.device("meta"):
            made = bitsandbytes.nn.Linear4bit(
                plain.in_features,
                plain.out_features,
                bias=plain.bias is not None,
                compute_dtype=computed,
                quant_type="nf4",
            )
        weight = bitsandbytes.nn.Params4bit(
            plain.weight.detach(), requires_grad=False, quant_type="nf4", compress_statistics=True, module=made
        )
        made.weight = weight.to(device)
        made.bias = plain.bias
        made.train(plain.training)
        model.set_submodule(name, made)


def is_quantized(layer: nn.Module) -> bool:
    """Whether a layer's weight is kept in 4 bits."""
    return getattr(layer.weight, "quant_state", None) is not None


def weight_of(layer: Any) -> torch.Tensor:
    """The weight that a layer in 4 bits multiplies with, float32."""
    import bitsandbytes

    weight: torch.Tensor = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    return weight.float()
