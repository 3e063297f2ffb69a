"""No file outside a task's folder names that task, so that adding a task touches one folder and one line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "desktop_llm"
TASKS = sorted(folder.name for folder in (PACKAGE / "tasks").iterdir() if (folder / "__init__.py").is_file())


def names_in(tree: ast.AST) -> set[str]:
    """Every dotted part of an import, and every text constant, of a module."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            dotted = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.module:
                dotted.append(node.module)
            found.update(f"import {part}" for name in dotted for part in name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_nobody_else_names_the_task(task: str) -> None:
    home = PACKAGE / "tasks" / task
    # The one list of tasks is the one place that may.
    elsewhere = [
        file
        for file in PACKAGE.rglob("*.py")
        if not file.is_relative_to(home) and file != PACKAGE / "tasks" / "__init__.py"
    ]
    # A task called by an everyday word ("segmentation" is also a key of COCO files) is looked for in
    # imports only.
    forbidden = {f"import {task}"} | ({task} if "_" in task else set())
    trees = {str(file.relative_to(PACKAGE)): ast.parse(file.read_text("utf-8")) for file in elsewhere}
    assert [name for name, tree in trees.items() if forbidden & names_in(tree)] == []
