"""The virtual environment beside pyproject.toml: made once, stamped, finished when interrupted.

`ensure(extra)` is called by bootstrap.py before every command. A stamp inside the environment names
what was installed; while it matches, nothing is done, so a second start costs milliseconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import qt_libraries

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "desktop-llm-stamp.json"
# Lies in the environment while pip writes: a package cut short there looks whole to the next pip.
WRITING = VENV / "desktop-llm-unfinished"
LOG = ROOT / ".venv-setup.log"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
# A line now and then says that a long download is alive, without filling the terminal.
SECONDS_BETWEEN_LINES = 15.0


class SetupError(Exception):
    """Something the person has to know or do, said in one sentence."""


def python_path() -> Path:
    """The environment's interpreter, whether it exists yet or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_digest(pyproject: str, constraints: str, extra: str, place: str) -> str:
    """A hash of all that decides what is installed: a change of it means installing again.

    Only the tables that pip and the build read count, so editing a linter's rule does not reinstall;
    `place` (Python's version and the folder) notices a checkout that was moved.
    """
    tables = tomllib.loads(pyproject)
    relevant = {
        "build-system": tables.get("build-system"),
        "project": tables.get("project"),
        "hatch": tables.get("tool", {}).get("hatch"),
    }
    text = json.dumps([relevant, constraints, extra, place], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def ensure(extra: str) -> None:
    """Make the environment fit for `extra` ("" to run, "dev" to test). Raises SetupError."""
    if _is_ready(extra):
        return
    with _one_at_a_time():
        # Another start may have done the work while this one waited for its turn.
        if not _is_ready(extra):
            _set_up(extra)


def _is_ready(extra: str) -> bool:
    try:
        done = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return _digest(extra) in done and os.access(python_path(), os.X_OK)


def _digest(extra: str) -> str:
    place = f"{sys.version_info[0]}.{sys.version_info[1]} {ROOT}"
    return stamp_digest((ROOT / "pyproject.toml").read_text("utf-8"), CONSTRAINTS.read_text(), extra, place)


def _set_up(extra: str) -> None:
    started = time.monotonic()
    LOG.unlink(missing_ok=True)
    print("Setting desktop_llm up. This is needed once and can take some minutes.", flush=True)
    _announce(1, "system libraries", started)
    qt_libraries.ensure_installed(LOG, needs_venv=importlib.util.find_spec("ensurepip") is None)
    _announce(2, "a Python environment in .venv", started)
    _make_venv()
    _announce(3, "the libraries, PyTorch among them" + (" and the checkers" if extra else ""), started)
    _install(extra, started)
    _announce(4, "a first look at the result", started)
    _check_import()
    done = [_digest(""), _digest(extra)] if extra else [_digest("")]
    # Written last and in one move: a stamp is there only when all before it succeeded.
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(done))
    fresh.replace(STAMP)
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)


def _announce(step: int, what: str, started: float) -> None:
    print(f"[{step}/4] {what} ({time.monotonic() - started:.0f} s)", flush=True)


def _make_venv() -> None:
    STAMP.unlink(missing_ok=True)
    if _venv_works() and not WRITING.exists():
        return
    # A half-made or moved environment is not worth mending: --clear begins it anew, and what was
    # downloaded is still in pip's cache.
    if _logged([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0 or not _venv_works():
        raise SetupError(f"The Python environment in {VENV} could not be made; the details are in {LOG}.")


def _venv_works() -> bool:
    python = python_path()
    if not os.access(python, os.X_OK):
        return False
    question = "import sys, pip; print(sys.version_info[:2], sys.prefix)"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == f"{tuple(sys.version_info[:2])} {VENV}"


def _install(extra: str, started: float) -> None:
    target = f"{ROOT}[{extra}]" if extra else str(ROOT)
    command = [str(python_path()), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--constraint", str(CONSTRAINTS), "--editable", target]
    WRITING.touch()
    status = _logged(command, started)
    # Not in a finally: after Ctrl+C or a kill it has to stay.
    WRITING.unlink(missing_ok=True)
    if status != 0:
        raise SetupError(f"The libraries could not be installed (is the network there?); see {LOG}.")


def _check_import() -> None:
    question = "import desktop_llm, PySide6.QtWidgets"
    if _logged([str(python_path()), "-P", "-c", question]) != 0:
        raise SetupError(f"The window toolkit Qt does not load on this system; the reason is in {LOG}.")


def _logged(command: list[str], started: float | None = None) -> int:
    """Run a command with its output in the log; with `started`, say now and then where it is."""
    with LOG.open("a", encoding="utf-8") as log:
        log.write("$ " + " ".join(command) + "\n")
        log.flush()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            while True:
                try:
                    return process.wait(SECONDS_BETWEEN_LINES)
                except subprocess.TimeoutExpired:
                    if started is not None:
                        activity = latest_activity(LOG.read_text("utf-8", errors="replace"))
                        print(f"      {activity} ({time.monotonic() - started:.0f} s)", flush=True)
        finally:
            # Reached while it lives only by Ctrl+C: nothing may go on writing into .venv.
            if process.poll() is None:
                process.terminate()
                process.wait()


def latest_activity(log: str) -> str:
    """What pip was last seen doing, in a few words."""
    for line in reversed(log.splitlines()):
        first, _, rest = line.strip().partition(" ")
        if first in ("Collecting", "Downloading", "Processing") and rest:
            name = rest.split()[0].rsplit("/", 1)[-1].split("(")[0]
            return f"{first.lower()} {name}"
        if line.startswith("Installing collected packages"):
            return "writing the libraries to disk"
    return "still working"


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold the folder's lock, so that two first starts do not write one environment together."""
    with (ROOT / ".venv.lock").open("w") as lock:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another start is setting the program up; waiting for it.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
