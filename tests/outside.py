"""Programs of others, which know nothing of us, each in a process of its own that begins at once.

All of them need torch and transformers, which take some seconds to load: so they are forked from one process that has
loaded these and nothing else. Loaded by conftest.py for its fixture.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FORKING = """
import json, os, sys, traceback
import torch
from transformers import AutoTokenizer, PreTrainedModel
from transformers.models.auto import modeling_auto

def be(asked):
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(asked["said"] + "." + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(asked["folder"])
    sys.argv = asked["words"]
    told = {"__name__": "__main__", "__file__": asked["words"][0]}
    try:
        exec(compile(asked["code"], asked["words"][0], "exec"), told)
        return 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()

for line in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(be(json.loads(line)))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Outside:
    """Runs programs one after the other."""

    def __init__(self, place: Path) -> None:
        """What they print is kept in `place`."""
        self._place = place
        self._forking = hasattr(os, "fork")
        if self._forking:
            self._process = subprocess.Popen(
                [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place
            )

    def __call__(self, program: str | Path, *words: str, folder: Path) -> str:
        """What a program, as its code or its file, prints in a folder; an AssertionError when it fails."""
        if not self._forking:
            start = ["-c", program] if isinstance(program, str) else [str(program)]
            done = subprocess.run([sys.executable, *start, *words], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout
        code = program if isinstance(program, str) else (folder / program).read_text(encoding="utf-8")
        name = "-c" if isinstance(program, str) else str(program)
        said = self._place / "said"
        asked = {"code": code, "words": [name, *words], "folder": str(folder), "said": str(said)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code_of_end = self._process.stdout.readline().strip()
        assert code_of_end == "0", said.with_suffix(".err").read_text(encoding="utf-8")
        return said.with_suffix(".out").read_text(encoding="utf-8")

    def end(self) -> None:
        """No more of them."""
        if self._forking:
            self._process.communicate()


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """`outside(code, *words, folder=…)` gives what that prints."""
    made = Outside(tmp_path_factory.mktemp("outside"))
    yield made
    made.end()
