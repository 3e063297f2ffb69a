"""Python's collector: in the window's thread alone, and spared the long rounds there."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

from desktop_llm.garbage import collect_what_is_due
from desktop_llm.gui.hub import Hub

SETTLED_MS = 1000
"""How long after a project was opened the pages have what they show."""
ROUND_MS = 250


def keep_to_this_thread(parent: QObject) -> None:
    """Collect in this thread from now on, a few times a second where there is something to collect.

    By itself Python collects in whichever thread makes the next object. What goes may be a ring with a widget in it,
    and a widget that goes in a thread of the pool, while the window's thread makes another, stops both or the program.
    """
    gc.disable()
    timer = QTimer(parent)
    timer.setObjectName("garbage.rounds")
    timer.setInterval(ROUND_MS)
    timer.timeout.connect(collect_what_is_due)
    timer.start()


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
