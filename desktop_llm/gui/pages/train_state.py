"""How a run stands, in the few words of the chip beside the page's title."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from desktop_llm.jobs.events import Event, Paused, Preparing, Started


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainState", text)


def words_of(number: int, event: Event) -> str:
    """What an event says of how run `number` stands; '' where it says nothing of that."""
    if isinstance(event, Preparing):
        return _tr("Run {number} · preparing").format(number=number)
    if isinstance(event, Started):
        words = _tr("Run {number} · {device}, {precision}")
        return words.format(number=number, device=event.device, precision=event.precision)
    if isinstance(event, Paused):
        words = _tr("Run {number} · paused, {freed:.1f} GB of the GPU given back")
        words = words if event.freed else _tr("Run {number} · paused")
        return words.format(number=number, freed=event.freed / 1e9)
    return ""
