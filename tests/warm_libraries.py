"""What processes of our own load before they begin, loaded ahead in the one that they are forked from.

See `tests.warm_starts`. Imported there, it loads; elsewhere it only tells.
"""

from __future__ import annotations

import gc
import importlib
import os
import runpy
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from desktop_llm.engine import worker

READY = "DESKTOP_LLM_TEST_WARM"
"""The variable that names the file which is there once all is loaded."""
MODULES = (
    "desktop_llm.engine.run",
    "desktop_llm.engine.predict",
    "desktop_llm.engine.generator",
    "desktop_llm.engine.preflight",
    "desktop_llm.engine.export",
    "desktop_llm.engine.embed",
    "desktop_llm.verbs.loop_worker",
    "sklearn.metrics",
    "torch._dynamo",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
)


class Forked(ForkServerProcess):
    """With the environment of who starts it, and not of the process that it comes from."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """As any process."""
        super().__init__(*args, **named)
        self._environment = dict(os.environ)

    def run(self) -> None:
        """What it was made for."""
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


def as_program(module: str, words: tuple[str, ...], said: str) -> None:
    """In the process: be `python -m module`, with what it prints in files."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{said}.{name}", os.O_WRONLY | os.O_CREAT), number)
    sys.argv = [module, *words]
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def load() -> None:
    """Load them, and what the tasks learn by."""
    from desktop_llm.tasks import TASKS

    worker.offline()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # as those that set it before they load their libraries
        os.environ[name] = str(max(1, (os.cpu_count() or 2) - 1))
    gc.disable()
    for name in MODULES:
        importlib.import_module(name)
    for task in TASKS.values():
        if task.learns:
            task.open_learn()
    gc.freeze()  # what all have in common is not looked at, and so not copied, by the collections of each
    gc.enable()
    Path(os.environ[READY]).touch()


if READY in os.environ:
    load()
