"""The loop's own process: reads the project beside the window, learns, and says what it found through a pipe.

Importable without scikit-learn, so that the window can name `serve` as a process's target. It leaves when the pipe
ends. Asked: {"do": "suggest" | "mistakes" | "advise" | "forget", "number": n, …}; told: {"number": n, "part": …} some
times, then {"number": n, "done": …} or {"number": n, "error": sentence}.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from desktop_llm import log
from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from desktop_llm.verbs.looping import Looping

PART = 200
"""Guesses a message: the window's thread for the loop may not hold Python for long."""


def serve(path: str, encoder: str, pipe: Connection) -> None:
    """Answer until the pipe ends. `encoder` a model folder, '' for the words."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(max(1, (os.cpu_count() or 2) - 1))  # counts only before NumPy is loaded
    with suppress(OSError, psutil.Error):
        psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 10))
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.looping import Looping

    project = Project.watch(Path(path))
    try:
        looping: Looping | None = None
        while True:
            asked = pipe.recv()
            try:
                if looping is None:
                    looping = Looping(project, Path(encoder) if encoder else None)
                    if encoder:
                        _load_beside()
                for told in _answers(looping, asked):
                    pipe.send({"number": asked["number"], **told})
            except UserError as error:
                pipe.send({"number": asked["number"], "error": error.message})
            except Exception as error:
                if isinstance(error, OSError | EOFError):
                    raise
                log.logger("loop").exception("the loop failed")
                pipe.send({"number": asked["number"], "error": f"The model in the loop failed ({error})."})
    except (EOFError, OSError):
        return
    finally:
        project.close()


def _load_beside() -> None:
    """Load scikit-learn, which chooses rows after the first fit, while that fit runs: it has the other core.

    Not with the words of the texts, which need scikit-learn first of all: two threads that load parts of a package in
    different orders may each find the other's half done. So SciPy is whole before, too.
    """
    import_module("scipy.optimize")
    threading.Thread(target=import_module, args=("sklearn.cluster",), name="loading", daemon=True).start()


def _answers(looping: Looping, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from desktop_llm.verbs.looping import EACH_REFIT

    if asked["do"] == "forget":
        looping.forget()
        yield {"done": None}
    elif asked["do"] == "suggest":
        found = looping.suggest(asked["wanted"], batch=asked["batch"], seed=asked["seed"], most=EACH_REFIT)
        for start in range(0, len(found.guesses), PART):
            yield {"part": found.guesses[start : start + PART]}
        yield {"done": replace(found, guesses=())}
    elif asked["do"] == "mistakes":
        yield {"done": looping.mistakes()}
    elif asked["do"] == "advise":
        yield {"done": looping.advise(asked["more"])}
