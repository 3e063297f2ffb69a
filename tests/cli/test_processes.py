"""The command as a process of its own: Ctrl+C and resume, a pipe that closes, odd terminals, no screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import __version__
from tests import projects

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "desktop_llm"]


def _answer(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *(str(word) for word in words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_says_its_version_and_its_commands() -> None:
    assert _answer("--version").stdout == f"desktop_llm {__version__}\n"
    told = _answer("--help")
    assert told.returncode == 0
    assert all(verb in told.stdout for verb in ("tasks", "import", "train", "predict", "export", "check"))
    wrong = _answer("train")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)


def _until_started(words: list[str], said: list[dict[str, Any]]) -> subprocess.Popen[str]:
    """Start a training that prints its events, and wait until it tells that it steps."""
    process = subprocess.Popen(
        [*PROGRAM, *words, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1].get("kind") == "started":
            return process
    raise AssertionError(process.communicate()[1])


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_and_a_polite_end_leave_a_run_that_goes_on(project: Path) -> None:
    words = ["train", str(project), *projects.settings(num_train_epochs=3000)]
    left = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        said: list[dict[str, Any]] = []
        with _until_started(words, said) as process:
            process.send_signal(number)
            out, err = process.communicate()
            assert process.returncode == 3, err
        assert err == ""
        said += [json.loads(line) for line in out.splitlines()]
        assert [one["resumed_at"] for one in said if one.get("kind") == "started"] == [left]
        assert said[-1]["kind"] == "interrupted"
        assert said[-1]["step"] > left
        left = said[-1]["step"]
        words = ["resume", str(project), "1"]
    told = _answer("runs", project, "--json")
    assert json.loads(told.stdout)["state"] == "interrupted"
    assert projects.counts(project) == (104, 104)
    refused = _answer("predict", project, 1, "soup")
    assert refused.returncode == 1
    assert refused.stderr == "Run 1 has no model yet (it is interrupted); resume it or train again.\n"


def test_a_reader_that_leaves_early_gets_no_traceback(trained: Path, tmp_path: Path) -> None:
    rows = [{"text": f"soup number {number} " + "and bread " * 20} for number in range(3000)]
    file = projects.write_csv(tmp_path / "questions.csv", rows, ("text",))
    with subprocess.Popen(
        [*PROGRAM, "predict", str(trained), "1", str(file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_a_training_goes_on_when_its_reader_leaves(project: Path) -> None:
    process = _until_started(["train", str(project), *projects.settings(num_train_epochs=30)], [])
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0
    assert json.loads(_answer("runs", project, "--json").stdout)["state"] == "finished"


def test_a_terminal_of_few_characters_shows_escapes(tmp_path: Path) -> None:
    made = _answer("new", tmp_path / "商店", "--task", projects.TASK, PYTHONIOENCODING="ascii")
    assert made.returncode == 0, made.stderr
    assert made.stdout.isascii()
    assert r"\u5546" in made.stdout
    assert projects.counts(tmp_path / "商店") == (0, 0)


def test_a_home_that_cannot_be_written_keeps_no_command_from_working(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _answer("tasks", DESKTOP_LLM_HOME=str(tmp_path / "file" / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(projects.TASK)


def test_a_path_with_a_line_end_stays_one_line(tmp_path: Path) -> None:
    done = _answer("check", tmp_path / "two\nlines")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
@pytest.mark.parametrize(
    ("screen", "told"),
    [
        ({}, "There is no screen to open a window on"),
        ({"DISPLAY": ":9999"}, "The screen cannot be reached"),
        ({"WAYLAND_DISPLAY": "nobody-is-there"}, "The screen cannot be reached"),
    ],
)
def test_no_screen_is_a_sentence_and_not_an_abort(screen: dict[str, str], told: str) -> None:
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    bare = {key: value for key, value in os.environ.items() if key not in screens}
    done = subprocess.run(PROGRAM, cwd=ROOT, env=bare | screen, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert "desktop-llm --help" in done.stderr


@pytest.mark.slow
@pytest.mark.loopback
def test_one_command_trains_in_two_processes(project: Path) -> None:
    told = _answer("train", project, "--processes", "2", *projects.settings(max_steps=4), "--json")
    assert told.returncode == 0, told.stderr
    said = [json.loads(line) for line in told.stdout.splitlines()]
    assert next(one for one in said if one.get("kind") == "started")["device"] == "2 × Processor"
    assert said[-1]["kind"] == "finished"
    wrong = _answer("train", project, "--processes", "0")
    assert wrong.returncode == 2
    assert "num_processes" in wrong.stderr
