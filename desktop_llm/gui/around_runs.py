"""Around a run: the computer stays awake while it goes on, and whoever looks elsewhere is told of its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from desktop_llm.awake import Awake
from desktop_llm.jobs import events

if TYPE_CHECKING:
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.training import Outcome, Training

SHOWN_MS = 10_000


class AroundRuns(QObject):
    """Listens to the training thread. Both are settings; neither ever fails loudly."""

    def __init__(self, hub: Hub, training: Training) -> None:
        """Nothing goes on yet."""
        super().__init__(hub)
        self._hub = hub
        self.awake = Awake()
        self._icon: QSystemTrayIcon | None = None
        training.began.connect(self._on_began)
        training.ended.connect(self._on_ended)
        hub.settings_changed.connect(self._on_settings_changed)

    def release(self) -> None:
        """For the window's close."""
        self.awake.end()
        self._hide_icon()

    def tell(self, title: str, words: str) -> None:
        """A notification of the desktop where there is a tray, else the window asks for attention."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            for window in QApplication.topLevelWidgets():
                if isinstance(window, QMainWindow):
                    QApplication.alert(window)
            return
        self._hide_icon()
        icon = QApplication.windowIcon()
        if icon.isNull():
            icon = QApplication.style().standardIcon(QApplication.style().StandardPixmap.SP_ComputerIcon)
        self._icon = QSystemTrayIcon(icon, self)
        self._icon.show()
        self._icon.showMessage(title, words, QSystemTrayIcon.MessageIcon.Information, SHOWN_MS)
        QTimer.singleShot(2 * SHOWN_MS, self, self._hide_icon)

    def _on_began(self, number: int) -> None:
        if self._hub.settings.keep_awake:
            self.awake.begin(self.tr("Run {number} is training").format(number=number))

    def _on_ended(self, outcome: Outcome) -> None:
        self.awake.end()
        if isinstance(outcome.event, events.Interrupted) or not self._hub.settings.tell_end:
            return
        if QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive:
            return
        words = self.tr("Run {number} is finished.").format(number=outcome.number)
        self.tell(self.tr("desktop_llm"), outcome.message or words)

    def _on_settings_changed(self, _: object) -> None:
        if not self._hub.settings.keep_awake:
            self.awake.end()
        elif self._hub.is_training and not self.awake.held:
            self._on_began(self._hub.training.number)

    def _hide_icon(self) -> None:
        icon, self._icon = self._icon, None
        if icon is not None:
            icon.hide()
            icon.deleteLater()
