"""What computing takes from the wall: a GPU by NVML, a processor by its package's counters where readable.

Neither knows of memory, fans and losses of the power supply.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

POWERCAP = Path("/sys/class/powercap")


class Meter:
    """Joules since it was made; None where nothing can be read."""

    def __init__(self, device: torch.device, powercap: Path = POWERCAP) -> None:
        """Begins to count."""
        self._read = _gpu(device) if device.type == "cuda" else _packages(powercap)
        self._first = self._read() if self._read is not None else None

    def joules(self) -> float | None:
        """So far."""
        now = self._read() if self._read is not None else None
        if now is None or self._first is None or now < self._first:  # a counter that began anew says nothing
            return None
        return now - self._first


def card(device: torch.device) -> tuple[Any, Any] | None:
    """NVIDIA's management library and its handle of a GPU; None where it cannot be asked."""
    try:
        import pynvml

        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
    except Exception:  # noqa: BLE001 - no library, no driver, or a card it does not know: not shown then
        return None


def _gpu(device: torch.device) -> Callable[[], float | None] | None:
    """Joules of the card since its driver was loaded, or its power summed up where it has no counter."""
    found = card(device)
    if found is None:
        return None
    pynvml, handle = found
    began = time.monotonic()

    def read() -> float | None:
        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000.0
        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetPowerUsage(handle)) / 1000.0 * (time.monotonic() - began)
        return None

    return read


def _packages(powercap: Path) -> Callable[[], float | None] | None:
    """Joules of all processor packages; only their owner may read them on most systems."""
    files = [one / "energy_uj" for one in sorted(powercap.glob("intel-rapl:*")) if one.name.count(":") == 1]

    def read() -> float | None:
        try:
            return sum(int(file.read_text(encoding="ascii")) for file in files) / 1e6
        except (OSError, ValueError):
            return None

    return read if files and read() is not None else None
