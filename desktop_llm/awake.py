"""Keeps the computer from falling asleep while something long goes on; where it cannot, it says nothing.

Linux: systemd's inhibitor around a program that ends when our end of its pipe does, even when we are killed. macOS: the
same with caffeinate, which watches our process. Windows: a wish of the calling thread, which must be the one that ends
it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CONTINUOUS, _SYSTEM = 0x80000000, 0x00000001
"""ES_CONTINUOUS and ES_SYSTEM_REQUIRED of SetThreadExecutionState."""


class Awake:
    """One wish to stay awake at a time."""

    def __init__(self) -> None:
        """The computer may sleep."""
        self._process: subprocess.Popen[bytes] | None = None
        self._windows = False

    @property
    def held(self) -> bool:
        """Whether the wish stands, as far as one can know."""
        return self._windows or (self._process is not None and self._process.poll() is None)

    def begin(self, why: str) -> None:
        """Stay awake from here, `why` in some words for whoever asks the system. Never fails, waits for nothing."""
        if self.held:
            return
        if sys.platform == "win32":
            self._windows = _ask_windows(_CONTINUOUS | _SYSTEM)
            return
        command = _command(why)
        if command:
            with suppress(OSError, ValueError):
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )

    def end(self) -> None:
        """The computer may sleep again. Never fails, waits for nothing."""
        process, self._process = self._process, None
        if self._windows:
            self._windows = False
            _ask_windows(_CONTINUOUS)
        if process is not None:
            threading.Thread(target=_let_go, args=(process,), name="awake", daemon=True).start()


@contextmanager
def kept(why: str, *, wanted: bool = True) -> Iterator[None]:
    """Stay awake meanwhile, if `wanted`."""
    awake = Awake()
    if wanted:
        awake.begin(why)
    try:
        yield
    finally:
        awake.end()


def _command(why: str) -> list[str]:
    """What keeps this system awake as long as it runs; empty where there is nothing."""
    if sys.platform == "darwin":
        found = shutil.which("caffeinate")
        return [found, "-i", "-w", str(os.getpid())] if found else []
    found, waiting = shutil.which("systemd-inhibit"), shutil.which("cat")
    if not found or not waiting:
        return []
    return [found, "--what=sleep:idle", "--who=desktop_llm", f"--why={why}", "--mode=block", waiting]


def _let_go(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
        if sys.platform == "darwin":
            process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ask_windows(state: int) -> bool:
    import ctypes

    with suppress(AttributeError, OSError):
        return bool(ctypes.windll.kernel32.SetThreadExecutionState(state))  # type: ignore[attr-defined,unused-ignore]
    return False
