"""Runs from events: taken twice they are the same; a run that died is interrupted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.events import Evaluated, Event, Finished, Gauged, Preparing, Saved, Started, StepDone
from desktop_llm.jobs.folder import EventLog
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter
from desktop_llm.store import schema
from desktop_llm.store.project import Project
from desktop_llm.store.runs import AWAY
from tests.store.conftest import TASK


def _events(steps: int) -> list[Event]:
    told: list[Event] = [
        Preparing(at=0.0, doing="Reading"),
        Started(at=0.0, total_steps=10, steps_per_epoch=5, parameters=99, device="Processor", precision="fp32"),
    ]
    told += [
        StepDone(
            at=float(step),
            step=step,
            epoch=step / 5,
            loss=1.0 / step,
            learning_rate=1e-3,
            grad_norm=1.0,
            tokens_per_second=100.0,
            memory=1,
            seconds=0.1,
        )
        for step in range(1, steps + 1)
    ]
    told.append(Evaluated(at=5.0, step=5, split="validation", metrics={"accuracy": 0.5, "loss": 1.0}, best=True))
    return told


def _create(project: Project) -> int:
    return project.runs.create(TASK.recipe, model_title="from scratch", snapshot={"train": 3}, schema={"classes": []})


def test_events_become_figures_and_curves_once(project: Project) -> None:
    number = _create(project)
    details = {"labels": ["yes"]}
    end = [
        Evaluated(at=9.0, step=10, split="test", metrics={"accuracy": 0.75}, final=True, details=details),
        Finished(at=9.5, step=10, reason="completed", seconds=2.0),
    ]
    for _ in range(2):
        project.runs.ingest(number, [*_events(10), *end])
    run = project.runs.get(number)
    assert (run.state, run.step, run.parameters, run.seconds) == ("finished", 10, 99, 2.0)
    assert run.metrics["test"] == {"accuracy": 0.75}
    assert run.details["test"] == details
    curves = project.runs.metrics(number)
    assert curves["loss"] == [(step, 1.0 / step) for step in range(1, 11)]
    assert curves["validation/accuracy"] == [(5, 0.5)]


def test_only_what_the_machine_can_tell_of_its_device_has_a_curve(project: Project) -> None:
    number = _create(project)
    told = [Gauged(at=1.0, step=4, mfu=0.25, watts=80.5), Gauged(at=3.0, step=8, mfu=0.5, watts=81.0)]
    project.runs.ingest(number, [*_events(10), *told])
    curves = project.runs.metrics(number)
    assert curves["mfu"] == [(4, 0.25), (8, 0.5)]
    assert curves["watts"] == [(4, 80.5), (8, 81.0)]
    assert "celsius" not in curves


def test_a_resumed_run_takes_back_the_steps_it_does_again(project: Project) -> None:
    number = _create(project)
    project.runs.ingest(number, _events(8))
    started = Started(
        at=20.0,
        total_steps=10,
        steps_per_epoch=5,
        parameters=99,
        device="Processor",
        precision="fp32",
        resumed_at=5,
    )
    project.runs.ingest(number, [started])
    assert [step for step, _ in project.runs.metrics(number)["loss"]] == [1, 2, 3, 4, 5]


def test_a_run_that_died_is_interrupted_when_the_project_opens(
    project: Project, reopened: Callable[[], Project]
) -> None:
    number = _create(project)
    log = EventLog(project.runs.folder(number))
    for event in _events(7):
        log.append(event)
    log.append(Saved(at=7.0, step=5, path="step-00000005", bytes=1, seconds=0.1))
    log.close()
    with project.runs.folder(number).events_file.open("a", encoding="utf-8") as file:
        file.write('{"kind":"step","step":8,"lo')
    again = reopened()
    try:
        run = again.runs.get(number)
        assert (run.state, run.step) == ("interrupted", 7)
        assert "Resume" in run.message
        assert len(again.runs.metrics(number)["loss"]) == 7
    finally:
        again.close()


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": "step", "step": "many"},
        {"kind": "started", "total_steps": 2**70},
        {"kind": "evaluated", "metrics": {"accuracy": "good"}},
        {"kind": "evaluated", "metrics": {"loss": 10**400}},
        {"kind": "noted", "message": None},
    ],
)
def test_a_spoiled_event_does_not_keep_the_project_closed(
    project: Project, reopened: Callable[[], Project], odd: dict[str, Any]
) -> None:
    number = _create(project)
    log = EventLog(project.runs.folder(number))
    for event in _events(4):
        log.append(event)
    log.close()
    lines = project.runs.folder(number).events_file.read_text("utf-8").splitlines()
    pattern: dict[str, Any] = next(
        (told for told in map(json.loads, lines) if told["kind"] == odd["kind"]), {"at": 0.0}
    )
    with project.runs.folder(number).events_file.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**pattern, **odd}) + "\n")
    again = reopened()
    try:
        run = again.runs.get(number)
        assert (run.state, run.step, run.total_steps) == ("interrupted", 4, 10)
        assert run.metrics["validation"] == {"accuracy": 0.5, "loss": 1.0}
    finally:
        again.close()


def test_events_of_a_deleted_run_are_a_sentence(project: Project) -> None:
    number = _create(project)
    project.runs.delete(number)
    with pytest.raises(UserError, match="deleted"):
        project.runs.ingest(number, _events(2))


def test_numbers_go_up_and_a_missing_run_is_a_sentence(project: Project) -> None:
    assert [_create(project), _create(project)] == [1, 2]
    with pytest.raises(UserError, match="no run 7"):
        project.runs.get(7)
    project.runs.delete(2)
    assert [run.number for run in project.runs.all()] == [1]


def test_the_number_of_a_deleted_run_is_not_given_again(project: Project, reopened: Callable[[], Project]) -> None:
    assert [_create(project), _create(project), _create(project)] == [1, 2, 3]
    for number in (3, 1):
        project.runs.delete(number)
        project.runs.folder(number).path.rmdir()
    assert project.runs.free_number() == 4
    project.close()
    again = reopened()
    try:
        assert _create(again) == 4
        for number in (4, 2):
            again.runs.delete(number)
            again.runs.folder(number).path.rmdir()
        assert _create(again) == 5
    finally:
        again.close()


def test_rows_are_not_ordered_by_what_a_deleted_run_said(project: Project) -> None:
    said = [(item, Prediction(label="no", probability=0.5, uncertainty=0.01 * item)) for item in range(1, 31)]
    runs = [_create(project), _create(project)]
    for run in runs:
        project.predictions.write(run, said)
    project.predictions.rebuild_uncertainty(runs[0])
    assert project.runs.delete(runs[1]).predictions  # the order is not by this one
    assert project.predictions.has_any()
    project.runs.delete(runs[0])
    assert not project.predictions.has_any()
    assert project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100) == []
    project.predictions.rebuild_uncertainty(runs[0])  # one that was asked for before it went
    assert not project.predictions.has_any()
    run = _create(project)
    project.predictions.write(run, said)
    project.predictions.rebuild_uncertainty(run)
    queue = project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100)
    assert [row.id for row in queue] == list(range(30, 0, -3))
    project.suggestions.order([9, 3, 6])  # now it is the loop's
    project.runs.delete(run)
    assert [row.id for row in project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100)] == [9, 3, 6]
    assert project.check() == []


def test_a_project_of_an_older_version_can_send_runs_away(project: Project, reopened: Callable[[], Project]) -> None:
    number = _create(project)
    project.close()
    connection = sqlite3.connect(project.path / "project.db")
    with connection:
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'runs_on_servers'")
        connection.execute("ALTER TABLE runs DROP COLUMN server")
        connection.execute(f"PRAGMA user_version = {list(schema.MIGRATIONS).index('runs_on_servers')}")
    connection.close()
    again = reopened()
    try:
        before = again.runs.get(number)
        told = {"at": "2026-01-01", "file": "pack.zip", "events": 0}
        assert again.runs.send_away(number, told, "Away").runs
        run = again.runs.get(number)
        assert (run.state, run.message, run.server, again.runs.queued()) == (AWAY, "Away", told, [])
        assert [one.number for one in again.runs.away()] == [number]
        with pytest.raises(UserError, match="take it back from there"):
            run.must_be_here()
        with pytest.raises(UserError, match="cannot be packed"):
            again.runs.send_away(number, told, "Away")
        again.runs.put_back(before)
        assert again.runs.get(number) == before
    finally:
        again.close()
