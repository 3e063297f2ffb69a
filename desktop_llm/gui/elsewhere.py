"""Runs a verb in a process of its own and waits for it: torch never enters the window's process.

Called from a background thread. The process opens the project for reading beside the window.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError

P = ParamSpec("P")
T = TypeVar("T")
LOOK_SECONDS = 0.1


def call(should_stop: Callable[[], bool], verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`verb(*args)` elsewhere; its UserError comes back, its death becomes one.

    Raises Cancelled once `should_stop()`: the process is ended, whatever it was doing.
    """
    child = Child(_answer, verb, args, kwargs, name="desktop-llm-verb")
    try:
        while not child.ended:
            if should_stop():
                child.terminate()
                raise Cancelled
            for answer, error in child.wait(LOOK_SECONDS):
                if error is not None:
                    raise error
                told: T = answer
                return told
    finally:
        code = child.close()
    said = "The process that did this ended by itself ({cause}); is there enough memory?"
    raise UserError(said.format(cause=exit_words(code)))


def _answer(verb: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], pipe: Connection) -> None:
    """In the process: say (answer, None) or (None, error)."""
    from desktop_llm.engine import worker

    worker.offline()
    # Told to end, it takes away what it has half written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        told = (verb(*args, **kwargs), None)
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
        pipe.send((None, error))
    else:
        pipe.send(told)
