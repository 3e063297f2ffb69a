"""A run in several processes learns what one process learns, survives the death of one, and obeys as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from desktop_llm.engine import checkpoint, launching, worker
from desktop_llm.jobs import recipe_places
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Interrupted,
    Noted,
    Paused,
    RolledBack,
    Saved,
    Started,
    StepDone,
)
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.architecture.offline import sitecustomize as offline
from tests.tasks.fixture import fixture_of

E = TypeVar("E", bound=Event)
pytestmark = pytest.mark.loopback
SAME: dict[str, Any] = {
    "hidden_dropout_prob": 0.0,
    "max_steps": 8,
    "save_steps": 4,
    "eval_steps": 4,
    "gradient_accumulation_steps": 2,
    "ema_decay": 0.9,
}
TOLERANCE = 2e-6
"""Of losses and weights in float32: sums are made in another order, and 1e-7 to 6e-7 were measured."""


def _train(folder: RunFolder, hear: Callable[[Event, Control], None] = lambda *_: None) -> tuple[Event, list[Event]]:
    heard: list[Event] = []
    control = Control()

    def on_event(event: Event) -> None:
        heard.append(event)
        hear(event, control)

    return worker.train_here(str(folder.path), on_event, control), heard


def _losses(folder: RunFolder) -> dict[int, float]:
    return {event.step: event.loss for event in folder.read_events() if isinstance(event, StepDone)}


def _of(folder: RunFolder, kind: type[E]) -> E:
    """The first event of a kind."""
    return next(event for event in folder.read_events() if isinstance(event, kind))


def _apart(one: Path, other: Path) -> float:
    """How far the tensors of two files lie apart at most."""
    mine, theirs = load_file(one), load_file(other)
    assert mine.keys() == theirs.keys()
    assert all(mine[name].shape == theirs[name].shape for name in mine)
    return max(float(np.abs(mine[name].astype(np.float64) - theirs[name]).max()) for name in mine)


def _newest(folder: RunFolder) -> Path:
    return checkpoint.steps(folder.checkpoints)[0]


def _weights(folder: RunFolder) -> Path:
    return folder.model / "model.safetensors"


def _change(folder: RunFolder, **values: Any) -> None:
    """Another recipe for a run under way."""
    told = json.loads(folder.job_file.read_text(encoding="utf-8"))
    told["recipe"] |= values
    folder.job_file.write_text(json.dumps(told), encoding="utf-8")


def _ranks() -> list[psutil.Process]:
    """The processes of the run that this test has started, in the order of their ranks."""
    found = {}
    for one in psutil.Process().children(recursive=True):
        rank = one.environ().get("RANK")
        if rank is not None and "desktop_llm.engine" in one.cmdline():
            found[int(rank)] = one
    return [found[rank] for rank in sorted(found)]


@pytest.fixture(scope="module", autouse=True)
def _this_machine() -> Iterator[None]:
    """Let the fixtures of this module, too, talk to this machine itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(offline.LOOPBACK_VARIABLE, "1")
        yield


def _shared(path: Path, **values: Any) -> RunFolder:
    """A run of two processes, four texts for each at a time."""
    return run_folders.make(path, **{**SAME, "per_device_train_batch_size": 4, "num_processes": 2, **values})


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of one process that takes as many texts at a time as two of `_shared` do together."""
    folder = run_folders.make(tmp_path_factory.mktemp("alone"), **SAME, per_device_train_batch_size=8)
    assert isinstance(_train(folder)[0], Finished)
    return folder


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same by two processes with DDP."""
    folder = _shared(tmp_path_factory.mktemp("replicated"))
    end, _ = _train(folder)
    assert isinstance(end, Finished), end
    return folder


def _must_be_same(one: RunFolder, other: RunFolder) -> None:
    assert _of(other, Started).device == "2 × Processor"
    losses = _losses(one)
    assert sorted(losses) == list(range(1, 9))
    assert _losses(other) == pytest.approx(losses, abs=TOLERANCE)
    assert _of(other, Finished).metrics == pytest.approx(_of(one, Finished).metrics, abs=TOLERANCE)
    assert _apart(_weights(one), _weights(other)) < TOLERANCE
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert _apart(_newest(one) / name, _newest(other) / name) < TOLERANCE
    summary = Path("summary", "summary.safetensors")
    assert _apart(one.dynamics / summary, other.dynamics / summary) < 1e-3  # kept in float16


