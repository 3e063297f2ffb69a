"""The start of the window, told as a story: surroundings, log, settings, screen, look, window, project.

Nothing heavy is imported before the first paint: no SQL helper, no plots, no numpy, and never torch.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from types import TracebackType

from desktop_llm import log, paths


def run(project: Path | None) -> int:
    """Open the window (and `project`) and stay until it is closed; returns the exit code."""
    if not _has_screen():
        sys.stderr.write(
            "There is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "start it on a desktop, or use the commands: desktop-llm tasks --help.\n"
        )
        return 1
    log.setup(paths.log_dir())
    _keep_crash_stacks()

    from PySide6.QtCore import Qt, QTimer, QtMsgType, qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    def on_qt_message(kind: QtMsgType, _context: object, message: str) -> None:
        level = {QtMsgType.QtDebugMsg: 10, QtMsgType.QtInfoMsg: 20}.get(kind, 30)
        log.logger("qt").log(level, message)

    qInstallMessageHandler(on_qt_message)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("desktop_llm")
    app.setDesktopFileName("desktop_llm")

    from desktop_llm.gui import theme
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

    hub = Hub()
    theme.apply(app, hub.settings.theme)
    hub.settings_changed.connect(lambda settings: theme.apply(app, settings.theme))

    window = MainWindow(hub)
    sys.excepthook = _Defects(window)
    _leave_on_signals(app, window)
    window.show()
    if os.environ.get("DESKTOP_LLM_QUIT_AFTER_PAINT"):  # for measuring the start
        QTimer.singleShot(0, window.close)
    else:
        QTimer.singleShot(0, lambda: _open_first(hub, window, project))
    code = app.exec()
    hub.close()
    sys.excepthook = sys.__excepthook__
    return int(code)


def _has_screen() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _keep_crash_stacks() -> None:
    """A crash of a library leaves its stack in a file beside the log."""
    try:
        paths.log_dir().mkdir(parents=True, exist_ok=True)
        faulthandler.enable(open(paths.log_dir() / "crash.log", "a", encoding="utf-8"))  # noqa: SIM115
    except OSError:
        faulthandler.enable()


def _open_first(hub: object, window: object, project: Path | None) -> None:
    """After the first paint: the project asked for, or the one of last time, on the page of last time."""
    import json

    from desktop_llm.gui.hub import Hub

    assert isinstance(hub, Hub)
    last = hub.settings.last_project
    page = "label"
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        page = str(json.loads(hub.settings.page_state).get("page") or page)
    if project is not None:
        hub.open_project(project.expanduser(), then_page="data")
    elif last and Path(last, "project.db").is_file():
        hub.open_project(Path(last), then_page=page if page not in ("projects", "settings") else "data")


class _Defects:
    """An exception that nobody caught: to the log with its traceback, to the person as one sentence."""

    def __init__(self, window: object) -> None:
        self._window = window

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        from desktop_llm.errors import UserError
        from desktop_llm.gui.window import MainWindow

        log.logger("gui").error("a defect", exc_info=(kind, error, trace))
        if not isinstance(self._window, MainWindow):
            return
        if isinstance(error, UserError):
            self._window.hub.show_error(error)
            return
        details = "".join(traceback.format_exception_only(kind, error)).strip()
        sentence = self._window.tr("The program met a defect; your labels are safe, its log tells more.")
        self._window.hub.show_error(UserError(sentence, details=details))


def _leave_on_signals(app: object, window: object) -> None:
    """Ctrl+C in the terminal and a polite end by the system close the window as a person would."""
    from PySide6.QtCore import QSocketNotifier
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui.window import MainWindow

    assert isinstance(app, QApplication)
    assert isinstance(window, MainWindow)
    near, far = socket.socketpair()
    for end in (near, far):
        end.setblocking(False)
    signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    notifier = QSocketNotifier(near.fileno(), QSocketNotifier.Type.Read, window)

    def on_signal() -> None:
        with contextlib.suppress(OSError):
            near.recv(16)
        window.leaving = True
        window.close()

    notifier.activated.connect(on_signal)
    app.setProperty("sockets", [near, far])
