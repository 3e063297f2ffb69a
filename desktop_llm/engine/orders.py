"""What a run of several processes is told while it goes on, and by whom: words on a line each, through its input.

Whoever starts `torchrun` for a person (`engine.launching`) sets `VARIABLE` and keeps the input open; all processes have
the same one, and the first of them reads it. When it ends, that one is gone: the run saves a checkpoint and leaves.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time

from desktop_llm.jobs.control import Control

VARIABLE = "DESKTOP_LLM_ORDERS"
LEAVE_SECONDS = 8.0
"""So long a run has to finish its step and to save, once nobody is there any more."""


def listen(control: Control) -> bool:
    """Obey what comes in, where somebody sends words at all; whether somebody does."""
    if os.environ.get(VARIABLE) != "1":
        return False
    work = _obey if os.environ.get("RANK", "0") == "0" else _watch
    threading.Thread(target=work, args=(control,), name="orders", daemon=True).start()
    return True


def _obey(control: Control) -> None:
    for line in sys.stdin:
        control.obey(line.strip())
    _end(control, LEAVE_SECONDS)


def _watch(control: Control) -> None:
    """Only notice the end: what is read is missing elsewhere."""
    if not hasattr(select, "poll"):
        return
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)  # 0: nothing but its end
    poll.poll()
    _end(control, LEAVE_SECONDS + 2.0)


def _end(control: Control, seconds: float) -> None:
    control.leave()
    time.sleep(seconds)
    os._exit(0)  # not a reason to be started again
