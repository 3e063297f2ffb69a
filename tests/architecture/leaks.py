"""A guard around every test: what it starts, it ends.

Loaded by conftest.py. A test fails when it leaves a thread, a child process, a top-level widget, a
running QThread or an active QTimer behind. What module- and session-wide fixtures hold is there
before the test starts and is not counted.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_llm.garbage import collect_what_is_due

# As in the program, a widget that is garbage goes in the thread of the window; see desktop_llm/gui/garbage.py.
gc.disable()
# What was imported is left out of collections and searches: with torch and Qt loaded each takes 0.1 s and more.
MANY_MODULES = 50
_modules = 0

# How long a thread or process that was told to end may take over it.
GRACE_S = 3.0
# Started once by libraries and kept for the life of the process.
KEPT_THREADS = ("tqdm_monitor", "TMonitor", "pytest_timeout")
KEPT_CHILDREN = ("resource_tracker", "forkserver")
# Its children count as those of the test that had them made.
FORKING = "forkserver"
# Linux tells the children of each thread, where it was built to.
OWN_THREADS = Path(f"/proc/{os.getpid()}/task")
TELLS_CHILDREN = (OWN_THREADS / str(os.getpid()) / "children").is_file()
# Qt keeps the last tool tip for reuse.
KEPT_WIDGETS = ("QTipLabel",)


@dataclass
class Alive:
    """What runs at one moment."""

    threads: set[threading.Thread] = field(default_factory=set)
    children: set[psutil.Process] = field(default_factory=set)
    # Addresses only: holding the wrappers would keep alive what the test lets go.
    qt: set[int] = field(default_factory=set)


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves something running."""
    _leave_out_modules()
    before = _alive()
    yield
    left = _left_since(before)
    if left:
        # Only now the slower ways: collecting garbage, delivering deletions, waiting.
        gc.collect()
        _settle(before)
        left = _left_since(before)
        for process in _children() - before.children:
            process.kill()
    if left:
        pytest.fail("the test left behind: " + "; ".join(left), pytrace=False)
    collect_what_is_due()


def _leave_out_modules() -> None:
    global _modules
    # not by gc.get_freeze_count(), which walks through all that is left out: 0.07 s with torch
    if len(sys.modules) - _modules > MANY_MODULES:
        _modules = len(sys.modules)
        gc.collect()
        gc.freeze()


def _alive() -> Alive:
    return Alive(threads=_threads(), children=_children(), qt=set(_qt_objects()))


def _left_since(before: Alive) -> list[str]:
    _deliver_deletions()
    left = [f"thread {thread.name}" for thread in _threads() - before.threads]
    left += [f"child process {_command(child)}" for child in _children() - before.children]
    left += [_described(one) for key, one in _qt_objects().items() if key not in before.qt]
    return left


def _settle(before: Alive) -> None:
    deadline = time.monotonic() + GRACE_S
    for thread in _threads() - before.threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    psutil.wait_procs(_children() - before.children, timeout=max(0.0, deadline - time.monotonic()))


def _threads() -> set[threading.Thread]:
    # Threads that Qt or C++ started show up as dummies that never end in Python's eyes.
    return {
        thread
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread) and not thread.name.startswith(KEPT_THREADS)
    }


def _children() -> set[psutil.Process]:
    children = _listed() if TELLS_CHILDREN else psutil.Process().children()
    forked = [
        one
        for child in children
        if FORKING in _command(child)
        for one in (_listed(child.pid) if TELLS_CHILDREN else child.children())
    ]
    found = {*(child for child in children if not _is_kept(child)), *forked}
    return {child for child in found if _status(child) != psutil.STATUS_ZOMBIE}


def _listed(parent: int | None = None) -> list[psutil.Process]:
    """As psutil's, which reads about every process of the machine for it: a hundred times as long."""
    found = []
    for told in (OWN_THREADS if parent is None else Path(f"/proc/{parent}/task")).glob("*/children"):
        with suppress(OSError):  # a thread that has ended by now: its children are another's
            for number in told.read_text(encoding="ascii").split():
                with suppress(psutil.NoSuchProcess):
                    found.append(psutil.Process(int(number)))
    return found


def _is_kept(process: psutil.Process) -> bool:
    return any(word in _command(process) for word in KEPT_CHILDREN)


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "(ended)"


def _qt_objects() -> dict[int, Any]:
    """Top-level widgets, running threads and active timers, by the address of the wrapper."""
    if "PySide6.QtWidgets" not in sys.modules:
        return {}
    import shiboken6
    from PySide6.QtCore import QThread, QTimer
    from PySide6.QtWidgets import QApplication

    if QApplication.instance() is None:
        return {}
    found: dict[int, Any] = {}
    for widget in QApplication.topLevelWidgets():
        if widget.parent() is None and type(widget).__name__ not in KEPT_WIDGETS:
            # The wrapper may be new at each asking; the C++ object behind it is the same.
            found[shiboken6.getCppPointer(widget)[0]] = widget
    kinds = _with_subclasses(QThread) | _with_subclasses(QTimer)
    for one in [one for one in gc.get_objects() if type(one) in kinds]:
        if not shiboken6.isValid(one):
            continue
        running = one.isRunning() if isinstance(one, QThread) else one.isActive()
        if running and one is not QThread.currentThread():
            found[shiboken6.getCppPointer(one)[0]] = one
    return found


def _with_subclasses(kind: type[Any]) -> set[type[Any]]:
    found = {kind}
    kinds_below: list[type[Any]] = kind.__subclasses__()
    for below in kinds_below:
        found |= _with_subclasses(below)
    return found


def _described(one: Any) -> str:
    name = one.objectName()
    return type(one).__name__ + (f" “{name}”" if name else "")


def _deliver_deletions() -> None:
    """Carry out deleteLater() calls, which else wait for the next event loop."""
    if "PySide6.QtWidgets" not in sys.modules:
        return
    from PySide6.QtCore import QCoreApplication, QEvent

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