def test_two_processes_learn_what_one_does(alone: RunFolder, replicated: RunFolder) -> None:
    _must_be_same(alone, replicated)


def test_two_processes_that_share_a_model_learn_what_one_does(alone: RunFolder, tmp_path: Path) -> None:
    folder = _shared(tmp_path / "sharded", fsdp=recipe_places.PARTED)
    end, _ = _train(folder)
    assert isinstance(end, Finished), end
    _must_be_same(alone, folder)


@pytest.mark.slow
@pytest.mark.parametrize("fsdp", ["", recipe_places.PARTED])
@pytest.mark.parametrize("how", ["language_modelling", "lora", "checkpointing", "head"])
def test_other_ways_to_learn_are_the_same_in_two_processes(
    alone: RunFolder, tmp_path: Path, how: str, fsdp: str
) -> None:
    start, kind = {"model": str(alone.model)}, run_folders.FIRST
    values: dict[str, Any] = {"max_steps": 4}
    if how == "language_modelling":
        kind = fixture_of(TASKS[how]).kind
    elif how == "lora":
        values |= {**start, "lora_r": 4}
    elif how == "checkpointing":
        values |= {"gradient_checkpointing": True}
    else:
        values |= {**start, "freeze_backbone": True}
    one = _shared(tmp_path / "one", **values, kind=kind, num_processes=1, per_device_train_batch_size=8)
    two = _shared(tmp_path / "two", **values, kind=kind, fsdp=fsdp)
    for folder in (one, two):
        end, _ = _train(folder)
        assert isinstance(end, Finished), end
    assert sorted(_losses(one)) == [1, 2, 3, 4]
    assert _losses(two) == pytest.approx(_losses(one), abs=TOLERANCE)
    assert _apart(_weights(one), _weights(two)) < 3 * TOLERANCE


def _kill(folder: RunFolder, rank: int) -> None:
    """Run it, and kill one of its processes once the first checkpoint after the start is on the disk."""
    killed: list[int] = []

    def kill(event: Event, control: Control) -> None:
        if isinstance(event, Saved) and event.step == 4 and not killed:
            killed.append(_ranks()[rank].pid)
            os.kill(killed[0], signal.SIGKILL)

    end, heard = _train(folder, kill)
    assert isinstance(end, Finished), end
    assert [event.resumed_at for event in heard if isinstance(event, Started)] in ([0, 4], [0, 8])
    assert not any(isinstance(event, Failed) for event in folder.read_events())


def _must_be_equal(one: RunFolder, other: RunFolder) -> None:
    """To the last bit."""
    assert _weights(one).read_bytes() == _weights(other).read_bytes()
    name = "optimizer.safetensors"
    assert (_newest(one) / name).read_bytes() == (_newest(other) / name).read_bytes()


def test_one_process_is_killed_and_the_run_ends_as_if_nothing_had_been(replicated: RunFolder, tmp_path: Path) -> None:
    folder = _shared(tmp_path / "killed")
    _kill(folder, 1)
    _must_be_equal(replicated, folder)


@pytest.mark.slow
def test_the_first_process_is_killed_and_chance_falls_as_before(tmp_path: Path) -> None:
    values = {"fsdp": recipe_places.PARTED, "hidden_dropout_prob": 0.2}
    undisturbed, folder = _shared(tmp_path / "undisturbed", **values), _shared(tmp_path / "killed", **values)
    assert isinstance(_train(undisturbed)[0], Finished)
    _kill(folder, 0)
    _must_be_equal(undisturbed, folder)


