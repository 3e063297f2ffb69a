"""Several processes on this machine for one run: starts `torchrun`, hears the first of them and passes words on.

For the window's training process and for the command line; without torch itself. A process that dies ends the others,
and `torchrun` starts all anew from the newest checkpoint, `RESTARTS` times. They talk over the loopback alone.

Run as a program, `python -m desktop_llm.engine.launching`, it is `torchrun` without its question for the full name of
this machine: that goes to a name server, and nothing here leaves the machine.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import psutil

from desktop_llm import log
from desktop_llm.child import exit_words
from desktop_llm.engine import orders
from desktop_llm.errors import from_os_error
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control, Wish
from desktop_llm.jobs.events import Event, Failed
from desktop_llm.jobs.folder import EventLog, RunFolder

RESTARTS = 3
ASK_SECONDS = 0.1
END_SECONDS = 5.0
LOOPBACK = "127.0.0.1"
WORDS: dict[Wish, str] = {"run": "continue", "pause": "pause", "stop": "stop", "leave": "leave"}


def run(folder: Path, processes: int, on_event: Callable[[Event], None], control: Control) -> Event:
    """Run `folder` in so many processes to its end; returns the end event (also given to `on_event`).

    What they print beside events goes to the run's log file. None of them outlives this.
    """
    run_folder = RunFolder(folder)
    try:
        with run_folder.log_file.open("a", encoding="utf-8") as printed:
            crew = _Crew(folder, processes, printed)
            try:
                end = crew.follow(on_event, control)
            finally:
                code = crew.close()
    except OSError as error:
        end, code = None, None
        told = from_os_error(error, "start the processes of the run in", folder).message
    else:
        told = f"The run's processes ended without a result ({exit_words(code)}); Resume goes on from its checkpoint."
    log.logger("train").info("the processes of %s ended: %s", folder, exit_words(code))
    if end is None:
        end = Failed(at=time.time(), message=told, details=str(run_folder.log_file))
        with suppress(OSError):  # they are gone and cannot say it themselves
            events_file = EventLog(run_folder)
            events_file.append(end)
            events_file.close()
        on_event(end)
    return end


class _Crew:
    """`torchrun` and what it has started."""

    def __init__(self, folder: Path, processes: int, printed: TextIO) -> None:
        """Start them. Raises OSError."""
        self._process = subprocess.Popen(
            _command(folder, processes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a Ctrl+C reaches them as a word, not by the terminal
            env=_environment(),
        )
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(printed,), name="read-processes", daemon=True)
        self._reader.start()

    def follow(self, on_event: Callable[[Event], None], control: Control) -> Event | None:
        """Hand on events and wishes until all have ended; the run's end event where one came last."""
        end: Event | None = None
        asked: Wish = "run"
        while self._process.poll() is None or self._reader.is_alive() or not self._heard.empty():
            if asked != control.wish:
                asked = control.wish
                self._say(WORDS[asked])
            if self._process.poll() is not None:
                self._hang_up()  # who was started by it goes, too
            try:
                event = self._heard.get(timeout=ASK_SECONDS)
            except queue.Empty:
                continue
            end = event if isinstance(event, events.ENDS) else end if isinstance(event, events.Beat) else None
            on_event(event)
        return end

    def close(self) -> int | None:
        """Make sure that all of them are gone; the exit code of `torchrun`."""
        started = []
        with suppress(psutil.Error):
            started = psutil.Process(self._process.pid).children(recursive=True)
        self._hang_up()
        if self._process.poll() is None:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        for one in started:
            with suppress(psutil.Error):
                one.kill()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(END_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode

    def _read(self, printed: TextIO) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = events.from_line(line)
            if event is not None:
                self._heard.put(event)
            else:
                with suppress(OSError, ValueError):
                    printed.write(line)

    def _say(self, word: str) -> None:
        with suppress(OSError, ValueError):  # they are gone
            assert self._process.stdin is not None
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()

    def _hang_up(self) -> None:
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()


def _command(folder: Path, processes: int) -> list[str]:
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{LOOPBACK}:0", "--local-addr", LOOPBACK]
    crew = ["--nproc-per-node", str(processes), "--max-restarts", str(RESTARTS)]
    engine = ["-m", "desktop_llm.engine", str(folder)]
    return [sys.executable, "-m", "desktop_llm.engine.launching", *rendezvous, *crew, *engine]


def _environment() -> dict[str, str]:
    """Ours, and that words come by the input and all talk stays on this machine."""
    told = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    told |= {orders.VARIABLE: "1", "PYTHONUNBUFFERED": "1"}
    interface = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    if interface is not None:
        told |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
    # else `torchrun` takes one thread a process, and says so; the engine decides by itself
    told.setdefault("OMP_NUM_THREADS", "1")
    return told


def _torchrun(arguments: list[str]) -> None:
    socket.getfqdn = _local_name
    from torch.distributed import run as torchrun

    torchrun.main(arguments)


def _local_name(name: str = "") -> str:
    return "localhost"


if __name__ == "__main__":
    _torchrun(sys.argv[1:])
