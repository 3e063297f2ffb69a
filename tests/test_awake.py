"""The wish to stay awake: a real program stands in for systemd's, for a machine of tests may have none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop_llm import awake
from desktop_llm.awake import Awake

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in is a Linux program")
PATIENCE = 20.0
STAND_IN = """#!/bin/sh
echo "$@" > "$0.asked"
while [ "${1#--}" != "$1" ]; do shift; done
"$@"
echo over > "$0.over"
"""


def _wait(path: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, path
        time.sleep(0.005)  # the file is the condition
    return path.read_text()


@pytest.fixture
def inhibitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of systemd-inhibit."""
    made = tmp_path / "systemd-inhibit"
    made.write_text(STAND_IN)
    made.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return made


def test_it_is_held_until_the_end(inhibitor: Path) -> None:
    with awake.kept("Run 7 is training"):
        told = _wait(Path(f"{inhibitor}.asked"))
        assert "--what=sleep:idle" in told
        assert "Run 7 is training" in told
        assert not Path(f"{inhibitor}.over").exists()
    assert _wait(Path(f"{inhibitor}.over")) == "over\n"


def test_who_is_killed_lets_go(inhibitor: Path) -> None:
    code = (
        "import os, signal, time\nfrom desktop_llm.awake import Awake\none = Awake()\none.begin('x')\n"
        f"while not os.path.exists('{inhibitor}.asked'): time.sleep(0.01)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=False)
    assert done.returncode == -signal.SIGKILL
    assert _wait(Path(f"{inhibitor}.over")) == "over\n"


def test_not_wanted_or_not_there_is_nothing(inhibitor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with awake.kept("nothing", wanted=False):
        pass
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    one = Awake()
    one.begin("nothing")
    assert not one.held
    one.end()
    assert not Path(f"{inhibitor}.asked").exists()
