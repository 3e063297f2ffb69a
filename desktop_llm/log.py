"""Loggers by subject (not by module), and where they write.

`logger("train")` anywhere; `setup()` once at start. The file rotates at 2 MB and keeps three.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

ROOT = "desktop_llm"
FILE = "desktop_llm.log"


def logger(subject: str) -> logging.Logger:
    """The logger of one subject: start, store, data, label, train, engine, infer, export, gui, cli."""
    return logging.getLogger(f"{ROOT}.{subject}")


def setup(folder: Path | None, *, verbose: bool = False) -> None:
    """Send our logs to `folder`/desktop_llm.log (when given and writable) and warnings to stderr."""
    root = logging.getLogger(ROOT)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    line = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    if verbose and sys.stderr is not None:
        console = logging.StreamHandler()
        console.setFormatter(line)
        root.addHandler(console)
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = logging.handlers.RotatingFileHandler(
                folder / FILE, maxBytes=2_000_000, backupCount=3, encoding="utf-8", delay=True
            )
        except OSError as error:  # a read-only home must not keep the program from starting, nor be told at each start
            root.info("no log file: %s", error)
            return
        file.setFormatter(line)
        root.addHandler(file)
