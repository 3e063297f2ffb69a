"""A disk that holds nothing from the start: the run says so in a sentence, and is resumed when there is room again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import atomic
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Failed, Finished, Noted
from tests import run_folders

pytest.importorskip("resource")

FULL = """
import resource, signal, sys
from pathlib import Path
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
run(Path(sys.argv[1]), lambda event: None, Control())
"""


@pytest.mark.parametrize("best", [False, True])
def test_a_run_on_a_full_disk_fails_with_a_sentence_and_ends_the_same_when_there_is_room(
    tmp_path: Path, best: bool
) -> None:
    values: dict[str, Any] = {"save_steps": 10, "load_best_model_at_end": best}
    whole = run_folders.make(tmp_path / "whole", **values)
    assert isinstance(run(whole.path, lambda event: None, Control()), Finished)
    folder = run_folders.make(tmp_path / "full", **values)
    command = [sys.executable, "-c", FULL, str(folder.path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    told = list(folder.read_events())
    end = told[-1]
    assert isinstance(end, Failed)
    assert "disk" in end.message
    assert "defect" not in end.message
    notes = [event.message for event in told if isinstance(event, Noted)]
    assert notes
    assert all("there is none before it" in note for note in notes)
    assert list(folder.path.rglob(".*")) == []
    assert not folder.model.exists()
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    sums = [atomic.sha256(one.model / "model.safetensors") for one in (folder, whole)]
    assert sums[0] == sums[1]
