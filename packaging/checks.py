"""Every check of the repository in one go: style, types, walls between packages, tests.

Run by `python3 packaging/bootstrap.py test [pytest arguments]` inside the environment it made. All of
them run even when one fails; pytest comes last, so that its closing line is the last one printed.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_WORKERS = 4
"""Test processes at most; each holds torch."""


def run_all(python: Path, pytest_arguments: list[str]) -> int:
    """Run all checks; 0 when every one passed, 1 when any failed."""
    surroundings = surroundings_for_tests(dict(os.environ))
    failed = [name for name, command in _linters(python) if not _passes(name, command, surroundings)]
    print(closing_words(failed), flush=True)
    # Much of the tests' time is waiting for the disk and for child processes: side by side they take half of it.
    # Each takes its half in order, so that what a file's tests share is made once, and helps the other at the end.
    side_by_side = ["-n", str(min(MOST_WORKERS, os.cpu_count() or 1)), "--dist", "worksteal"]
    tests = [str(python), "-m", "pytest", *side_by_side, *pytest_arguments]
    tests_failed = subprocess.call(tests, cwd=ROOT, env=surroundings) != 0
    return 1 if failed or tests_failed else 0


def surroundings_for_tests(environment: dict[str, str]) -> dict[str, str]:
    """The environment variables for the checks: no screen is needed unless one is asked for."""
    # Tests start hundreds of processes: each would compile all modules anew where nothing compiled may be kept.
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"QT_QPA_PLATFORM": "offscreen", **kept}


def closing_words(failed: list[str]) -> str:
    """The linters' outcome in one line, before the tests begin."""
    if failed:
        return f"Failed before the tests: {', '.join(failed)}."
    return "All checks before the tests passed."


def _linters(python: Path) -> list[tuple[str, list[str]]]:
    return [
        ("ruff check", [str(python), "-m", "ruff", "check", "--output-format=concise", "."]),
        ("ruff format", [str(python), "-m", "ruff", "format", "--check", "--output-format=concise", "."]),
        ("mypy", [str(python), "-m", "mypy"]),
        # import-linter has no `python -m` form; its script lies beside the interpreter.
        ("lint-imports", [str(python.parent / "lint-imports")]),
    ]


def _passes(name: str, command: list[str], surroundings: dict[str, str]) -> bool:
    """Run one linter, print a line about it, and all it said when it failed."""
    started = time.monotonic()
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    outcome = "ok" if result.returncode == 0 else "failed"
    print(f"{name}: {outcome} ({time.monotonic() - started:.1f} s)", flush=True)
    if result.returncode != 0:
        print(result.stdout, flush=True)
    return result.returncode == 0
