"""A run from start to end: what it learns, says, leaves on disk, and how it obeys."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from desktop_llm import atomic
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import (
    Continued,
    Evaluated,
    Event,
    Failed,
    Finished,
    Interrupted,
    Paused,
    Saved,
    Started,
    StepDone,
)
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders


class Listener:
    """Hears a run and may ask something of it at a step."""

    def __init__(self, asks: dict[int, str] | None = None) -> None:
        """`asks` maps a step to the word said when it was heard."""
        self.heard: list[Event] = []
        self.control = Control()
        self._asks = asks or {}

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        self.heard.append(event)
        if isinstance(event, Saved) and event.step in self._asks:
            self.control.obey(self._asks[event.step])
        if isinstance(event, Paused):
            self.control.proceed()

    def of(self, kind: type[Event]) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]


def _weights(folder: RunFolder) -> str:
    return atomic.sha256(folder.model / "model.safetensors")


def test_the_threads_of_the_moment_do_not_change_the_weights(tmp_path: Path) -> None:
    threads, found = torch.get_num_threads(), set()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            folder = run_folders.make(tmp_path / str(count), max_steps=12)
            run(folder.path, Listener(), Control())
            found.add(_weights(folder))
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1


def test_learns_and_leaves_a_whole_model(tmp_path: Path) -> None:
    folder, listener = run_folders.make(tmp_path, num_train_epochs=8.0), Listener()
    end = run(folder.path, listener, listener.control)
    assert isinstance(end, Finished), end
    assert end.metrics["accuracy"] >= 0.9
    started = listener.of(Started)[0]
    assert isinstance(started, Started)
    steps = listener.of(StepDone)
    assert [event.step for event in steps if isinstance(event, StepDone)] == list(range(1, started.total_steps + 1))
    finals = {event.split: event for event in listener.of(Evaluated) if isinstance(event, Evaluated) and event.final}
    assert set(finals) == {"validation", "test"}
    assert len(finals["test"].details["per_label"]) == 2
    assert atomic.damage(folder.model) == ""
    assert len(list(folder.read_predictions("test"))) == 16
    assert [type(event) for event in folder.read_events()] == [type(event) for event in listener.heard]


@pytest.mark.parametrize("values", [{"max_steps": 17}, {"num_train_epochs": 1.4}])
def test_the_last_step_may_lie_in_the_middle_of_an_epoch(tmp_path: Path, values: dict[str, Any]) -> None:
    folder, listener = run_folders.make(tmp_path, **values), Listener()
    end = run(folder.path, listener, listener.control)
    assert isinstance(end, Finished), end
    assert end.reason == "completed"
    steps = [event for event in listener.of(StepDone) if isinstance(event, StepDone)]
    assert [event.step for event in steps] == list(range(1, 18))
    assert min(event.learning_rate for event in steps) > 0


@pytest.mark.parametrize("values", [{}, {"gradient_accumulation_steps": 3}, {"lr_scheduler_type": "cosine"}])
def test_leaving_and_resuming_ends_with_the_same_bits(tmp_path: Path, values: dict[str, Any]) -> None:
    whole = run_folders.make(tmp_path / "whole", save_steps=5, **values)
    run(whole.path, lambda event: None, Control())
    parted = run_folders.make(tmp_path / "parted", save_steps=5, **values)
    first = Listener({5: "leave"})
    assert isinstance(run(parted.path, first, first.control), Interrupted)
    assert not parted.model.exists()
    again = Listener()
    assert isinstance(run(parted.path, again, again.control), Finished)
    resumed = again.of(Started)[0]
    assert isinstance(resumed, Started)
    assert resumed.resumed_at >= 5
    assert _weights(parted) == _weights(whole)


def test_a_pause_holds_and_changes_nothing(tmp_path: Path) -> None:
    whole = run_folders.make(tmp_path / "whole", save_steps=5)
    run(whole.path, lambda event: None, Control())
    paused = run_folders.make(tmp_path / "paused", save_steps=5)
    listener = Listener({5: "pause"})
    assert isinstance(run(paused.path, listener, listener.control), Finished)
    assert len(listener.of(Paused)) == len(listener.of(Continued)) == 1
    assert _weights(paused) == _weights(whole)


def test_stop_keeps_the_model(tmp_path: Path) -> None:
    folder, listener = run_folders.make(tmp_path, save_steps=5), Listener({5: "stop"})
    end = run(folder.path, listener, listener.control)
    assert isinstance(end, Finished)
    assert end.reason == "stopped"
    assert end.step < 36
    assert atomic.damage(folder.model) == ""


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    folder, listener = run_folders.make(tmp_path, num_train_epochs=200.0, early_stopping_patience=2), Listener()
    end = run(folder.path, listener, listener.control)
    assert isinstance(end, Finished)
    assert end.reason == "early_stopped"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "/nowhere/at/all"}, "no model folder"),
        ({"metric_for_best_model": "beauty"}, "no measure “beauty”"),
        ({"fp16": True}, "needs an NVIDIA GPU"),
    ],
)
def test_what_cannot_run_says_why_in_one_sentence(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    end = run(run_folders.make(tmp_path, **values).path, lambda event: None, Control())
    assert isinstance(end, Failed)
    assert words in end.message
    assert "\n" not in end.message


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    first = run_folders.make(tmp_path / "first", num_train_epochs=1.0)
    assert isinstance(run(first.path, lambda event: None, Control()), Finished)
    weights = load_file(first.model / "model.safetensors")
    spoiled = {name: torch.full_like(value, math.nan) for name, value in weights.items()}
    save_file(spoiled, first.model / "model.safetensors", metadata={"format": "pt"})
    (first.model / atomic.MANIFEST).unlink()  # as a folder from elsewhere, which has no checksums
    end = run(run_folders.make(tmp_path / "next", model=str(first.model)).path, lambda event: None, Control())
    assert isinstance(end, Failed)
    assert "no longer a number" in end.message
    assert "\n" not in end.message


def test_a_snapshot_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path)
    with (folder.snapshot / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id":9999,"text":"sneaked in","label":"food"}\n')
    end = run(folder.path, lambda event: None, Control())
    assert isinstance(end, Failed)
    assert "changed" in end.message
