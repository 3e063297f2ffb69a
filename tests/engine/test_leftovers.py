"""What a run leaves on disk when it is broken off, where it then goes on, and how much room it takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from desktop_llm.engine import device as devices
from desktop_llm.engine import preflight
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.run import run
from desktop_llm.errors import UserError
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, Interrupted, Saved, Started
from tests import run_folders


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_a_crash_left_half_written_goes_and_what_it_moved_aside_comes_back(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, save_steps=5, max_steps=20)
    control = Control()

    def leave(event: Event) -> None:
        if isinstance(event, Saved) and event.step == 10:
            control.leave()

    assert isinstance(run(folder.path, leave, control), Interrupted)
    newest = max(folder.checkpoints.glob("step-*"))
    aside = newest.with_name(f".{newest.name}.old")
    newest.rename(aside)
    left = [folder.path / ".model.abcd.part", folder.path / ".predictions.abcd.part", aside.with_name(".step-1.x.part")]
    for part in left:
        part.mkdir()
        (part / "weights").write_bytes(b"0" * 100)
    heard: list[Event] = []
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    started = next(event for event in heard if isinstance(event, Started))
    assert started.resumed_at == int(newest.name[5:])
    assert not any(part.exists() for part in left)
    assert list(folder.path.rglob(".*")) == []


def test_leaving_while_a_run_prepares_names_the_step_it_goes_on_from(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, save_steps=5, max_steps=20)
    control = Control()
    control.leave()
    first = run(folder.path, lambda _: None, control)
    assert isinstance(first, Interrupted)
    assert first.step == 0
    control = Control()

    def leave(event: Event) -> None:
        if isinstance(event, Saved) and event.step == 5:
            control.leave()

    left = run(folder.path, leave, control)
    assert isinstance(left, Interrupted)
    again = Control()
    again.leave()
    end = run(folder.path, lambda _: None, again)
    assert isinstance(end, Interrupted)
    assert end.step == left.step >= 5


def test_the_room_a_run_takes_is_told_before_it_starts(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, hidden_size=128, save_steps=1, max_steps=6, eval_steps=2)
    shutil.copytree(folder.path, tmp_path / "trial")
    told = preflight.measure(tmp_path / "trial")
    most = 0

    def measure(_: Event) -> None:
        nonlocal most
        most = max(most, _size(folder.checkpoints))

    assert isinstance(run(folder.path, measure, Control()), Finished)
    assert most <= told.disk <= 3 * most


def test_all_parameters_of_a_folder_are_counted_and_texts_cut_where_training_cut_them(tmp_path: Path) -> None:
    start = run_folders.make(tmp_path / "start", max_steps=1)
    run(start.path, lambda _: None, Control())
    # one text in training: of the word embeddings only a few are trained
    folder = run_folders.make(tmp_path / "tuned", count=8, model=str(start.model), max_length=12, max_steps=2)
    heard: list[Event] = []
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    weights = load_file(folder.model / "model.safetensors")
    started = next(event for event in heard if isinstance(event, Started))
    assert started.parameters == sum(weight.numel() for weight in weights.values())
    assert AutoTokenizer.from_pretrained(folder.model).model_max_length == 12
    predictor = Predictor(folder.model)
    words = "bread soup train ticket " * 3
    long, longer = predictor.predict([{"text": words}, {"text": words + "map " * 9}])
    assert long == longer


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.cuda.OutOfMemoryError("out"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9")],
)
def test_a_full_memory_is_told_in_a_sentence(error: Exception) -> None:
    with pytest.raises(UserError, match="memory is full"), devices.memory_sentences():
        raise error
    with pytest.raises(RuntimeError, match="a bug"), devices.memory_sentences():
        raise RuntimeError("a bug")
