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
SO_FAR, DONE, WRONG = "so far", "done", "wrong"


def call(should_stop: Callable[[], bool], verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`verb(*args)` elsewhere; its UserError comes back, its death becomes one.

    Raises Cancelled once `should_stop()`: the process is ended, whatever it was doing.
    """
    return _call(should_stop, None, verb, args, kwargs)


def call_telling(
    should_stop: Callable[[], bool], on_progress: Callable[[float, str], None], verb: Callable[..., T], *args: Any
) -> T:
    """`call` of a verb that takes `on_progress`, and is heard while it works."""
    return _call(should_stop, on_progress, verb, args, {})


def _call(
    should_stop: Callable[[], bool],
    on_progress: Callable[[float, str], None] | None,
    verb: Callable[..., T],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> T:
    child = Child(_answer, verb, args, kwargs, on_progress is not None, name="desktop-llm-verb")
    try:
        while not child.ended:
            if should_stop():
                child.terminate()
                raise Cancelled
            for kind, answer in child.wait(LOOK_SECONDS):
                if kind == SO_FAR:
                    assert on_progress is not None
                    on_progress(*answer)
                    continue
                if kind == WRONG:
                    raise answer
                told: T = answer
                return told
    finally:
        code = child.close()
    said = "The process that did this ended by itself ({cause}); is there enough memory?"
    raise UserError(said.format(cause=exit_words(code)))


def _answer(
    verb: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], telling: bool, pipe: Connection
) -> None:
    """In the process: say how far it is where that is wanted (`telling`), then the answer or what went wrong."""
    from desktop_llm.engine import worker

    worker.offline()
    # Told to end, it takes away what it has half written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        heard = {"on_progress": lambda *told: pipe.send((SO_FAR, told))} if telling else {}
        told = (DONE, verb(*args, **kwargs, **heard))
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
        pipe.send((WRONG, error))
    else:
        pipe.send(told)
