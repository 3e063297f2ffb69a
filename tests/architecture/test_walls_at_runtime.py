"""What a fresh interpreter has loaded after importing one side of the house.

The static contracts (lint-imports) see the chains they are told of; this sees what really happens.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "desktop_llm"
HEAVY = ("torch", "transformers", "polars", "pandas", "sklearn", "pyarrow", "openpyxl", "python_calamine")
CLEANING = ("ftfy", "phonenumbers", "py3langid", "rensa", "stdnum")
QT = ("PySide6", "shiboken6", "pyqtgraph")

IMPORT_AND_LIST = """
import importlib, sys
for name in sys.argv[1].split(","):
    importlib.import_module(name)
print(" ".join(name for name in sys.argv[2].split(",") if name in sys.modules))
"""


def modules_in(*patterns: str) -> list[str]:
    """Dotted names of the files that match, `__main__` left out."""
    files = sorted(file for pattern in patterns for file in PACKAGE.glob(pattern))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def loaded_after_importing(modules: Iterable[str], watched: Iterable[str]) -> list[str]:
    """Which of the watched packages a new interpreter holds after importing the modules."""
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_AND_LIST, ",".join(modules), ",".join(watched)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_the_window_loads_no_torch() -> None:
    assert loaded_after_importing(["desktop_llm.gui.window"], [*HEAVY, *CLEANING]) == []


def test_no_module_of_the_qt_side_loads_torch() -> None:
    modules = modules_in("app.py", "gui/**/*.py", "verbs/**/*.py", "widgets/**/*.py", "tasks/*/screen.py")
    assert loaded_after_importing(modules, HEAVY) == []


def test_the_command_line_loads_neither_torch_nor_qt() -> None:
    assert loaded_after_importing(["desktop_llm.__main__", "desktop_llm.cli"], [*HEAVY, *QT]) == []


def test_the_engine_loads_no_qt() -> None:
    modules = modules_in("engine/**/*.py", "nets/**/*.py", "tasks/*/learn*.py")
    modules.remove("desktop_llm.nets.head_triton")  # for machines with a GPU alone
    assert loaded_after_importing(["desktop_llm.engine", *modules], [*QT, "sqlite_utils"]) == []


@pytest.mark.parametrize("place", ["store", "data", "jobs", "loop"])
def test_the_ground_floor_loads_neither(place: str) -> None:
    modules = modules_in(f"{place}/**/*.py")
    assert loaded_after_importing(modules, [*QT, "torch", "transformers"]) == []


def test_data_loads_the_libraries_of_cleaning_only_when_they_are_used() -> None:
    assert loaded_after_importing(modules_in("data/**/*.py"), CLEANING) == []


def test_what_tasks_say_of_themselves_loads_neither() -> None:
    modules = modules_in("*.py", "tasks/*.py", "tasks/*/__init__.py", "tasks/*/labels.py", "tasks/*/score.py")
    modules = [name for name in modules if name != "desktop_llm.app"]
    assert loaded_after_importing(modules, [*QT, *HEAVY]) == []
