"""The start of the window, told as a story: screen, log, look, language, window; after the first paint, the project.

Nothing heavy is imported before the first paint: no SQL helper, no plots, no numpy, and never torch.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from desktop_llm import log, paths

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

MEASURE = "DESKTOP_LLM_QUIT_AFTER_PAINT"
"""Set for measuring the start: the window says when it was painted, and closes."""


def run(project: Path | None) -> int:
    """Open the window (and `project`) and stay until it is closed; returns the exit code."""
    if not _has_screen():
        # Asked before Qt is: Qt would abort the process.
        sys.stderr.write(
            "There is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "start it on a desktop, or use the commands: desktop-llm --help.\n"
        )
        return 1
    log.setup(paths.log_dir())
    crashes = _keep_crash_stacks()
    app = _application()

    from desktop_llm.gui import garbage, language, precedence, theme
    from desktop_llm.gui.defect import Defects
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.interrupts import Interrupts
    from desktop_llm.gui.window import MainWindow

    hub = Hub()
    theme.apply(app, hub.settings.theme)
    hub.settings_changed.connect(lambda settings: theme.apply(app, settings.theme))
    language.speak(app)
    precedence.take()
    garbage.keep_to_this_thread(app)
    garbage.spare(hub)

    window = MainWindow(hub)
    defects = Defects(window)
    interrupts = Interrupts(window.leave, window)
    if os.environ.get(MEASURE):
        window.first_painted.connect(lambda: _tell_paint(window))
    else:
        window.first_painted.connect(lambda: _open_first(hub, project))
    window.show()
    code = app.exec()

    hub.close()
    interrupts.release()
    defects.release()
    if crashes is not None:
        faulthandler.disable()
        crashes.close()
    return int(code)


def _has_screen() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _keep_crash_stacks() -> TextIO | None:
    """A crash of a library leaves its stack in a file beside the log."""
    try:
        paths.log_dir().mkdir(parents=True, exist_ok=True)
        file = open(paths.log_dir() / "crash.log", "a", encoding="utf-8")  # noqa: SIM115 - open as long as we live
    except OSError:  # a home that cannot be written: the stack goes to the terminal, where there is one
        if sys.stderr is not None:
            faulthandler.enable()
        return None
    faulthandler.enable(file)
    return file


def _application() -> QApplication:
    """Qt's application, whose own warnings go to our log. A screen that cannot be reached ends the program."""
    from PySide6.QtCore import Qt, QtMsgType, qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    levels = {QtMsgType.QtDebugMsg: 10, QtMsgType.QtInfoMsg: 20, QtMsgType.QtCriticalMsg: 40, QtMsgType.QtFatalMsg: 50}
    made = False

    def tell(kind: QtMsgType, _: object, message: str) -> None:
        log.logger("qt").log(levels.get(kind, 30), message)
        if kind == QtMsgType.QtFatalMsg and not made:
            # Qt aborts the process when this returns.
            sys.stderr.write(
                "The screen cannot be reached, or a system library that Qt needs is missing "
                f"({paths.log_dir() / log.FILE} tells more); mend that, or use the commands: desktop-llm --help.\n"
            )
            sys.stderr.flush()
            os._exit(1)

    qInstallMessageHandler(tell)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    made = True
    app.setApplicationName("desktop_llm")
    app.setDesktopFileName("desktop_llm")
    return app


def _open_first(hub: Hub, project: Path | None) -> None:
    """The project asked for, or the one of last time on the page of last time."""
    if project is not None:
        hub.open_project(project, then_page="data")
        return
    last = hub.settings.last_project
    if last and Path(last, "project.db").is_file():
        hub.open_project(Path(last), then_page=_last_page(hub))


def _last_page(hub: Hub) -> str:
    from desktop_llm.gui.rail import WORK

    try:
        page = json.loads(hub.settings.page_state).get("page")
    except (ValueError, AttributeError):
        page = None
    return page if page in WORK else "data"


def _tell_paint(window: MainWindow) -> None:
    sys.stdout.write(f"{time.time()}\n")
    sys.stdout.flush()
    window.leave()
