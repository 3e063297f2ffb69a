"""Our own mistakes: an exception that nobody caught goes to the log with its traceback, and to the person as one
sentence with the details behind a fold. The program goes on."""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_llm import log, paths
from desktop_llm.errors import UserError
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.gui.window import MainWindow

DETAILS_SIZE = (640, 260)


class DefectDialog(QDialog):
    """One sentence; the traceback behind a fold, to be copied into a report."""

    def __init__(self, details: str, parent: QWidget | None = None) -> None:
        """`details` is plain text."""
        super().__init__(parent)
        self.setObjectName("defect")
        self.setWindowTitle(self.tr("A defect of the program"))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 24, 24, 16)
        whole.setSpacing(12)
        self.setMinimumWidth(DETAILS_SIZE[0])
        whole.addWidget(plain_label(self.tr("The program met a defect. Your labels are safe."), "card-title"))
        words = self.tr("What you did last may not have happened. You can go on; the log has the details.")
        whole.addWidget(plain_label(words, "muted", wrap=True))
        self.details = QPlainTextEdit(details)
        self.details.setObjectName("defect.details")
        self.details.setAccessibleName(self.tr("Details"))
        self.details.setReadOnly(True)
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setMinimumSize(*DETAILS_SIZE)
        self.details.hide()
        whole.addWidget(self.details, 1)
        line = QHBoxLayout()
        line.addWidget(button(self.tr("Details"), "defect.more", self._on_more, kind="quiet"))
        line.addWidget(button(self.tr("Copy"), "defect.copy", self._on_copy, kind="quiet"))
        line.addWidget(button(self.tr("Open the log's folder"), "defect.log", self._on_log, kind="quiet"))
        line.addStretch(1)
        close = button(self.tr("Go on"), "defect.close", self.accept, kind="primary")
        close.setDefault(True)
        line.addWidget(close)
        whole.addLayout(line)
        close.setFocus()

    def _on_more(self) -> None:
        self.details.setVisible(self.details.isHidden())
        self.adjustSize()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())

    def _on_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.log_dir())))


class Defects(QObject):
    """Takes over the interpreter's hooks until `release`. One dialog at a time: a defect in a timer would bury the
    screen. Exceptions of other threads come to the window's thread by a signal."""

    met = Signal(object, str)

    def __init__(self, window: MainWindow) -> None:
        """Takes the hooks now."""
        super().__init__(window)
        self._window = window
        self._dialog: DefectDialog | None = None
        self.met.connect(self._on_met)
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    @property
    def dialog(self) -> DefectDialog | None:
        """The dialog that is open."""
        return self._dialog

    def release(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._before

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._window.leave()
            return
        if isinstance(error, UserError):
            self.met.emit(error, "")
            return
        log.logger("gui").error("a defect", exc_info=(kind, error, trace))
        self.met.emit(error, "".join(traceback.format_exception(kind, error, trace)))

    def _on_thread_exception(self, told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
            self._on_exception(told.exc_type, told.exc_value, told.exc_traceback)

    def _on_met(self, error: BaseException, details: str) -> None:
        if isinstance(error, UserError):
            self._window.hub.show_error(error)
        elif self._dialog is None:
            self._dialog = DefectDialog(details, self._window)
            self._dialog.finished.connect(self._on_closed)
            self._dialog.open()

    def _on_closed(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()
