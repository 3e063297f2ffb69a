"""Runs a verb in a process of its own and waits for it: torch never enters the window's process.

Called from a background thread. The process opens the project for reading beside the window.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Concatenate, ParamSpec, TypeVar

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Task

P = ParamSpec("P")
T = TypeVar("T")
Progress = Callable[[float, str], None]
LOOK_SECONDS = 0.1


def call(should_stop: Callable[[], bool], verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`verb(*args)` elsewhere; its UserError comes back, its death becomes one.

    Raises Cancelled once `should_stop()`: the process is ended, whatever it was doing.
    """
    return _ask(should_stop, None, verb, args, kwargs)


def call_reporting(task: Task, verb: Callable[Concatenate[Progress, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`verb(report, *args)` elsewhere, as `call`; what it reports is the progress of `task`, which may stop it."""
    return _ask(task.should_stop, task.progress, verb, args, kwargs)


def _ask(
    should_stop: Callable[[], bool], progress: Progress | None, verb: Callable[..., T], args: Any, kwargs: Any
) -> T:
    child = Child(_answer, progress is not None, verb, args, kwargs, name="desktop-llm-verb")
    try:
        while not child.ended:
            if should_stop():
                child.terminate()
                raise Cancelled
            for answer, error in child.wait(LOOK_SECONDS):
                if isinstance(error, str):
                    if progress is not None:
                        progress(answer, error)
                    continue
                if error is not None:
                    raise error
                told: T = answer
                return told
    finally:
        code = child.close()
    said = "The process that did this ended by itself ({cause}); is there enough memory?"
    raise UserError(said.format(cause=exit_words(code)))


def _answer(
    reporting: bool, verb: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], pipe: Connection
) -> None:
    """In the process: say (fraction, words) on the way, at the end (answer, None) or (None, error)."""
    from desktop_llm.engine import worker

    worker.offline()
    # Told to end, it takes away what it has half written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    first = (lambda fraction, words: pipe.send((fraction, words)),) if reporting else ()
    try:
        told = (verb(*first, *args, **kwargs), None)
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
        pipe.send((None, error))
    else:
        pipe.send(told)
