"""Runs a verb in a process of its own and waits for it: torch never enters the window's process.

Called from a background thread. The process opens the project for reading beside the window.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from desktop_llm.engine import worker
from desktop_llm.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")


def call(verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`verb(*args)` elsewhere; its UserError comes back, its death becomes one."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=worker.offline) as pool:
        try:
            return pool.submit(verb, *args, **kwargs).result()
        except BrokenProcessPool:
            raise UserError("The process that did this ended by itself; is there enough memory?") from None
