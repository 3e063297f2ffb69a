"""Processes that begin warm are as separate as others, and leave nothing of the one that they come from."""

from __future__ import annotations

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest

from desktop_llm import child
from desktop_llm.child import Child
from tests.architecture import leaks
from tests.architecture.test_guards import ELSEWHERE
from tests.programs import Begin, Program

PATIENCE = 120.0


def _tell(pipe: Connection) -> None:
    pipe.send((os.getpid(), os.getppid(), "torch" in sys.modules, os.environ.get("SAID_HERE")))
    pipe.send(_refused())
    signal.pause()


def _refused() -> str:
    import socket

    try:
        socket.socket().connect(ELSEWHERE)
    except RuntimeError as error:
        return str(error)
    return ""


def _heard(child: Child, count: int) -> list[Any]:
    said: list[Any] = []
    deadline = time.monotonic() + PATIENCE
    while len(said) < count:
        assert time.monotonic() < deadline
        said += child.wait(0.1)
    return said


def test_a_warm_process_is_its_own_and_its_end_is_told(warm: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAID_HERE", "later")
    started = Child(_tell, name="warm")
    (pid, parent, torch, said), refused = _heard(started, 2)
    assert (pid, torch, said) == (started.pid, True, "later")
    assert parent not in (os.getpid(), pid)
    assert "tests run without network" in str(refused)
    assert psutil.Process(started.pid) in leaks._children()
    os.kill(started.pid, signal.SIGKILL)
    assert started.close() == -signal.SIGKILL
    assert psutil.Process(parent).is_running()


def test_a_warm_program_answers_as_one_that_is_started(warm: Begin) -> None:
    for program in (warm("no such verb"), Program("no such verb")):
        assert program.wait(PATIENCE) == 2
        assert "no such verb" in program.err
        assert program.out == ""
    code, wrong = child.PROGRAM("desktop_llm.__main__", "no such verb")
    assert (code, "no such verb" in wrong) == (2, True)


@pytest.mark.spawned
def test_where_it_is_asked_for_processes_are_spawned(warm: Begin) -> None:
    started = Child(_tell, name="cold")
    (pid, parent, torch, _), _ = _heard(started, 2)
    assert (pid, parent, torch) == (started.pid, os.getpid(), False)
    started.kill()
    assert started.close() == -signal.SIGKILL
