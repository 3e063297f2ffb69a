"""The training thread against processes of every character: steady, flooding, obedient, dying, deaf."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop_llm.errors import UserError
from desktop_llm.gui import training
from desktop_llm.gui.training import Outcome, Training, Worker
from desktop_llm.jobs import events
from desktop_llm.jobs.events import Event
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders
from tests.gui import workers


class Kept:
    """A keeper that remembers; `full` refuses like a store on a full disk."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches = 0
        self.collected: list[int] = []
        self.full = False

    def ingest(self, number: int, batch: list[Event]) -> object:
        if self.full:
            raise UserError("The disk is full.")
        self.events.extend(batch)
        self.batches += 1
        return number

    def collect(self, number: int) -> object:
        self.collected.append(number)
        return number


Make = Callable[[Worker], Training]


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Make]:
    made: list[Training] = []

    def training_of(worker: Worker) -> Training:
        made.append(Training(worker=worker))
        return made[-1]

    yield training_of
    for one in made:
        one.kill()
        one.wait()
        one.close()


def run(one: Training, qtbot: QtBot, folder: Path, kept: Kept) -> tuple[Outcome, list[Event]]:
    seen: list[Event] = []
    one.events_arrived.connect(seen.extend)
    with qtbot.waitSignal(one.ended, timeout=20_000) as end:
        one.begin(kept, 1, RunFolder(folder))
    return end.args[0], seen


def test_events_reach_window_and_store_in_order(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    kept = Kept()
    outcome, seen = run(make(workers.steady), qtbot, tmp_path, kept)
    assert outcome.kept
    assert outcome.message == ""
    assert [one.step for one in seen if isinstance(one, events.StepDone)] == [1, 2, 3]
    assert kept.events == seen
    assert kept.collected == [1]


def test_a_flood_comes_in_few_signals_and_few_batches(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    kept, one, arrivals = Kept(), make(workers.flood), list[int]()
    one.events_arrived.connect(lambda batch: arrivals.append(len(batch)))
    outcome, seen = run(one, qtbot, tmp_path, kept)
    assert outcome.kept
    assert [event.step for event in seen if isinstance(event, events.StepDone)] == list(range(1, 30_001))
    assert len(kept.events) == 30_001
    assert len(arrivals) < 1000
    assert kept.batches < 100


def test_pause_proceed_stop(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    one, seen = make(workers.obedient), list[Any]()
    one.events_arrived.connect(seen.extend)
    one.begin(Kept(), 1, RunFolder(tmp_path))
    qtbot.waitUntil(lambda: any(isinstance(event, events.StepDone) for event in seen), timeout=20_000)
    one.pause()
    qtbot.waitUntil(lambda: isinstance(seen[-1], events.Paused))
    held = seen[-1].step
    one.proceed()
    qtbot.waitUntil(lambda: isinstance(seen[-1], events.StepDone) and seen[-1].step > held)
    with qtbot.waitSignal(one.ended, timeout=10_000) as end:
        one.stop()
    assert isinstance(end.args[0].event, events.Finished)
    assert end.args[0].event.reason == "stopped"
    assert not one.active


def test_a_wish_before_the_process_is_up_is_kept(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    one = make(workers.obedient)
    one.begin(Kept(), 1, RunFolder(tmp_path))
    with qtbot.waitSignal(one.ended, timeout=20_000) as end:
        one.stop()
    assert end.args[0].event.reason == "stopped"


def test_killed_from_outside_is_one_sentence_with_the_step(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "step-00000002").mkdir(parents=True)
    kept = Kept()
    outcome, seen = run(make(workers.killed), qtbot, tmp_path, kept)
    assert outcome.message == (
        "The training process was ended from outside (signal 9, SIGKILL) at step 2; "
        "Resume goes on from the last checkpoint."
    )
    assert isinstance(kept.events[-1], events.Failed)
    assert seen[-1] == kept.events[-1]
    assert not outcome.kept
    assert kept.collected == []


def test_a_crash_without_checkpoint_says_start_again(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    outcome, _ = run(make(workers.crashing), qtbot, tmp_path, Kept())
    assert "crashed (signal 11" in outcome.message
    assert "start the run again" in outcome.message


@pytest.mark.expects_warnings
def test_garbage_ends_the_run_with_a_sentence(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    outcome, seen = run(make(workers.babbling), qtbot, tmp_path, Kept())
    assert isinstance(outcome.event, events.Failed)
    assert len(seen) == 1


@pytest.mark.expects_warnings
def test_the_program_closing_takes_a_deaf_process_down(
    make: Make, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LEAVE_SECONDS", 0.2)
    one, seen = make(workers.deaf), list[Event]()
    one.events_arrived.connect(seen.extend)
    one.begin(Kept(), 1, RunFolder(tmp_path))
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    pid = one.pid
    with qtbot.waitSignal(one.ended, timeout=20_000):
        one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_silence_is_told(make: Make, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HUNG_SECONDS", 0.3)
    one = make(workers.deaf)
    with qtbot.waitSignal(one.silence_changed, timeout=20_000) as told:
        one.begin(Kept(), 1, RunFolder(tmp_path))
    assert told.args == [True]
    with qtbot.waitSignal(one.ended, timeout=20_000) as end:
        one.kill()
    assert "signal 9" in end.args[0].message


def test_a_second_run_is_refused_and_the_thread_serves_again(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    one = make(workers.obedient)
    one.begin(Kept(), 1, RunFolder(tmp_path))
    with pytest.raises(UserError, match="Run 1 is still training"):
        one.begin(Kept(), 2, RunFolder(tmp_path))
    for number in (1, 2):
        with qtbot.waitSignal(one.ended, timeout=20_000) as end:
            one.leave()
        assert end.args[0].number == number
        assert isinstance(end.args[0].event, events.Interrupted)
        if number == 1:
            one.begin(Kept(), 2, RunFolder(tmp_path))


def test_a_full_disk_does_not_end_the_run(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    kept, told, one = Kept(), list[str](), make(workers.steady)
    kept.full = True
    one.problem_met.connect(told.append)
    outcome, seen = run(one, qtbot, tmp_path, kept)
    assert outcome.kept
    assert len(seen) == 4
    assert told
    assert set(told) == {"The disk is full."}


@pytest.mark.slow
@pytest.mark.loopback
def test_several_processes_are_supervised_as_one(qtbot: QtBot, tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path / "run", num_processes=2, num_train_epochs=500.0)
    one, seen, kept = Training(), list[Event](), Kept()
    one.events_arrived.connect(seen.extend)
    one.begin(kept, 1, folder)
    qtbot.waitUntil(lambda: any(isinstance(event, events.StepDone) for event in seen), timeout=60_000)
    one.pause()
    qtbot.waitUntil(lambda: isinstance(seen[-1], events.Paused), timeout=20_000)
    one.proceed()
    qtbot.waitUntil(lambda: isinstance(seen[-1], events.StepDone), timeout=20_000)
    with qtbot.waitSignal(one.ended, timeout=60_000) as end:
        one.stop()
    assert isinstance(end.args[0].event, events.Finished)
    assert end.args[0].event.reason == "stopped"
    assert [event.kind for event in kept.events].count("started") == 1
    one.close()
