"""The wheel: the program with its resources and its command, and nothing else."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import sys
import desktop_llm
from desktop_llm import paths
assert desktop_llm.__file__.startswith(sys.argv[1]), desktop_llm.__file__
assert str(paths.resource("icons", "app.svg")).startswith(sys.argv[1])
from desktop_llm.cli import main
sys.exit(main(["tasks"]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from this checkout by its own build backend."""
    pytest.importorskip("hatchling", reason="the build backend is not installed (extra dev)")
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.iterdir()
    return made


def _below(folder: str, prefix: str) -> set[str]:
    return {
        prefix + path.relative_to(ROOT / folder).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_program_and_its_resources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
        about = {name.rpartition("/")[2] for name in opened.namelist() if ".dist-info/" in name}
    wanted = _below("desktop_llm", "desktop_llm/") | _below("resources", "desktop_llm/resources/")
    assert names == wanted
    assert {"desktop_llm/resources/icons/app.svg", "desktop_llm/resources/samples/samples.json"} <= names
    assert {"METADATA", "LICENSE", "entry_points.txt"} <= about


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (one for one in opened.namelist() if one.endswith(".dist-info/entry_points.txt"))
        points = configparser.ConfigParser()
        points.read_string(opened.read(name).decode())
    assert points["console_scripts"]["desktop-llm"] == "desktop_llm.__main__:main"


def test_the_unpacked_wheel_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "site")
    site = str(tmp_path / "site")
    inherited = [one for one in os.environ["PYTHONPATH"].split(os.pathsep) if one and Path(one).resolve() != ROOT]
    done = subprocess.run(
        [sys.executable, "-c", ASK, site],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([site, *inherited])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("text_classification ")
