"""Where a run can run on this machine: beside one device, several GPUs at once, where there are several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.widgets.form import DataForm

DEVICE, PROCESSES = "device", "num_processes"
SPREAD_KEYS = [one.name for one in fields(Recipe) if one.metadata["group"] == "several" and one.name != PROCESSES]
"""What is to be set only where there are several processes."""
BETWEEN = "*"


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainDevices", text)


class TrainDevices:
    """The row *Run on* of a form: a device, or so many processes, as one choice."""

    def __init__(self, form: DataForm) -> None:
        """Offers one device at a time until `offer`."""
        self._form = form

    def offer(self, count: int) -> None:
        """Offer two to `count` GPUs at once."""
        for several in range(2, count + 1):
            self._add("cuda", several)

    def values(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The form's values with the choice taken apart."""
        device, _, several = str(told[DEVICE]).partition(BETWEEN)
        return {**told, DEVICE: device, PROCESSES: int(several or 1)}

    def show(self, recipe: Recipe) -> None:
        """Show what a recipe has, which may come from elsewhere and ask for more than there is here."""
        several = recipe.num_processes
        if several > 1:
            self._add(recipe.device, several)
            self._form.choose(DEVICE, _value(recipe.device, several))
        for key in SPREAD_KEYS:
            self._form.set_shown(key, several > 1)

    def _add(self, device: str, several: int) -> None:
        if device == "cuda":
            words, short = _tr("{count} GPUs on this machine"), _tr("{count} GPUs")
        else:
            words, short = _tr("{count} processes on the processor"), _tr("{count} processes")
            words = words if device == "cpu" else short
        told = [one.format(count=several) for one in (words, short)]
        self._form.add_choice(DEVICE, _value(device, several), *told)


def _value(device: str, several: int) -> str:
    return f"{device}{BETWEEN}{several}"
