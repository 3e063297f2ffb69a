"""How the device does its work while a run goes on: its share of the peak, how warm it is, what it takes.

A thread reads the sensors, which may take some milliseconds; the loop only takes along what was read last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import psutil
import torch

from desktop_llm.engine import energy, flops
from desktop_llm.engine.parts import Parts
from desktop_llm.jobs.events import Gauged

EVERY_SECONDS = 2.0
PROCESSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal")
"""The drivers of processors' own thermometers, as Linux calls them."""

Read = Callable[[], float | None]


class Gauge:
    """Adds up what the model computed and says now and then which share of the peak that was."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is read before `begin`."""
        self._parts = parts
        self._flops = flops.of(parts.learner) if parts.peak else None
        self._computed = self._seconds = 0.0
        self._sensors: Sensors | None = None
        self._read_at = time.monotonic()

    def begin(self) -> None:
        """Steps follow."""
        if self._sensors is None:
            device = self._parts.device.torch
            self._sensors = Sensors(energy.Meter(device), thermometer(device), EVERY_SECONDS)

    def close(self) -> None:
        """Read no more."""
        if self._sensors is not None:
            self._sensors.close()

    def add(self, lengths: np.ndarray) -> None:
        """A step on examples of these lengths, int64 [n] in tokens."""
        if self._flops is not None:
            self._computed += self._flops.of(lengths)

    def read(self, step: int, seconds: float) -> Gauged | None:
        """What is to be said after `step`, once in some seconds; `seconds` are those of the steps since the last call.

        None where it is not time yet, or nothing is known.
        """
        self._seconds += seconds
        if time.monotonic() - self._read_at < EVERY_SECONDS:
            return None
        self._read_at = time.monotonic()
        mfu = self._computed / (self._seconds * self._parts.peak) if self._parts.peak and self._seconds > 0 else 0.0
        self._computed = self._seconds = 0.0
        celsius, watts = self._sensors.told if self._sensors is not None else (0.0, 0.0)
        if not (mfu or celsius or watts):
            return None
        return Gauged(at=time.time(), step=step, mfu=mfu, celsius=celsius, watts=watts)


class Sensors:
    """Reads a device's energy counter and thermometer in a thread, where it has any."""

    def __init__(self, meter: energy.Meter, thermometer: Read, every: float) -> None:
        """Begins to read, `every` so many seconds."""
        self.told = (0.0, 0.0)
        """Degrees Celsius and watts, as read last; 0.0 for what cannot be read."""
        self._meter, self._thermometer = meter, thermometer
        self._every, self._over = every, threading.Event()
        self.last = time.monotonic(), self._meter.joules()
        """When the counter was read last, and what it said."""
        self._thread: threading.Thread | None = None
        if self.last[1] is not None or self._thermometer() is not None:
            self._thread = threading.Thread(target=self._go_on, name="sensors", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def read(self) -> None:
        """Read both now."""
        self.told = self._thermometer() or 0.0, self._watts()

    def _go_on(self) -> None:
        while not self._over.wait(self._every):
            self.read()

    def _watts(self) -> float:
        """On average since the last time."""
        now, joules = time.monotonic(), self._meter.joules()
        (then, before), self.last = self.last, (now, joules)
        if joules is None or before is None or now <= then:
            return 0.0
        return max(0.0, joules - before) / (now - then)


def thermometer(device: torch.device) -> Read:
    """What tells how warm a device is, in degrees Celsius; None where nothing does."""
    if device.type == "cuda":
        found = energy.card(device)
        return _nothing if found is None else _gpu(*found)
    return processor if hasattr(psutil, "sensors_temperatures") else _nothing


def processor() -> float | None:
    """The warmest of the processors."""
    told: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        told = psutil.sensors_temperatures()
    found = [one.current for name in PROCESSORS for one in told.get(name, ()) if one.current]
    return float(max(found)) if found else None


def _gpu(pynvml: Any, handle: Any) -> Read:
    def read() -> float | None:
        try:
            return float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
        except pynvml.NVMLError:
            return None

    return read


def _nothing() -> None:
    return None
