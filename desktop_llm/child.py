"""A spawned process at the other end of a pipe: what training, inference and long reading have in common.

No Qt in here. The process is spawned, never forked, so that it shares nothing with the window but the pipe;
when the window dies the pipe ends and the process leaves by itself.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any

from desktop_llm import log

MOST_AT_ONCE = 2000
_SPAWN = multiprocessing.get_context("spawn")
START: Callable[..., BaseProcess] = _SPAWN.Process
"""How a process is made; tests make theirs of one that has loaded the libraries, see `tests.warm_starts`."""


class Child:
    """One process. `send` may be called from any thread, all else from the thread that made it."""

    def __init__(self, target: Callable[..., None], *args: Any, name: str) -> None:
        """Spawn `target(*args, pipe)`. Raises OSError when the system has no process or memory left."""
        self._pipe, theirs = _SPAWN.Pipe()
        self._sending = threading.Lock()
        self.ended = False
        self.heard = time.monotonic()
        """When the process last said something (monotonic seconds)."""
        # daemon: whatever way the interpreter ends, it never waits for this process
        self._process = START(target=_begin, args=(target, *args, theirs), name=name, daemon=True)
        try:
            with _held(signal.SIGINT):
                self._process.start()
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    def send(self, message: Any) -> bool:
        """Say something to the process; False when it no longer listens."""
        try:
            with self._sending:
                self._pipe.send(message)
        except (OSError, ValueError):  # broken pipe, or closed on our side
            return False
        return True

    def wait(self, seconds: float, most: int = MOST_AT_ONCE) -> list[Any]:
        """What it said, waiting at most `seconds`, `most` messages; sets `ended` once nothing more can come."""
        said: list[Any] = []
        ready = connection.wait([self._pipe, self._process.sentinel], timeout=seconds)
        if not ready:
            return said
        try:
            while len(said) < most and self._pipe.poll():
                said.append(self._pipe.recv())
        except (EOFError, OSError):  # the regular end, or one in the middle of a word
            self.ended = True
        except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, ImportError) as error:
            log.logger("train").warning("garbage from process %s: %s", self.pid, error)
            self.ended = True
        if not said and self._process.sentinel in ready and not self._more():
            self.ended = True
        if said:
            self.heard = time.monotonic()
        return said

    def silent(self) -> float:
        """Seconds since it last said something."""
        return time.monotonic() - self.heard

    def join(self, seconds: float) -> int | None:
        """Wait for the end of the process; its exit code (negative: the signal), None while it lives."""
        self._process.join(seconds)
        return self._process.exitcode

    def terminate(self) -> None:
        """Ask the system to end it."""
        with suppress(OSError):
            self._process.terminate()

    def kill(self) -> None:
        """End it without asking."""
        with suppress(OSError):
            self._process.kill()

    def close(self, grace: float = 3.0) -> int | None:
        """Make sure that it is gone (end, terminate, kill) and free what belonged to it; the exit code."""
        code = self.join(grace)
        for harder in (self.terminate, self.kill):
            if code is None:
                harder()
                code = self.join(3.0)
        self._pipe.close()
        if code is not None:
            self._process.close()
        return code

    def _more(self) -> bool:
        try:
            return not self.ended and self._pipe.poll()
        except OSError:
            return False


def exit_words(code: int | None) -> str:
    """An exit code in words: `signal 9 (SIGKILL)`, `exit code 3`."""
    if code is None:
        return "still running"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def program(module: str, *words: str) -> tuple[int, str]:
    """Run a module of ours as a program of its own, from whatever process, and wait; how it ended and its stderr."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words], capture_output=True, text=True, errors="replace", check=False
    )
    return done.returncode, done.stderr


PROGRAM: Callable[..., tuple[int, str]] = program
"""How that is done; tests begin theirs warm, too."""


def step_aside() -> None:
    """In the process: let the window's go first, for which somebody waits."""
    import psutil

    with suppress(OSError, psutil.Error):
        psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 5))


def _begin(target: Callable[..., None], *args: Any) -> None:
    """In the process: Ctrl+C in a terminal is meant for the window, which then tells us by the pipe to leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    target(*args)


@contextmanager
def _held(number: signal.Signals) -> Iterator[None]:
    """Keep a signal from this thread, and from the process that it starts meanwhile, until that is ready for it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
