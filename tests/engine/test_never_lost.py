"""What a run keeps: whole or not at all, by its rule, found again wherever the folder went, used for longer runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm import atomic
from desktop_llm.engine import checkpoint
from desktop_llm.engine.host_copy import HostCopy
from desktop_llm.engine.retention import Retention, tidy
from desktop_llm.engine.run import run
from desktop_llm.engine.writer import Writer
from desktop_llm.jobs import job as jobs
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Noted, Paused, Saved, Started
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
CHECKPOINT_FILES = (*MODEL_FILES, "optimizer.safetensors", "random.safetensors", "state.json", atomic.MANIFEST)


def _weights(folder: RunFolder) -> str:
    return atomic.sha256(folder.model / "model.safetensors")


def _run(folder: RunFolder, asks: dict[int, str] | None = None) -> tuple[Event, list[Event]]:
    """Run a folder; `asks` maps the step of a checkpoint to what is wanted when it is told."""
    heard: list[Event] = []
    control = Control()

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Saved) and event.step in (asks or {}):
            control.obey((asks or {})[event.step])
        if isinstance(event, Paused):
            control.proceed()

    return run(folder.path, hear, control), heard


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << (place % 8)
    path.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing disturbed."""
    folder = run_folders.make(tmp_path_factory.mktemp("whole"), save_steps=5)
    assert isinstance(_run(folder)[0], Finished)
    return folder


