"""Spares the window's thread the long rounds of Python's collector."""

from __future__ import annotations

import gc

from PySide6.QtCore import QTimer

from desktop_llm.gui.hub import Hub

SETTLED_MS = 1000
"""How long after a project was opened the pages have what they show."""


def spare(hub: Hub) -> None:
    """Once the first project stands in the window, leave what there is by then out of every later collection.

    A label of 2,000 spans is 2,000 small lists: each key that changes one makes thousands of objects, and every few
    dozen keys Python looks through all that lives, modules and pages with it, for 30 to 70 ms on the thread of the
    window. What lives once the pages stand lives until the end; what comes later is collected as ever. Only once, as
    the pages of a project that is closed are to be collected.
    """
    timer = QTimer(hub)
    timer.setObjectName("hub.garbage")
    timer.setSingleShot(True)
    timer.setInterval(SETTLED_MS)
    timer.timeout.connect(_leave_out)

    def start(project: object) -> None:
        if project is not None:
            hub.project_opened.disconnect(start)
            timer.start()

    hub.project_opened.connect(start)


def _leave_out() -> None:
    gc.collect()
    gc.freeze()
