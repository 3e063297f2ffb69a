"""Take a run's events into its row, its figures and its curves, in their order; odd ones are passed over."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from desktop_llm import log
from desktop_llm.jobs import events
from desktop_llm.jobs.events import Event

CURVES = ("loss", "learning_rate", "grad_norm", "tokens_per_second", "memory")
GAUGES = ("mfu", "celsius", "watts")
FORECAST = "forecast"
"""Under this name a run's details hold what was foretold of it, {"predicted": …}, and then what it took, "real"."""
TRIAL = "trial"
"""Under this name those of a run of a search say which one, and which trial."""
GREATEST = 2**63 - 1
"""The greatest whole number SQLite keeps."""

CurveRow = tuple[int, str, int, float | None]


def take(connection: sqlite3.Connection, number: int, batch: Iterable[Event]) -> None:
    """Bring run `number` up to date inside a transaction; the same events again change nothing."""
    curves: list[CurveRow] = []
    for event in batch:
        if not sound(event):
            # a file that a broken disk or another version has spoiled must not keep the project from opening
            log.logger("store").info("run %d: passed over an odd event of kind %r", number, event.kind)
            continue
        if isinstance(event, (events.Started, events.RolledBack)):
            _write_curves(connection, curves)
            curves = []
        _apply(connection, number, event)
        curves.extend(_curve_rows(number, event))
    _write_curves(connection, curves)


def sound(event: Event) -> bool:
    """Whether every field is of the kind that its class tells: JSON may hold anything."""
    return all(FITS[str(one.type)](getattr(event, one.name)) for one in fields(event))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= GREATEST


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and _is_float(value)


def _is_float(value: float) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _figures(value: object) -> bool:
    return isinstance(value, Mapping) and all(one is None or _number(one) for one in value.values())


FITS: dict[str, Callable[[object], bool]] = {
    "int": _whole,
    "float": _number,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "Mapping[str, float]": _figures,
    "Mapping[str, Any]": lambda value: isinstance(value, Mapping),
    "Sequence[Mapping[str, Any]]": lambda value: (
        isinstance(value, (list, tuple)) and all(isinstance(one, Mapping) for one in value)
    ),
}


def _curve_rows(number: int, event: Event) -> Iterable[CurveRow]:
    if isinstance(event, events.StepDone):
        for name in CURVES:
            yield number, name, event.step, _finite(getattr(event, name))
    elif isinstance(event, events.Gauged):  # what the machine cannot tell has no curve
        for name in GAUGES:
            if getattr(event, name):
                yield number, name, event.step, _finite(getattr(event, name))
    elif isinstance(event, events.Evaluated) and not event.final:
        for name, figure in event.metrics.items():
            yield number, f"{event.split}/{name}", event.step, _finite(figure)


def _finite(value: float | None) -> float | None:
    """SQLite has no NaN and JSON no infinity: both are kept as NULL."""
    return float(value) if value is not None and math.isfinite(value) else None


def _write_curves(connection: sqlite3.Connection, rows: list[CurveRow]) -> None:
    connection.executemany("INSERT OR REPLACE INTO run_metrics (run, name, step, value) VALUES (?, ?, ?, ?)", rows)


def _apply(connection: sqlite3.Connection, number: int, event: Event) -> None:
    """Bring the run's own row up to date with one event."""
    if isinstance(event, events.Evaluated):
        _keep_figures(connection, number, event)
        return
    if isinstance(event, events.Advised):
        _keep_advice(connection, number, event)
        return
    if isinstance(event, (events.Started, events.RolledBack)):
        # steps that a resumed run does again
        step = event.resumed_at if isinstance(event, events.Started) else event.step
        connection.execute("DELETE FROM run_metrics WHERE run = ? AND step > ?", (number, step))
    if isinstance(event, events.Finished):
        _keep_taken(connection, number, event)
    changes = _watched(event) or _changes(event)
    if changes:
        sets = ", ".join(f"{name} = ?" for name in changes)
        connection.execute(f"UPDATE runs SET {sets} WHERE number = ?", (*changes.values(), number))


def _watched(event: Event) -> dict[str, Any]:
    """The columns that what the run says of itself sets."""
    if isinstance(event, events.RolledBack):
        return {"message": event.message, "step": event.step}
    if isinstance(event, events.Sampled):
        return {"samples": json.dumps(events.plain(event.samples), ensure_ascii=False)}
    return {}


def _changes(event: Event) -> dict[str, Any]:
    """The columns of the run's row that an event sets."""
    match event:
        case events.Preparing():
            return {"state": "preparing", "message": ""}
        case events.Started():
            told = {"total_steps": event.total_steps, "parameters": event.parameters, "step": event.resumed_at}
            return {"state": "running", "message": "", **told}
        case events.StepDone():
            return {"step": event.step}
        case events.Paused():
            return {"state": "paused", "step": event.step}
        case events.Continued():
            return {"state": "running"}
        case events.Noted():
            return {"message": event.message}
        case events.Failed():
            return {"state": "failed", "message": event.message}
        case events.Interrupted():
            return {"state": "interrupted", "message": f"Left at step {event.step:,}; Resume goes on from there."}
        case events.Finished():
            state = "stopped" if event.reason == "stopped" else "finished"
            seconds = _finite(event.seconds) or 0.0
            return {"state": state, "step": event.step, "seconds": seconds, "message": event.message}
    return {}


def _keep_taken(connection: sqlite3.Connection, number: int, event: events.Finished) -> None:
    """What the run took stands beside what was foretold, where something was."""
    row = connection.execute("SELECT details FROM runs WHERE number = ?", (number,)).fetchone()
    details = json.loads(row[0])
    if FORECAST in details:
        real = {"seconds": _finite(event.whole) or 0.0, "memory": event.memory, "steps": event.step}
        details[FORECAST] = {**details[FORECAST], "real": real}
        connection.execute(
            "UPDATE runs SET details = ? WHERE number = ?", (json.dumps(details, ensure_ascii=False), number)
        )


def _keep_advice(connection: sqlite3.Connection, number: int, event: events.Advised) -> None:
    """One a matter: a resumed run may say it again."""
    row = connection.execute("SELECT advice FROM runs WHERE number = ?", (number,)).fetchone()
    advice = json.loads(row[0])
    advice[event.about] = {
        "step": event.step,
        "message": event.message,
        "action": event.action,
        "value": events.plain(event.value),
    }
    connection.execute("UPDATE runs SET advice = ? WHERE number = ?", (json.dumps(advice, ensure_ascii=False), number))


def _keep_figures(connection: sqlite3.Connection, number: int, event: events.Evaluated) -> None:
    """The best figures so far stand in the runs table; those of the kept model at the end replace them."""
    if not (event.best or event.final):
        return
    row = connection.execute("SELECT metrics, details FROM runs WHERE number = ?", (number,)).fetchone()
    metrics, details = json.loads(row[0]), json.loads(row[1])
    metrics[event.split] = {name: _finite(figure) for name, figure in event.metrics.items()}
    if event.details:
        details[event.split] = event.details
    connection.execute(
        "UPDATE runs SET metrics = ?, details = ? WHERE number = ?",
        (json.dumps(metrics), json.dumps(details, ensure_ascii=False), number),
    )
