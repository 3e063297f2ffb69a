"""The tests run in a namespace without interfaces, and nothing gets out of there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "without_network.py"
TEST = """
import socket
import pytest

def test_nothing_gets_out():
    names = [name for _, name in socket.if_nameindex()]
    assert names == ["lo"]
    with socket.socket() as one, pytest.raises(OSError, match="unreachable"):
        one.connect(("192.0.2.1", 9))

@pytest.mark.loopback
def test_itself():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 5).close()
"""


def _namespaces() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rn", "true"], check=False).returncode == 0


@pytest.mark.skipif(not _namespaces(), reason="this machine has no namespaces for everybody")
@pytest.mark.parametrize("words", [[], ["--loopback"]])
def test_in_a_namespace(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "test_one.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = loopback\n")
    command = [sys.executable, str(SCRIPT), *words, "-q", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini")]
    # without the guard of our own, which would answer before the system does
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, env=own, check=False)
    assert "1 passed, 1 deselected" in done.stdout, done.stdout + done.stderr
