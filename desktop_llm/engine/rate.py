"""How fast a device multiplies at most: FLOP/s of large dense matrices, against which a run's own are held."""

from __future__ import annotations

import time

import torch
from torch import nn

from desktop_llm.engine.device import Device

CARDS = {
    "B200": 2250.0,
    "H200": 989.0,
    "H100 PCIE": 756.0,
    "H100 NVL": 835.0,
    "H100": 989.0,
    "A100": 312.0,
    "A40": 149.7,
    "A30": 165.0,
    "A10G": 70.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "RTX A6000": 154.8,
    "RTX 6000 ADA": 364.0,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 4080": 97.5,
    "RTX 3090": 71.0,
    "RTX 3080": 59.5,
}
"""Published dense bf16 (and fp16) rates in TFLOP/s, NVIDIA's data sheets; TF32 has half of it."""
PARTS = (" MIG ", " LAPTOP ", " MAX Q ")
"""Cards of these names are slower than the others of theirs."""
ASSUMED = 100e12
"""FLOP/s of a card that is not in the table, where a rough figure serves."""
SIZES = {"cpu": 512}
GPU_SIZE = 4096
SECONDS, TIMES = 0.1, 3


def peak(device: Device) -> float:
    """FLOP/s of a device in its precision: published for a known card, else measured in a tenth of a second.

    0.0 where it cannot be told. Draws no random number.
    """
    known = published(device) if device.torch.type == "cuda" else 0.0
    return known or _measured(device)


def published(device: Device) -> float:
    """Of a card by its name; 0.0 for one that is not in the table, or runs in another precision than its units."""
    words = f" {device.title.upper().replace('-', ' ')} "
    if any(part in words for part in PARTS):
        return 0.0
    found = next((rate for name, rate in CARDS.items() if f" {name} " in words), 0.0)
    return found * 1e12 * (0.5 if device.precision == "fp32" else 1.0)


def _measured(device: Device) -> float:
    size = SIZES.get(device.torch.type, GPU_SIZE)
    with torch.device("meta"):  # its numbers would be drawn
        empty = nn.Linear(size, size, bias=False)
    layer = empty.to_empty(device="cpu")
    try:
        with torch.inference_mode(), device.autocast():
            layer.weight.fill_(0.5)
            device.take(layer)
            rows = torch.full((size, size), 0.5, device=device.torch)
            if device.precision != "fp32":  # cast once: casting is not what is measured
                kind = torch.bfloat16 if device.precision == "bf16" else torch.float16
                layer, rows = layer.to(kind), rows.to(kind)
            return 2.0 * size**3 / _fastest(layer, rows, device)
    except (MemoryError, RuntimeError):  # no room, or no such product here: the run itself will tell
        return 0.0


def _fastest(layer: nn.Linear, rows: torch.Tensor, device: Device) -> float:
    """The seconds of the fastest of some products: whatever else runs here makes the others slower."""
    began, least, times = time.perf_counter(), float("inf"), 0
    while times < TIMES or time.perf_counter() - began < SECONDS:
        before = time.perf_counter()
        layer(rows)
        _wait(device)
        least, times = min(least, time.perf_counter() - before), times + 1
    return max(least, 1e-9)


def _wait(device: Device) -> None:
    if device.torch.type == "cuda":
        torch.cuda.synchronize()
    elif device.torch.type == "mps":
        torch.mps.synchronize()
