"""Ctrl+C in the terminal and a polite end by the system: both close the window as a person would, unasked.

Python handles a signal only between its own instructions, and Qt's loop has none; so the signal wakes the loop
through a socket.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, QSocketNotifier


class Interrupts(QObject):
    """Calls `leave` in the window's thread after SIGINT or SIGTERM, until `release`."""

    def __init__(self, leave: Callable[[], object], parent: QObject) -> None:
        """Takes the signals now."""
        super().__init__(parent)
        self._leave = leave
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._near.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_woken)
        self._wakeup = signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}

    def release(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._notifier.setEnabled(False)
        self._near.close()
        self._far.close()

    def _on_woken(self) -> None:
        told = b""
        with suppress(OSError):
            told = self._near.recv(64)
        if told:
            self._leave()
