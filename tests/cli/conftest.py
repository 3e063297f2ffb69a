"""The command line as tests speak to it: in this process, with what every answer keeps to checked at each call."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.cli import main
from tests import projects


@dataclass(frozen=True, slots=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Said]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run one command: `command("import", project, file)`."""
    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*words: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        # done: silent on stderr; failed or wrongly used: one line that is a sentence, never a traceback
        assert (code in (1, 2)) == bool(told.err), told.err
        assert told.err.count("\n") == (code in (1, 2))
        assert "Traceback" not in told.err
        assert "defect" not in told.err
        return Said(code, told.out, told.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of 104 labelled rows."""
    return projects.make(tmp_path / "Tickets")
