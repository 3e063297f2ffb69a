"""A run is compiled where it pays or is wanted, keeps to it, and goes on without where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import atomic
from desktop_llm.engine import compiling
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, Interrupted, Noted, Saved
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

BLOCKS = fixture_of(next(one for one in TASKS.values() if one.unsupervised)).kind
SMALL = {"num_hidden_layers": 1, "max_steps": 8, "save_steps": 4, "per_device_train_batch_size": 4}


def _make(path: Path, **values: Any) -> RunFolder:
    return run_folders.make(path, kind=BLOCKS, **{**SMALL, **values})


def _run(folder: RunFolder, *, leave_at: int = 0) -> tuple[Event, list[str]]:
    """The end, and the notes."""
    control, notes = Control(), []

    def hear(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.message)
        if isinstance(event, Saved) and event.step == leave_at and leave_at:
            control.leave()

    return run(folder.path, hear, control), notes


def _mode(folder: RunFolder) -> str:
    newest = sorted(folder.checkpoints.glob("step-*"))[-1]
    return str(json.loads((newest / "state.json").read_text(encoding="utf-8"))["progress"]["mode"])


def _weights(folder: RunFolder) -> str:
    return atomic.sha256(folder.model / "model.safetensors")


def test_a_short_run_is_measured_and_left_as_it_is(tmp_path: Path) -> None:
    found = set()
    for name, wish, said in (("automatic", None, 1), ("never", False, 0)):
        folder = _make(tmp_path / name, torch_compile=wish, hidden_dropout_prob=0.1)
        end, notes = _run(folder)
        assert isinstance(end, Finished), end
        assert len([one for one in notes if "is not compiled" in one]) == said
        assert _mode(folder) == "eager"
        found.add(_weights(folder))
    assert len(found) == 1


@pytest.mark.parametrize(("wish", "said"), [(None, 0), (True, 1)])
def test_what_has_many_shapes_is_not_compiled(wish: bool | None, said: int, tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, max_steps=4, torch_compile=wish)
    end, notes = _run(folder)
    assert isinstance(end, Finished), end
    assert len(notes) == said
    assert _mode(folder) == "eager"


def test_a_resumed_run_asks_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _make(tmp_path, torch_compile=None)
    assert isinstance(_run(folder, leave_at=4)[0], Interrupted)
    monkeypatch.setattr(compiling, "COST_SECONDS", {"cpu": 0.0})
    end, notes = _run(folder)
    assert isinstance(end, Finished), end
    assert notes == []
    assert _mode(folder) == "eager"


@pytest.mark.expects_warnings
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_without_a_compiler_it_runs_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(inductor.cpp, "cxx", ("/nowhere/c++",))
    monkeypatch.setattr(inductor, "fx_graph_cache", False)
    whole = _make(tmp_path / "whole", torch_compile=False)
    _run(whole)
    folder = _make(tmp_path / "run", torch_compile=True)
    end, notes = _run(folder)
    assert isinstance(end, Finished), end
    assert len(notes) == 1
    assert "could not be compiled" in notes[0]
    assert _mode(folder) == "eager"
    assert _weights(folder) == _weights(whole)


@pytest.mark.slow
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_a_compiled_run_resumes_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    whole, parted = (_make(tmp_path / name, torch_compile=True) for name in ("whole", "parted"))
    end, notes = _run(whole)
    assert isinstance(end, Finished), end
    assert any("was compiled in" in one for one in notes)
    assert isinstance(_run(parted, leave_at=4)[0], Interrupted)
    assert isinstance(_run(parted)[0], Finished)
    assert _mode(whole) == _mode(parted) == "compiled"
    assert _weights(parted) == _weights(whole)
    eager = _make(tmp_path / "eager", torch_compile=False)
    _run(eager)
    from safetensors.torch import load_file

    ours, theirs = (load_file(one.model / "model.safetensors") for one in (whole, eager))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert float((value - theirs[name]).abs().max()) < 1e-3
