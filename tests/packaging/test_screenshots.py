"""The walk that takes the pictures of the README goes through to its end. Slow: it trains two models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import screenshots

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_the_pictures_that_are_taken() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, scheme in screenshots.README.items():
        picture = f"resources/pictures/{name.split('-')[0]}-{scheme}.png"
        assert picture in text
        assert (ROOT / picture).stat().st_size <= screenshots.LARGEST_BYTES


@pytest.mark.slow
def test_every_page_is_taken_in_both_looks_and_sizes(tmp_path: Path) -> None:
    script = ROOT / "packaging" / "screenshots.py"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, str(script), "--to", str(tmp_path)],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    taken = {file.stem for file in tmp_path.glob("*.png")}
    pages = {name.rsplit("-", 2)[0] for name in taken}
    assert {"projects", "data", "label", "train-running", "results", "try", "export", "settings"} <= pages
    assert len(taken) == 4 * len(pages)
