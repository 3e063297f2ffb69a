"""The set-up's decisions: when it works again, what it asks the system for, what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap
import checks
import environment
import qt_libraries

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = '[project]\nname = "x"\ndependencies = ["numpy"]\n'


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_new_enough_pythons_are_welcome(version: tuple[int, ...]) -> None:
    assert bootstrap.version_complaint(version) is None


def test_an_old_python_is_told_its_age_in_one_sentence() -> None:
    complaint = bootstrap.version_complaint((3, 9, 18))
    assert complaint is not None
    assert complaint.startswith("desktop_llm needs Python 3.11 or newer and this is Python 3.9")
    assert "\n" not in complaint


@pytest.mark.parametrize(
    ("pyproject", "constraints", "extra", "place"),
    [
        pytest.param(PYPROJECT.replace("numpy", "torch"), "a==1", "", "here", id="dependency"),
        pytest.param(PYPROJECT, "a==2", "", "here", id="constraint"),
        pytest.param(PYPROJECT, "a==1", "dev", "here", id="extra"),
        pytest.param(PYPROJECT, "a==1", "", "there", id="moved"),
    ],
)
def test_what_changes_the_installation_changes_the_stamp(
    pyproject: str, constraints: str, extra: str, place: str
) -> None:
    first = environment.stamp_digest(PYPROJECT, "a==1", "", "here")
    assert environment.stamp_digest(pyproject, constraints, extra, place) != first


def test_a_linter_rule_does_not_change_the_stamp() -> None:
    edited = PYPROJECT + "[tool.ruff]\nline-length = 99\n"
    assert environment.stamp_digest(edited, "a==1", "", "here") == environment.stamp_digest(
        PYPROJECT, "a==1", "", "here"
    )


def test_missing_libraries_become_one_line_for_apt() -> None:
    packages = qt_libraries.packages_for(["libEGL.so.1", "libxcb-icccm.so.4"], needs_venv=True)
    assert packages == ["python3-venv", "libegl1", "libxcb-icccm4"]
    line = qt_libraries.apt_line(packages)
    assert line == "sudo apt-get install -y --no-install-recommends python3-venv libegl1 libxcb-icccm4"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of Linux libraries")
def test_the_loader_is_asked_what_is_missing() -> None:
    absent = "libnobody-has-this.so.9"
    assert qt_libraries.missing_libraries(["libc.so.6", absent]) == [absent]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "still working"),
        ("Collecting numpy>=2.0 (from desktop-llm)\n  Using cached numpy.whl", "collecting numpy>=2.0"),
        ("Collecting a\n  Downloading files/torch-2.13.0.whl (200 MB)\n", "downloading torch-2.13.0.whl"),
        ("Collecting a\nInstalling collected packages: a, b\n", "writing the libraries to disk"),
    ],
)
def test_a_long_installation_says_where_it_is(log: str, words: str) -> None:
    assert environment.latest_activity(log) == words


def test_tests_need_no_screen_unless_one_is_chosen() -> None:
    assert checks.surroundings_for_tests({})["QT_QPA_PLATFORM"] == "offscreen"
    assert checks.surroundings_for_tests({"QT_QPA_PLATFORM": "xcb"})["QT_QPA_PLATFORM"] == "xcb"


def test_what_was_compiled_is_kept_for_the_processes_that_tests_start() -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in checks.surroundings_for_tests({"PYTHONDONTWRITEBYTECODE": "1"})


def test_failed_checks_are_named_before_the_tests() -> None:
    assert checks.closing_words(["mypy", "ruff check"]) == "Failed before the tests: mypy, ruff check."
    assert "passed" in checks.closing_words([])


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["fly"], 2), (["--help"], 0)])
def test_a_wrong_word_gets_the_usage(arguments: list[str], status: int) -> None:
    command = [sys.executable, str(ROOT / "packaging" / "bootstrap.py"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert result.returncode == status
    assert "bootstrap.py run" in result.stdout + result.stderr


def test_a_half_made_environment_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half_made = tmp_path / ".venv"
    (half_made / "bin").mkdir(parents=True)
    monkeypatch.setattr(environment, "VENV", half_made)
    assert not environment._venv_works()


def test_constraints_name_exact_versions_and_no_hosts() -> None:
    lines = [line for line in environment.CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line and "@" not in line for line in lines)
    assert "torch==2.13.0" in lines


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: str) -> None:
        raise PermissionError(13, "Permission denied", "/opt/desktop_llm/.venv.lock")

    monkeypatch.setattr(environment, "ensure", refused)
    assert bootstrap.main(["setup"]) == 1
    told = capsys.readouterr().err
    assert "/opt/desktop_llm/.venv.lock" in told
    assert told.count("\n") == 1
