"""Runs, their figures and curves, taken from the engine's events; taking the same events twice changes nothing."""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import events
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Event
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes
from desktop_llm.store import evaluations, intake, ordering
from desktop_llm.store.connection import Connections

ALIVE = ("preparing", "running", "paused")
ENDED = ("finished", "stopped")
QUEUED = "queued"
AWAY = "on a server"
HALF_HERE = "half here"
"""In `Run.server` where taking the run back was broken off between its files."""
CHANGED = Changes(runs=True)
SENDABLE = (QUEUED, "interrupted", "failed")
"""The states of runs that may go to a server."""
HIGHEST = "highest_run"
"""Under what `meta` keeps the highest number of the runs that were deleted: no other run is to be taken for one."""
LEFT = "The program ended while it trained; Resume goes on from the last checkpoint."


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the project keeps it. `metrics` and `details` by split; `created` ISO 8601 in UTC.

    `advice` is what the watch-dog said, by matter, each with step, message, action and value as in `events.Advised`;
    `samples` are the last ones of `events.Sampled`; `server` tells of a run that was packed for one when that was, as
    which file, and how long its events were then: `{"at": …, "file": …, "events": bytes}`.
    """

    number: int
    state: str
    created: str
    seconds: float
    model_title: str
    recipe: Recipe
    parameters: int
    total_steps: int
    step: int
    snapshot: Mapping[str, Any]
    schema: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    message: str = ""
    advice: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    samples: Sequence[Mapping[str, Any]] = ()
    server: Mapping[str, Any] = field(default_factory=dict)

    def must_be_here(self) -> None:
        """Raises UserError for a run that is on a server."""
        if self.state == AWAY:
            raise UserError(
                f"Run {self.number} is on a server ({self.server.get('file', '')}); take it back from there, or call "
                "it back to train it here."
            )

    @property
    def trial(self) -> Mapping[str, Any]:
        """Of a run of a search which one, and which trial: `{"search": 1, "trial": 3}`; {} of another."""
        told = self.details.get(intake.TRIAL, {})
        return told if isinstance(told, Mapping) else {}

    @property
    def title(self) -> str:
        """What it starts from, and of which search it is a trial."""
        told = self.trial
        return f"{self.model_title} · search {told['search']}, trial {told['trial']}" if told else self.model_title

    @property
    def ended(self) -> bool:
        """Whether it has come to its end; one that is made longer has not any more."""
        return self.state in ENDED


NAMES = tuple(Run.__dataclass_fields__)
COLUMNS = ", ".join(NAMES)
JSON = ("snapshot", "schema", "metrics", "details", "advice", "samples", "server")


class Runs:
    """The runs of a project, numbered from 1."""

    def __init__(self, connections: Connections, folder: Path) -> None:
        """`folder` is the project's."""
        self._connections, self._project = connections, folder
        self._held: set[int] = set()
        self._guard = threading.Lock()

    def hold(self, number: int) -> None:
        """A run is about to train, or to go: nobody else may begin or delete it meanwhile. Raises UserError then.

        Its state tells of that only once the engine has spoken. A project has one writer, so that this process knows.
        """
        with self._guard:
            if number in self._held:
                raise UserError(f"Run {number} is under way or is being deleted; wait until that has ended.")
            self._held.add(number)

    def let_go(self, number: int) -> None:
        """What `hold` was for has ended."""
        with self._guard:
            self._held.discard(number)

    @contextmanager
    def held(self, number: int) -> Iterator[None]:
        """`hold` it inside."""
        self.hold(number)
        try:
            yield
        finally:
            self.let_go(number)

    def free_number(self) -> int:
        """The number that a new run gets: above all that are, or ever were, in the project, or are in its folder."""
        row = self._connections.row(
            "SELECT MAX(COALESCE((SELECT MAX(number) FROM runs), 0),"
            " COALESCE((SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?), 0))",
            (HIGHEST,),
        )
        on_disk = [int(path.name) for path in (self._project / "runs").glob("[0-9]*") if path.name.isdecimal()]
        return int(max([row[0] if row else 0, *on_disk])) + 1

    def create(
        self,
        recipe: Recipe,
        *,
        model_title: str,
        snapshot: Mapping[str, Any],
        schema: Mapping[str, Any],
        number: int | None = None,
        foretold: Mapping[str, Any] | None = None,
        trial: Mapping[str, Any] | None = None,
    ) -> int:
        """Take up a new run, as `number` when its folder is there, else the next; its number. Raises UserError.

        `foretold` is what was measured of it before the start, `trial` see `Run.trial`.
        """
        details = {intake.FORECAST: {"predicted": dict(foretold)}} if foretold else {}
        details |= {intake.TRIAL: dict(trial)} if trial else {}
        number = number or self.free_number()
        try:
            self.folder(number).path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, "make the folder of the run", self.folder(number).path) from error
        with self._connections.writing() as connection:
            connection.execute(
                "INSERT INTO runs (number, state, created, model_title, recipe, snapshot, schema, details)"
                " VALUES (?, 'preparing', ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    datetime.now(UTC).isoformat(timespec="seconds"),
                    model_title,
                    json.dumps(recipes.to_json(self.folder(number).kept(recipe))),
                    json.dumps(dict(snapshot)),
                    json.dumps(dict(schema), ensure_ascii=False),
                    json.dumps(details),
                ),
            )
        return number

    def all(self) -> list[Run]:
        """All runs, newest first."""
        return [self._run(row) for row in self._connections.rows(f"SELECT {COLUMNS} FROM runs ORDER BY number DESC")]

    def with_model(self) -> list[Run]:
        """The runs that have a model, newest first: those that ended, and those that go on after they had ended."""
        return [run for run in self.all() if self.folder(run.number).model.is_dir()]

    def enqueue(self, number: int) -> Changes:
        """Let a run that has not begun wait for its turn. Raises UserError where it has begun."""
        with self._connections.writing() as connection:
            sql = "UPDATE runs SET state = ? WHERE number = ? AND state = 'preparing'"
            if not connection.execute(sql, (QUEUED, number)).rowcount:
                raise UserError(f"Run {number} has begun already; it cannot wait for its turn.")
        return CHANGED

    def dequeue(self, number: int) -> Changes:
        """The turn of a run has come. Raises UserError where it does not wait."""
        with self._connections.writing() as connection:
            sql = "UPDATE runs SET state = 'preparing' WHERE number = ? AND state = ?"
            if not connection.execute(sql, (number, QUEUED)).rowcount:
                raise UserError(f"Run {number} does not wait for its turn any more.")
        return CHANGED

    def queued(self) -> list[Run]:
        """The runs that wait for their turn, the next one first."""
        return self._of_state(QUEUED)

    def away(self) -> list[Run]:
        """The runs that are on a server, the first one first."""
        return self._of_state(AWAY)

    def _of_state(self, state: str) -> list[Run]:
        sql = f"SELECT {COLUMNS} FROM runs WHERE state = ? ORDER BY number"
        return [self._run(row) for row in self._connections.rows(sql, (state,))]

    def send_away(
        self, number: int, told: Mapping[str, Any], message: str, *, states: Sequence[str] = SENDABLE
    ) -> Changes:
        """A run in one of `states` goes to a server, see `Run.server`. Raises UserError where it is in none of them."""
        marks = ",".join("?" * len(states))
        sql = f"UPDATE runs SET state = ?, message = ?, server = ? WHERE number = ? AND state IN ({marks})"
        with self._connections.writing() as connection:
            values = (AWAY, message, json.dumps(dict(told), ensure_ascii=False), number, *states)
            if not connection.execute(sql, values).rowcount:
                raise UserError(f"Run {number} trains, has ended or is on a server already; it cannot be packed.")
        return CHANGED

    def put_back(self, before: Run, message: str = "") -> Changes:
        """A run does not go to a server after all: it stands as `before`. Raises UserError."""
        sql = "UPDATE runs SET state = ?, message = ?, server = ? WHERE number = ? AND state = ?"
        with self._connections.writing() as connection:
            values = (before.state, message or before.message, json.dumps(dict(before.server)), before.number, AWAY)
            if not connection.execute(sql, values).rowcount:
                raise UserError(f"Run {before.number} is not on a server.")
        return CHANGED

    def get(self, number: int) -> Run:
        """One run. Raises UserError that names those there are."""
        row = self._connections.row(f"SELECT {COLUMNS} FROM runs WHERE number = ?", (number,))
        if row is None:
            there = ", ".join(str(run.number) for run in reversed(self.all()))
            told = f"its runs are {there}" if there else "it has none yet, train one"
            raise UserError(f"The project has no run {number}; {told}.")
        return self._run(row)

    def schema(self, number: int) -> dict[str, Any]:
        """What a run was told of its labels; {} for a run that is gone."""
        row = self._connections.row("SELECT schema FROM runs WHERE number = ?", (number,))
        return dict(json.loads(row[0])) if row else {}

    def folder(self, number: int) -> RunFolder:
        """Where a run's files are."""
        return RunFolder(self._project / "runs" / f"{number:04d}")

    def change(self, number: int, recipe: Recipe, message: str) -> Changes:
        """A run goes on by another recipe: it waits to be resumed, with `message`."""
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE runs SET recipe = ?, state = 'interrupted', message = ? WHERE number = ?",
                (json.dumps(recipes.to_json(self.folder(number).kept(recipe))), message, number),
            )
        return CHANGED

    def delete(self, number: int, state: str = "", folder_goes: Callable[[], None] = lambda: None) -> Changes:
        """Forget a run, its curves, predictions and order, if it still is in `state`. Raises UserError if not.

        Its folder is the caller's: `folder_goes` is called when all else is settled, and what it raises leaves all as
        it was.
        """
        with self._connections.writing() as connection:
            told = connection.execute("SELECT state FROM runs WHERE number = ?", (number,)).fetchone()
            if state and (told is None or told[0] != state):
                now = "gone" if told is None else told[0]
                raise UserError(f"Run {number} is {now} by now; look at it again.")
            for statement in (
                "DELETE FROM run_metrics WHERE run = ?",
                "DELETE FROM predictions WHERE run = ?",
                "DELETE FROM runs WHERE number = ?",
            ):
                connection.execute(statement, (number,))
            ordering.forget_run(connection, number)
            evaluations.forget_run(connection, number)
            connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
                " WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)",
                (HIGHEST, str(number)),
            )
            folder_goes()
        return CHANGED | Changes(predictions=True)

    def ingest(self, number: int, batch: Sequence[Event]) -> Changes:
        """Take a batch of events of a run in one transaction, in their order. Raises UserError when it was deleted."""
        with self._connections.writing() as connection:
            if connection.execute("SELECT 1 FROM runs WHERE number = ?", (number,)).fetchone() is None:
                raise UserError(f"Run {number} was deleted; what it says is no longer kept.")
            intake.take(connection, number, batch)
        return CHANGED

    def replay(self, number: int, left: str = LEFT) -> Changes:
        """Take all events from the run's file; without an end it becomes interrupted, with the message `left`."""
        told = [event for event in self.folder(number).read_events() if intake.sound(event)]
        if told:
            self.ingest(number, told)
        ends = [place for place, event in enumerate(told) if isinstance(event, events.ENDS)]
        starts = [place for place, event in enumerate(told) if isinstance(event, (events.Preparing, events.Started))]
        if not ends or (starts and max(starts) > max(ends)):
            with self._connections.writing() as connection:
                connection.execute(
                    "UPDATE runs SET state = 'interrupted', message = ? WHERE number = ?", (left, number)
                )
        return CHANGED

    def replay_left(self) -> list[int]:
        """On opening: take the events of runs that were alive when the program ended; those that had come to an end.

        What was left of a run in the making goes.
        """
        for part in (self._project / "runs").glob(".*.part"):
            shutil.rmtree(part, ignore_errors=True)
        marks = ",".join("?" * len(ALIVE))
        alive = [row[0] for row in self._connections.rows(f"SELECT number FROM runs WHERE state IN ({marks})", ALIVE)]
        for number in alive:
            self.replay(number)
        return [number for number in alive if self.get(number).state in ("finished", "stopped")]

    def metrics(self, number: int) -> dict[str, list[tuple[int, float]]]:
        """All curves of a run by name (loss, learning_rate …, validation/accuracy …), ordered by step."""
        rows = self._connections.rows(
            "SELECT name, step, value FROM run_metrics WHERE run = ? ORDER BY name, step", (number,)
        )
        curves: dict[str, list[tuple[int, float]]] = {}
        for name, step, value in rows:
            curves.setdefault(name, []).append((step, math.nan if value is None else value))
        return curves

    def _run(self, row: tuple[Any, ...]) -> Run:
        told = dict(zip(NAMES, row, strict=True))
        decoded = {name: json.loads(told[name]) for name in JSON}
        decoded["metrics"] = {
            split: {name: math.nan if figure is None else figure for name, figure in figures.items()}
            for split, figures in decoded["metrics"].items()
        }
        recipe = self.folder(told["number"]).found(recipes.from_json(json.loads(told["recipe"])))
        return Run(**{**told, **decoded, "recipe": recipe})