@pytest.fixture(scope="module")
def _left(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = run_folders.make(tmp_path_factory.mktemp("left"), save_steps=5)
    assert isinstance(_run(folder, {10: "leave"})[0], Interrupted)
    return folder


@pytest.fixture
def left(_left: RunFolder, tmp_path: Path) -> RunFolder:
    """The same run, left at its third checkpoint or soon after."""
    return RunFolder(shutil.copytree(_left.path, tmp_path / "run"))


@pytest.mark.parametrize("name", CHECKPOINT_FILES)
def test_a_flipped_bit_in_any_file_of_a_checkpoint_is_seen(left: RunFolder, name: str) -> None:
    steps = checkpoint.steps(left.checkpoints)
    assert sorted(path.name for path in steps[0].iterdir()) == sorted(CHECKPOINT_FILES)
    length = (steps[0] / name).stat().st_size
    for place in {0, 1, length // 3, length // 2, length - 2}:
        _flip(steps[0] / name, place)
        assert atomic.damage(steps[0]), f"{name} at {place}"
        _flip(steps[0] / name, place)
    assert atomic.damage(steps[0]) == ""
    _flip(steps[0] / name, length // 2)
    source, complaints = checkpoint.newest(left.checkpoints)
    assert source == steps[1]
    assert len(complaints) == 1
    assert name in complaints[0]


def test_every_bit_of_a_manifest_counts(tmp_path: Path) -> None:
    with atomic.new_folder(tmp_path / "kept") as filling:
        (filling / "weights").write_bytes(b"0123456789")
    manifest = tmp_path / "kept" / atomic.MANIFEST
    content = manifest.read_bytes()
    for place in range(8 * (len(content) - 1)):  # the last is the newline
        hurt = bytearray(content)
        hurt[place // 8] ^= 1 << (place % 8)
        manifest.write_bytes(bytes(hurt))
        assert atomic.damage(tmp_path / "kept"), f"bit {place}"


def test_from_the_checkpoint_before_a_damaged_one_the_same_weights_come(left: RunFolder, whole: RunFolder) -> None:
    _flip(checkpoint.steps(left.checkpoints)[0] / "model.safetensors", 5000)
    before = checkpoint.steps(left.checkpoints)[1]
    end, heard = _run(left)
    assert isinstance(end, Finished)
    notes = [event.message for event in heard if isinstance(event, Noted)]
    assert any("damaged" in note and "model.safetensors" in note and "\n" not in note for note in notes)
    started = next(event for event in heard if isinstance(event, Started))
    assert started.resumed_at == checkpoint.step_of(before)
    assert _weights(left) == _weights(whole)


def test_with_all_checkpoints_damaged_the_run_starts_anew_and_keeps_new_ones(left: RunFolder, whole: RunFolder) -> None:
    for path in checkpoint.steps(left.checkpoints):
        _flip(path / "optimizer.safetensors", 700)
    end, heard = _run(left, {5: "leave"})
    assert isinstance(end, Interrupted)
    assert checkpoint.newest(left.checkpoints)[0] is not None
    assert next(event for event in heard if isinstance(event, Started)).resumed_at == 0
    assert isinstance(_run(left)[0], Finished)
    assert _weights(left) == _weights(whole)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_flipped_bit_in_the_kept_model_is_seen(whole: RunFolder, tmp_path: Path, name: str) -> None:
    model = Path(shutil.copytree(whole.model, tmp_path / "model"))
    assert atomic.damage(model) == ""
    _flip(model / name, 11)
    assert name in atomic.damage(model)


def test_no_run_starts_from_damaged_weights(whole: RunFolder, tmp_path: Path) -> None:
    model = Path(shutil.copytree(whole.model, tmp_path / "model"))
    _flip(model / "model.safetensors", 9000)
    end, _ = _run(run_folders.make(tmp_path / "next", model=str(model)))
    assert isinstance(end, Failed)
    assert "damaged" in end.message


def test_a_run_goes_on_where_it_was_moved_to_though_its_model_folder_is_gone(whole: RunFolder, tmp_path: Path) -> None:
    model = Path(shutil.copytree(whole.model, tmp_path / "base"))
    straight = run_folders.make(tmp_path / "straight", model=str(model), save_steps=5)
    assert isinstance(_run(straight)[0], Finished)
    folder = run_folders.make(tmp_path / "here", model=str(model), save_steps=5)
    assert isinstance(_run(folder, {5: "leave"})[0], Interrupted)
    moved = RunFolder(folder.path.rename(tmp_path / "elsewhere and renamed"))
    shutil.rmtree(model)
    assert isinstance(_run(moved)[0], Finished)
    assert _weights(moved) == _weights(straight)


def _longer(folder: RunFolder, **values: Any) -> None:
    job = folder.job()
    told = json.loads(folder.job_file.read_text())
    step = checkpoint.newest_step(folder.checkpoints)
    told["recipe"] |= values
    told["history"] = [{"at": "", "step": step, "recipe": {}}]
    folder.job_file.write_text(json.dumps(told))
    assert folder.job() != job


def test_a_run_made_longer_is_the_longer_run_where_the_rate_does_not_fall(tmp_path: Path) -> None:
    values: dict[str, Any] = {"lr_scheduler_type": "constant", "warmup_ratio": 0.0, "load_best_model_at_end": False}
    straight = run_folders.make(tmp_path / "straight", num_train_epochs=4.0, **values)
    assert isinstance(_run(straight)[0], Finished)
    folder = run_folders.make(tmp_path / "longer", num_train_epochs=2.0, **values)
    assert isinstance(_run(folder)[0], Finished)
    assert _weights(folder) != _weights(straight)
    _longer(folder, num_train_epochs=4.0)
    end, heard = _run(folder)
    assert isinstance(end, Finished)
    assert end.step == 48
    notes = [event.message for event in heard if isinstance(event, Noted)]
    assert len(notes) == 1
    assert "step 24" in notes[0]
    assert "to step 48" in notes[0]
    assert _weights(folder) == _weights(straight)


def test_a_longer_run_that_finds_nothing_better_keeps_the_best_of_before(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, num_train_epochs=4.0, eval_steps=12)
    assert isinstance(_run(folder)[0], Finished)
    before = _weights(folder)
    # no accuracy is above 1
    for path in checkpoint.steps(folder.checkpoints):
        told = json.loads((path / "state.json").read_text())
        told["progress"]["best"] = 2.0
        (path / "state.json").write_text(json.dumps(told))
        atomic.write_json(path / atomic.MANIFEST, atomic.manifest_of(path))
    _longer(folder, num_train_epochs=5.0)
    assert isinstance(_run(folder)[0], Finished)
    assert _weights(folder) == before


def test_a_repeated_run_says_that_its_weights_are_the_same_or_not(whole: RunFolder, tmp_path: Path) -> None:
    for name, seed, words in (("same", 42, "to the last bit"), ("other", 7, "differ from those of run 1")):
        folder = run_folders.make(tmp_path / name, save_steps=5, seed=seed)
        told = json.loads(folder.job_file.read_text())
        told["again"] = {"run": 1, "weights": _weights(whole)}
        folder.job_file.write_text(json.dumps(told))
        end, _ = _run(folder)
        assert isinstance(end, Finished)
        assert words in end.message


def test_a_repeated_run_ends_where_the_first_was_stopped(tmp_path: Path) -> None:
    first = run_folders.make(tmp_path / "first", save_steps=5)
    end, _ = _run(first, {5: "stop"})
    assert isinstance(end, Finished)
    assert 5 < end.step < 36
    folder = run_folders.make(tmp_path / "again", save_steps=5)
    jobs.write(
        replace(folder.job(), again={"run": 1, "weights": _weights(first), "stopped_at": end.step}),
        folder.job_file,
    )
    repeated, _ = _run(folder)
    assert isinstance(repeated, Finished)
    assert (repeated.reason, repeated.step) == ("stopped", end.step)
    assert "to the last bit" in repeated.message


def test_what_stays_at_the_end_is_the_last_and_what_is_kept_for_good(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, save_steps=5, save_kept_steps=12, save_total_limit=3)
    most: set[int] = set()

    def hear(event: Event) -> None:
        if isinstance(event, Saved):
            most.add(len(checkpoint.steps(folder.checkpoints)))

    assert isinstance(run(folder.path, hear, Control()), Finished)
    assert [checkpoint.step_of(path) for path in checkpoint.steps(folder.checkpoints)] == [36, 24, 12]
    assert all(atomic.damage(path) == "" for path in checkpoint.steps(folder.checkpoints))
    assert max(most) == 5


@pytest.mark.parametrize(
    ("rule", "others", "gone"),
    [
        (Retention(), 0, [3, 2, 1]),
        (Retention(last=1, every=2), 0, [3, 1]),
        (Retention(last=9), 0, []),
        (Retention(last=9, room=350), 0, [1, 2]),
        (Retention(last=9, room=350), 200, [1, 2, 3, 4]),
        (Retention(last=9, every=1, room=1), 500, [1, 2, 3, 4]),
    ],
)
def test_the_oldest_go_first_and_never_the_newest(rule: Retention, others: int, gone: list[int]) -> None:
    assert rule.surplus([(step, 100) for step in (5, 4, 3, 2, 1)], others) == gone


def test_a_budget_counts_the_best_model_and_leaves_it(tmp_path: Path) -> None:
    for name in ("best", "step-00000001", "step-00000002", "step-00000003"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"0" * 100)
    tidy(tmp_path, Retention(last=3, room=320))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "step-00000002", "step-00000003"]
    tidy(tmp_path, Retention(last=3, room=10), coming=100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "step-00000003"]


def test_a_copy_does_not_change_with_what_was_copied_and_shares_what_was_shared() -> None:
    one, scalar = torch.arange(6.0).reshape(2, 3), torch.tensor(3.0)
    copied = HostCopy().take({"a": one.t(), "b": one.t(), "c": scalar})
    copied.wait()
    expected = one.t().clone()
    one.zero_()
    scalar.zero_()
    assert torch.equal(copied.tensors["a"], expected)
    assert copied.tensors["a"].is_contiguous()
    assert copied.tensors["a"].data_ptr() == copied.tensors["b"].data_ptr()
    assert float(copied.tensors["c"]) == 3.0


def test_a_writer_tells_in_the_thread_that_asks_and_does_one_thing_at_a_time() -> None:
    writer, done = Writer(), list[str]()

    def telling(name: str) -> Callable[[BaseException | None], None]:
        return lambda error: done.append(f"{name} {type(error).__name__}")

    def fail() -> None:
        raise OSError("full")

    writer.collect()
    writer.begin(fail, telling("first"))
    writer.begin(lambda: done.append("works"), telling("second"))
    assert done[0] == "first OSError"
    writer.wait()
    assert done == ["first OSError", "works", "second NoneType"]
    assert not writer.busy
    writer.begin(lambda: None, telling("third"))
    writer.close()
    assert done[-1] == "third NoneType"
