"""Processes of our own that begin at once: forked from one that has loaded the libraries.

The program spawns them, and each then loads torch and transformers for some seconds of a processor. Here they are as
separate, with a pipe, an environment and an end of their own, but what they load is there already. Until the one
that they come from is ready they are spawned as ever; always so are those that are `ALONE`, and all in tests marked
`spawned`. What tests start by a command is never touched. Loaded by conftest.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import child
from tests.programs import Begin, Program, WarmProgram
from tests.warm_libraries import READY, Forked, as_program

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0
ALONE = ("desktop_llm.catalog.hub",)
"""What says to its libraries, before it loads them, that they may reach the network."""
SPAWN, PROGRAM = child.START, child.PROGRAM


class Warm:
    """Makes processes; has the one that they come from made when the first is asked for, if not before."""

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="desktop-llm-warm-"))
        self._loaded, self._begun = self._place / "loaded", False

    def __call__(self, **told: Any) -> BaseProcess:
        """In place of the program's way."""
        self.begin()
        asked = told["args"][0]  # what is to be done there: the target itself is the same for all
        warm = self.ready and asked.__module__ not in ALONE
        return Forked(**told) if warm else SPAWN(**told)

    @property
    def ready(self) -> bool:
        """Whether there is something to fork from."""
        return self._loaded.exists()

    def begin(self) -> None:
        """Have it load; nobody waits for that."""
        if self._begun:
            return
        self._begun = True
        path = os.environ.get("PYTHONPATH", "")
        os.environ.update({READY: str(self._loaded), "PYTHONPATH": os.pathsep.join((str(ROOT), path))})
        try:
            forkserver.set_forkserver_preload(["tests.warm_libraries"])
            forkserver.ensure_running()
        finally:
            os.environ["PYTHONPATH"] = path
            del os.environ[READY]

    def program(self, module: str, *words: str) -> tuple[int, str]:
        """In place of a program that is waited for."""
        self.begin()
        if not self.ready:
            return PROGRAM(module, *words)
        with tempfile.TemporaryDirectory(dir=self._place) as place:
            process = Forked(target=as_program, args=(module, words, f"{place}/said"))
            process.start()
            process.join()
            code = process.exitcode or 0
            process.close()
            return code, Path(f"{place}/said.err").read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        """Nothing comes from it any more."""
        if self._begun:
            told: Any = forkserver
            server = told._forkserver
            with suppress(ProcessLookupError):
                os.kill(server._forkserver_pid, signal.SIGTERM)
            server._stop()
        shutil.rmtree(self._place, ignore_errors=True)


@pytest.fixture(scope="session")
def _warm(request: pytest.FixtureRequest) -> Iterator[Warm]:
    made = Warm()
    if hasattr(request.config, "workerinput") and hasattr(os, "fork"):  # of so many tests some will ask for it
        made.begin()
    yield made
    made.end()


@pytest.fixture
def warm(_warm: Warm) -> Begin:
    """How the program begins warm, once that is ready; as ever where there are no forks."""
    if not hasattr(os, "fork"):
        return Program
    _warm.begin()
    deadline = time.monotonic() + PATIENCE
    while not _warm.ready:
        assert time.monotonic() < deadline, "what processes come from does not load"
        time.sleep(0.05)
    return WarmProgram


@pytest.fixture(autouse=True)
def _warm_starts(request: pytest.FixtureRequest, _warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes begin warm, but in tests that say otherwise."""
    if hasattr(os, "fork") and not request.node.get_closest_marker("spawned"):
        monkeypatch.setattr(child, "START", _warm)
        monkeypatch.setattr(child, "PROGRAM", _warm.program)