@pytest.mark.slow
@pytest.mark.parametrize("fsdp", ["", recipe_places.PARTED])
def test_a_run_that_two_processes_left_is_finished_by_one(alone: RunFolder, tmp_path: Path, fsdp: str) -> None:
    folder = _shared(tmp_path / "moved", fsdp=fsdp)

    def leave(event: Event, control: Control) -> None:
        if isinstance(event, Saved) and event.step == 4:
            control.leave()

    end, _ = _train(folder, leave)
    assert isinstance(end, Interrupted)
    assert 4 <= end.step < 8
    assert _newest(folder).name == f"step-{end.step:08d}"
    _change(folder, num_processes=1, fsdp="")
    end, heard = _train(folder)
    assert isinstance(end, Finished)
    # four texts for each of two are eight for one
    assert [event.total_steps for event in heard if isinstance(event, Started)] == [8]
    assert _apart(_weights(alone), _weights(folder)) < TOLERANCE


@pytest.mark.slow
def test_a_pause_reaches_all_and_changes_nothing(replicated: RunFolder, tmp_path: Path) -> None:
    folder = _shared(tmp_path / "paused")

    def pause(event: Event, control: Control) -> None:
        if isinstance(event, Saved) and event.step == 4:
            control.pause()
        if isinstance(event, Paused):
            control.proceed()

    end, heard = _train(folder, pause)
    assert isinstance(end, Finished)
    told = [event.step for event in heard if isinstance(event, (Paused, Continued))]
    assert len(told) == 2
    assert told[0] == told[1]
    _must_be_equal(replicated, folder)


@pytest.mark.slow
def test_what_is_in_the_way_of_a_run_is_said_once(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path / "run", num_processes=2)
    _change(folder, model=str(tmp_path / "nowhere"))
    end, heard = _train(folder)
    assert isinstance(end, Failed)
    assert "nowhere" in end.message
    assert sum(isinstance(event, Failed) for event in heard) == 1
    assert not [event for event in heard if isinstance(event, Noted)]


STARTER = """
import sys
from desktop_llm.engine import worker
from desktop_llm.jobs.control import Control

worker.train_here(sys.argv[1], lambda event: print(event.kind, flush=True), Control())
"""


@pytest.mark.slow
def test_whoever_started_the_processes_is_killed_and_none_stays(tmp_path: Path) -> None:
    folder = _shared(
        tmp_path / "run", max_steps=100_000, num_train_epochs=9_000.0, save_steps=50_000, eval_steps=50_000
    )
    command = [sys.executable, "-c", STARTER, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as starter:
        assert starter.stdout is not None
        assert any(line == "step\n" for line in starter.stdout)
        children = psutil.Process(starter.pid).children(recursive=True)
        assert len(children) == 3
        starter.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    # where nobody takes in orphans what has ended stays a name
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in alive)
    end = list(folder.read_events())[-1]
    assert isinstance(end, Interrupted)
    assert _newest(folder).name == f"step-{end.step:08d}"


def _with_trouble(folder: RunFolder, trouble: str, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Run it in two processes of which the second meets trouble; what was said."""
    command = launching._command

    def other(path: Path, processes: int) -> list[str]:
        words = command(path, processes)
        return [*words[: words.index("desktop_llm.engine")], "tests.engine.troubled_rank", str(path)]

    monkeypatch.setattr(launching, "_command", other)
    monkeypatch.setenv("TROUBLE", trouble)
    end, heard = _train(folder)
    assert isinstance(end, Finished), end
    return heard


@pytest.mark.slow
def test_a_full_memory_of_one_changes_nothing_of_the_run(
    alone: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _shared(tmp_path / "full")
    heard = _with_trouble(folder, "full", monkeypatch)
    assert [event.message for event in heard if isinstance(event, Noted) and "memory was full" in event.message]
    assert sum(isinstance(event, Started) for event in heard) == 1
    _must_be_same(alone, folder)


@pytest.mark.slow
@pytest.mark.parametrize("fsdp", ["", recipe_places.PARTED])
def test_a_loss_that_is_no_number_on_one_takes_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsdp: str
) -> None:
    folder = _shared(tmp_path / "odd", fsdp=fsdp, max_steps=12, save_steps=3)
    heard = _with_trouble(folder, "nan", monkeypatch)
    assert len([event for event in heard if isinstance(event, RolledBack)]) == 1
    assert sum(isinstance(event, Started) for event in heard) == 1
    assert max(_losses(folder)) == 12
