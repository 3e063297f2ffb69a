"""The program in a process of its own, to be watched and killed; what it says goes into files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.warm_libraries import Forked, as_program

ROOT = Path(__file__).resolve().parent.parent


class Program:
    """`desktop-llm WORDS`, begun as everybody does."""

    def __init__(self, *words: str) -> None:
        """At once."""
        self._place = Path(tempfile.mkdtemp(prefix="desktop-llm-program-"))
        weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        self.pid = self._begin(words)

    def _begin(self, words: tuple[str, ...]) -> int:
        with (self._place / "said.out").open("wb") as out, (self._place / "said.err").open("wb") as err:
            self._started = subprocess.Popen(
                [sys.executable, "-m", "desktop_llm", *words], stdout=out, stderr=err, cwd=ROOT
            )
        return self._started.pid

    def poll(self) -> int | None:
        """Its exit code (negative: the signal), None while it lives."""
        return self._started.poll()

    def wait(self, seconds: float) -> int:
        """The exit code once it has ended; what it said stays."""
        return self._started.wait(timeout=seconds)

    @property
    def out(self) -> str:
        """What it has printed."""
        return (self._place / "said.out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it has said of errors."""
        return (self._place / "said.err").read_text(encoding="utf-8")


class WarmProgram(Program):
    """The same, forked from a process that has loaded the libraries; see `tests.warm_starts`."""

    def _begin(self, words: tuple[str, ...]) -> int:
        self._forked: BaseProcess = Forked(
            target=as_program, args=("desktop_llm.__main__", words, str(self._place / "said")), daemon=True
        )
        self._forked.start()
        return self._forked.pid or 0

    def poll(self) -> int | None:
        """Its exit code (negative: the signal), None while it lives."""
        return self._forked.exitcode

    def wait(self, seconds: float) -> int:
        """The exit code once it has ended; what it said stays."""
        self._forked.join(seconds)
        code = self._forked.exitcode
        assert code is not None, "it goes on and on"
        return code


Begin = Callable[..., Program]
