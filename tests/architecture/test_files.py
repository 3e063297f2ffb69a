"""What every file of the repository keeps to: short, told in its first line, clean, small."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 400
LARGEST_BYTES = 1_000_000
WEIGHTS = {".safetensors", ".gguf", ".onnx", ".pt", ".pth", ".ckpt", ".bin", ".npz", ".h5"}
# Addresses that mean something only inside one network, package indexes, and passwords in addresses.
PRIVATE = re.compile(
    r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b"
    r"|://[\w.-]+\.(?:internal|intranet|corp|lan|local)\b"
    r"|--(?:extra-)?index-url|--find-links|file:///"
    r"|://[^\s/@:\"']+:[^\s/@\"']+@"
)


def python_files(*folders: str) -> list[Path]:
    """The Python files of these top-level folders."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in python_files("desktop_llm", "packaging", "tests")
        if not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


def test_no_file_grows_long() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines())
        for file in python_files("desktop_llm", "packaging", "tests")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    """The files git tracks; skips outside a repository (a source archive)."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    # A file may be deleted but not yet committed so.
    return [file for file in files if file.is_file()]


def test_nothing_committed_is_large(committed: list[Path]) -> None:
    assert [str(file) for file in committed if file.stat().st_size > LARGEST_BYTES] == []


def test_no_weights_are_committed(committed: list[Path]) -> None:
    assert [str(file) for file in committed if file.suffix in WEIGHTS] == []


def test_no_private_host_is_named(committed: list[Path]) -> None:
    found = {}
    for file in committed:
        if file == Path(__file__).resolve():
            continue
        match = PRIVATE.search(file.read_text("utf-8", errors="ignore"))
        if match:
            found[str(file.relative_to(ROOT))] = match.group()
    assert found == {}
