"""The card that says what this computer trains on, how full its memory is and how warm it gets."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QProgressBar, QVBoxLayout

from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.card import plain_label

FIRST_MS = 300
EVERY_MS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Bytes in use and in all; degrees Celsius, 0 where unknown; load in per cent."""

    name: str
    used: int
    total: int
    celsius: int = 0
    load: int = 0


def read_device() -> Reading:
    """The first NVIDIA GPU by its management library, else processor and memory."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except (ImportError, OSError):
        return _processor()
    except Exception:  # noqa: BLE001 - the library raises a class of its own where there is no driver
        return _processor()
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return Reading(
            name=str(pynvml.nvmlDeviceGetName(handle)),
            used=int(memory.used),
            total=int(memory.total),
            celsius=int(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
            load=int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        )
    except pynvml.NVMLError:
        return _processor()
    finally:
        pynvml.nvmlShutdown()


def _processor() -> Reading:
    import psutil

    memory = psutil.virtual_memory()
    return Reading(
        name=f"{platform.machine()}, {os.cpu_count() or 1} cores",
        used=int(memory.total - memory.available),
        total=int(memory.total),
        load=round(psutil.cpu_percent()),
    )


class DeviceCard(QFrame):
    """Reads in the background, every two seconds while it is seen."""

    def __init__(self, hub: Hub) -> None:
        """Nothing is read before it is shown."""
        super().__init__()
        self._hub = hub
        self._waiting = False
        self.setProperty("role", "card")
        self.setObjectName("rail.device")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(10, 8, 10, 8)
        whole.setSpacing(6)
        self._name = plain_label("", "muted", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 100)
        self._figures = plain_label("", "muted")
        for part in (self._name, self._bar, self._figures):
            whole.addWidget(part)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._read)
        # A timer of its own, which goes with the card: the first reading comes after what is more urgent.
        self._first = QTimer(self)
        self._first.setSingleShot(True)
        self._first.setInterval(FIRST_MS)
        self._first.timeout.connect(self._read)

    def _read(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._hub.background.run(lambda _: read_device(), on_done=self._show).ended.connect(self._on_ended)

    def _on_ended(self, _: object) -> None:
        self._waiting = False

    def _show(self, told: object) -> None:
        if not isinstance(told, Reading):
            return
        self._name.setText(told.name)
        self._bar.setValue(round(100 * told.used / max(1, told.total)))
        figures = self.tr("{used:.1f} of {total:.0f} GB").format(used=told.used / 1e9, total=told.total / 1e9)
        more = f"{told.celsius} °C" if told.celsius else f"{told.load} %"
        self._figures.setText(f"{figures} · {more}")
        self.setAccessibleName(f"{told.name}: {figures}, {more}")

    def showEvent(self, event: QShowEvent) -> None:
        """Read while it is seen."""
        super().showEvent(event)
        self._waiting = False
        self._timer.start()
        self._first.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest while it is not."""
        super().hideEvent(event)
        self._timer.stop()
        self._first.stop()
