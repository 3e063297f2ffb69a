"""Back to the last good state where a loss is no number; smaller pieces where the memory is full."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file

from desktop_llm import atomic
from desktop_llm.engine.recovering import MOST
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Advised, Event, Failed, Finished, Noted, RolledBack, Saved, StepDone
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders
from tests.engine.learners import Full, Poisoned, use

BAD, SAVED = 17, 5
VALUES: dict[str, Any] = {"save_steps": SAVED, "eval_steps": 4}


class Killed(BaseException):
    """Ends a run in the middle, as kill -9 does: nothing of it catches this."""


class Poison(Collection[float]):
    """The weights with which the loss is no number; empty until `at` are known."""

    def __init__(self) -> None:
        self.known: set[float] = set()

    def __contains__(self, one: object) -> bool:
        return one in self.known

    def __iter__(self) -> Any:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


def _poison(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let step BAD meet a loss that is no number, as often as it comes with the same weights."""
    poison, seen = Poison(), list[float]()
    use(monkeypatch, Poisoned, lambda made: cast("Poisoned", made).prepare(poison, seen))
    assert isinstance(run(run_folders.make(tmp_path / "healthy", **VALUES).path, lambda _: None, Control()), Finished)
    poison.known.add(seen[BAD - 1])


def _weights(folder: RunFolder) -> str:
    return atomic.sha256(folder.model / "model.safetensors")


def _killed_at(place: int, heard: list[Event], event: Event) -> None:
    heard.append(event)
    if len(heard) == place:
        raise Killed


@pytest.fixture
def undisturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunFolder, list[Event]]:
    """A run that met a loss that is no number and came to its end."""
    _poison(monkeypatch, tmp_path)
    folder, heard = run_folders.make(tmp_path / "whole", **VALUES), list[Event]()
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    return folder, heard


def test_a_loss_that_is_no_number_goes_back_and_on_at_half_the_rate(undisturbed: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = undisturbed
    back = [event for event in heard if isinstance(event, RolledBack)]
    assert [event.step for event in back] == [15]
    assert "no longer a number near step 17" in back[0].message
    place = heard.index(back[0])
    steps = [event for event in heard[place:] if isinstance(event, StepDone)]
    assert [event.step for event in steps] == list(range(16, 37))
    first = {event.step: event.learning_rate for event in heard[:place] if isinstance(event, StepDone)}
    assert steps[0].learning_rate == pytest.approx(first[16] / 2)
    said = [event for event in heard if isinstance(event, Advised) and event.about == "not_a_number"]
    assert [(event.action, event.value) for event in said] == [("restart", {"learning_rate": 1.5e-3})]
    state = json.loads((max(folder.checkpoints.glob("step-*")) / "state.json").read_text())
    assert state["progress"]["rate_factor"] == 0.5
    assert state["progress"]["rollbacks"] == 1


def test_killed_anywhere_around_it_the_run_ends_with_the_same_weights(
    undisturbed: tuple[RunFolder, list[Event]], tmp_path: Path
) -> None:
    folder, heard = undisturbed
    place = next(place for place, event in enumerate(heard) if isinstance(event, RolledBack))
    saved = next(at for at, event in enumerate(heard) if at > place and isinstance(event, Saved))
    for at in (place - 1, place + 1, saved + 1, saved + 4, saved + 9):
        broken = run_folders.make(tmp_path / str(at), **VALUES)
        with pytest.raises(Killed):
            run(broken.path, partial(_killed_at, at, []), Control())
        assert isinstance(run(broken.path, lambda _: None, Control()), Finished)
        assert _weights(broken) == _weights(folder), at
        for mine, theirs in zip(_summary(broken), _summary(folder), strict=True):
            assert torch.equal(mine, theirs), at


def _summary(folder: RunFolder) -> list[torch.Tensor]:
    told = load_file(folder.dynamics / "summary" / "summary.safetensors")
    return [told[name] for name in sorted(told)]


def test_a_loss_that_stays_no_number_ends_the_run_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Everything(Poison):
        def __contains__(self, one: object) -> bool:
            return True

    use(monkeypatch, Poisoned, lambda made: cast("Poisoned", made).prepare(Everything(), []))
    heard: list[Event] = []
    end = run(run_folders.make(tmp_path).path, heard.append, Control())
    assert isinstance(end, Failed)
    assert "no longer a number near step 1" in end.message
    assert "learning rate of 0.001" in end.message
    assert sum(isinstance(event, RolledBack) for event in heard) == MOST


@pytest.mark.parametrize(
    ("error", "group_by_length", "late"),
    [
        (lambda: torch.cuda.OutOfMemoryError("CUDA out of memory."), True, True),
        (lambda: torch.cuda.OutOfMemoryError("CUDA out of memory."), False, False),
        (lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), False, True),
    ],
)
def test_a_full_memory_halves_what_is_computed_and_changes_no_weight(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], Exception],
    group_by_length: bool,
    late: bool,
) -> None:
    values: dict[str, Any] = {
        "hidden_dropout_prob": 0.0,
        "group_by_length": group_by_length,
        "max_steps": 14,
        "save_steps": 4,
        "per_device_train_batch_size": 16,
        "num_train_epochs": 3.0,
        "learning_rate": 1e-3,
    }
    whole = run_folders.make(tmp_path / "whole", **values)
    assert isinstance(run(whole.path, lambda _: None, Control()), Finished)
    use(monkeypatch, Full, lambda made: cast("Full", made).prepare(3, error, late=late))
    folder, heard = run_folders.make(tmp_path / "full", **values), list[Event]()
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    notes = [event.message for event in heard if isinstance(event, Noted) and "memory was full" in event.message]
    assert notes
    assert "a step still learns from 16 texts" in notes[-1]
    mine, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    for name, weight in theirs.items():
        torch.testing.assert_close(mine[name], weight, rtol=2e-3, atol=2e-5)
    state = json.loads((max(folder.checkpoints.glob("step-*")) / "state.json").read_text())
    assert state["progress"]["places"] > 0


def test_a_single_text_that_is_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        monkeypatch,
        Full,
        lambda made: cast("Full", made).prepare(
            0, lambda: torch.cuda.OutOfMemoryError("CUDA out of memory."), late=False
        ),
    )
    end = run(run_folders.make(tmp_path).path, lambda _: None, Control())
    assert isinstance(end, Failed)
    assert "memory is full" in end.message
