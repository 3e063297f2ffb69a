"""The guards themselves guard: each is shown a test that breaks its rule, and must fail it."""

from __future__ import annotations

import inspect
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import pytest
from pytestqt.qtbot import QtBot

from tests.windows import LONG, PatientBot

ROOT = Path(__file__).resolve().parents[2]
# From the block kept for documentation (RFC 5737): answers to nobody.
ELSEWHERE = ("192.0.2.1", 9)


BROKEN = {
    "thread": (
        "import threading\nstop = threading.Event()\n"
        "def test():\n    threading.Thread(target=stop.wait, daemon=True, name='idler').start()\n",
        "left behind: thread idler",
    ),
    "process": (
        "import subprocess, sys\n"
        "def test():\n"
        "    global p\n"
        "    p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n",
        "left behind: child process",
    ),
    "timer": (
        "from PySide6.QtCore import QTimer\n"
        "def test(qapp):\n    global t\n    t = QTimer()\n"
        "    t.setObjectName('tick')\n    t.start(1000)\n",
        "left behind: QTimer “tick”",
    ),
    "widget": (
        "from PySide6.QtWidgets import QLabel\n"
        "def test(qapp):\n    global w\n    w = QLabel('forgotten')\n    w.show()\n",
        "left behind: QLabel",
    ),
    "log": (
        "import logging\ndef test():\n    logging.getLogger('desktop_llm.store').warning('odd %s', 1)\n",
        "WARNING desktop_llm.store: odd 1",
    ),
}
TIDY = (
    "from PySide6.QtCore import QThread, QTimer\nfrom PySide6.QtWidgets import QLabel\n"
    "def test(qtbot):\n    w = QLabel()\n    qtbot.addWidget(w)\n    w.show()\n"
    "    t = QThread()\n    t.start()\n    t.quit()\n    assert t.wait(5000)\n"
    "    timer = QTimer(w)\n    timer.start(10)\n"
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Element]:
    """What pytest says of each, all run once under the repository's own guards."""
    folder = tmp_path_factory.mktemp("guarded")
    for name, body in {"tidy": TIDY, **{name: body for name, (body, _) in BROKEN.items()}}.items():
        (folder / f"test_{name}.py").write_text(body, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "tests.conftest", f"--rootdir={folder}", f"--junitxml={folder / 'told.xml'}", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    cases = parse(folder / "told.xml").getroot().iter("testcase")
    return {case.attrib["classname"].removeprefix("test_"): case for case in cases}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_rule_fails_the_test(outcomes: dict[str, Element], name: str) -> None:
    (told,) = outcomes[name]
    assert told.tag == "error"
    assert BROKEN[name][1] in (told.text or "")


def test_a_tidy_test_passes(outcomes: dict[str, Element]) -> None:
    assert list(outcomes["tidy"]) == []


def test_no_wait_of_a_window_is_over_because_the_machine_is_busy(qtbot: QtBot) -> None:
    assert isinstance(qtbot, PatientBot)
    for name in ("waitUntil", "waitSignal", "waitSignals"):
        assert inspect.signature(getattr(qtbot, name)).parameters["timeout"].default == LONG


def refused() -> pytest.RaisesExc[RuntimeError]:
    """Told by its words: a process that is itself a child has the guard twice, and the class with it."""
    return pytest.raises(RuntimeError, match="tests run without network")


def test_no_connection_leaves_this_process() -> None:
    with socket.socket() as one, refused():
        one.connect(ELSEWHERE)


def test_no_connection_leaves_a_child() -> None:
    attempt = f"import socket; socket.socket().connect({ELSEWHERE})"
    result = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=False)
    assert "tests run without network" in result.stderr


@pytest.mark.loopback
def test_the_marker_opens_this_machine_alone() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as caller,
    ):
        assert caller.getpeername() == server.getsockname()
    with socket.socket() as one, refused():
        one.connect(ELSEWHERE)
