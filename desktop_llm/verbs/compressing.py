"""The board: a run, what it can be written as, and the runs that it taught, by answers, time and size on this machine.

What was measured is kept in the run's folder; the files that were made for it, too, so that they are made only once.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.evidence import paired
from desktop_llm.evidence.intervals import Interval
from desktop_llm.jobs import board as boards
from desktop_llm.jobs import forecast, formats, provenance, snapshot
from desktop_llm.jobs.board import Board, Point
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Metric
from desktop_llm.verbs import comparing, exporting, outcomes
from desktop_llm.verbs.evaluating import finished_folder
from desktop_llm.verbs.outcomes import On, Outcomes

if TYPE_CHECKING:
    from desktop_llm.engine.board import Timed

ROWS = 1000
"""Held-out rows that are measured on, where nobody asks for more."""
FORMS = "forms"
OTHERS = ("onnx", "onnx-int8", "onnx-int4")
"""The formats beside a run's own that this program itself can ask, see `jobs.formats`."""
MOST_LOSS = 0.01
"""So much of a share of right answers may go before a form is no longer advised."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    run: int
    format: str
    folder: Path

    @property
    def title(self) -> str:
        """What it is called on the board."""
        return f"Run {self.run}" + ("" if self.format == "huggingface" else f", {FORMATS[self.format].title}")


def family(project: Project, number: int) -> list[int]:
    """A run, and those that it has taught, as far as they have a model. Raises UserError."""
    model = str(finished_folder(project, number).model.resolve())
    taught = [one for one in project.runs.all() if one.recipe.teacher == model and one.number != number]
    return [number, *sorted(one.number for one in taught if project.runs.folder(one.number).model.is_dir())]


def kept(project: Project, number: int) -> Board | None:
    """What was measured the last time; None where nothing was, or the run has another model since."""
    folder = project.runs.folder(number)
    told = boards.read(folder.path)
    same = told is not None and folder.model.is_dir() and told.weights == provenance.weights(folder.model)
    return told if same else None


def measure(
    project: Project, number: int, *, rows: int = ROWS, on_progress: Progress = lambda part, doing: None
) -> Board:
    """Measure in this process, which is to be one of its own, and keep what was found. Raises UserError."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    return _measured(project, number, rows, on_progress)


def _measured(project: Project, number: int, rows: int, on_progress: Progress) -> Board:
    if rows < 1:
        raise UserError("At least one row has to be measured.")
    task = task_named(project.task)
    split, asked = _rows(project, number, rows)
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine import board as engine

    forms, left_out = _forms(project, family(project, number), on_progress)
    classes = tuple(project.runs.schema(number).get("classes", ()))
    on = On(kind="split", name=split)

    def report(part: float, doing: str) -> None:
        on_progress(0.3 + 0.65 * part, doing)

    found = engine.measure([one.folder for one in forms], asked, classes, report=report)
    truth = tuple(row if task.unsupervised else row["label"] for row in asked)
    told = [
        Outcomes(
            run=form.run,
            on=on,
            ids=tuple(int(row["id"]) for row in asked),
            truth=truth,
            answers=tuple(one.answers),
            classes=classes,
        )
        for form, one in zip(forms, found.forms, strict=True)
    ]
    main = task.main(found.forms[0].scores.metrics)
    points = _points(project, main, forms, found.forms, told)
    made = Board(
        run=number,
        weights=provenance.weights(project.runs.folder(number).model),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=forecast.machine(),
        device=found.device,
        threads=found.threads,
        rows=len(asked),
        split=split,
        metric=main.name,
        points=tuple(points),
        left_out=tuple(left_out),
    )
    try:
        boards.write(project.runs.folder(number).path, made)
    except OSError as error:
        raise from_os_error(error, "keep what was measured in", project.runs.folder(number).path) from error
    return made


def measure_in(path: Path, number: int, rows: int = ROWS, *, on_progress: Progress = lambda *_: None) -> Board:
    """`measure` for another process: opens the project in `path` by itself."""
    with closing(Project.watch(path)) as project:
        return _measured(project, number, rows, on_progress)


def words(board: Board, metric: Metric) -> str:
    """The verdict: what to take, and what it costs, in a sentence or two."""
    whole = board.points[0]
    best = _advised(board, metric)
    if len(board.points) == 1:
        return "There is nothing smaller to compare with yet: train a smaller model with this run as its teacher."
    if best is None:
        return f"Nothing here answers quicker than {whole.title} and nearly as well; keep it as it is."
    name = metric.title.lower() if not metric.title.isupper() else metric.title
    loss = comparing.signed(best.gap, metric)
    range_words = ""
    if math.isfinite(best.gap_low):
        low, high = (comparing.signed(one, metric).removesuffix(" points") for one in (best.gap_low, best.gap_high))
        range_words = f" ({low} to {high})"
    return (
        f"{best.title} answers {whole.latency / best.latency:.1f} times as fast as {whole.title}, in "
        f"{formats.megabytes(best.size)} instead of {formats.megabytes(whole.size)}, with {loss}{range_words} of "
        f"{name}."
    )


def best(board: Board, metric: Metric) -> int:
    """The place of the form to take."""
    found = _advised(board, metric)
    return 0 if found is None else board.points.index(found)


def line(one: Point, metric: Metric) -> str:
    """A form in a line."""
    value = comparing.amount(one.value, metric)
    limits = f" ({comparing.amount(one.low, metric)} to {comparing.amount(one.high, metric)})"
    return (
        f"{one.title}: {value}{limits if math.isfinite(one.low) else ''}, {1000 * one.latency:.1f} ms an answer, "
        f"{one.rate:,.0f} a second, {formats.megabytes(one.size)}"
    )


def conditions(board: Board) -> str:
    """How it was measured, in a line."""
    threads = "one thread" if board.threads == 1 else f"{board.threads} threads"
    return (
        f"Measured {board.at[:16].replace('T', ' ')} UTC on {board.machine} ({board.device.lower()}, {threads}), "
        f"{board.rows:,} {board.split} rows; medians of answers taken in turn."
    )


def _advised(board: Board, metric: Metric) -> Point | None:
    most = _most(metric, board.points[0])
    return boards.advised(board.points, higher_is_better=metric.higher_is_better, most=most)


def _most(metric: Metric, whole: Point) -> float:
    """What may be lost of a figure: a hundredth of a share, of other figures a hundredth of what it is."""
    return MOST_LOSS if metric.percent or metric.higher_is_better else MOST_LOSS * abs(whole.value)


def _rows(project: Project, number: int, most: int) -> tuple[str, list[dict[str, Any]]]:
    """Held-out rows of the run, evenly over all, and of which split they are. Raises UserError."""
    folder = finished_folder(project, number)
    for split in ("test", "validation"):
        rows = list(snapshot.rows(folder.snapshot, split))
        if rows:
            step = max(1, -(-len(rows) // most))
            return split, rows[::step]
    raise UserError(f"Run {number} has no held-out rows to measure on; hold some out and train again.")


def _forms(project: Project, runs: list[int], on_progress: Progress) -> tuple[list[_Form], list[str]]:
    """All forms of the runs that can be asked here, made as far as they were not, and why others cannot be."""
    from desktop_llm.engine import board as engine

    wanted = set(project.runs.schema(runs[0]).get("classes", ()))
    forms: list[_Form] = []
    left_out: list[str] = []
    for place, number in enumerate(runs):
        folder = project.runs.folder(number)
        if set(project.runs.schema(number).get("classes", ())) != wanted:
            left_out.append(f"Run {number} has other labels.")
            continue
        forms.append(_Form(run=number, format="huggingface", folder=folder.model))
        config = exporting.config_of(folder.model)
        here = folder.path / FORMS / provenance.weights(folder.model)[:16]
        _tidy(folder.path / FORMS, here.name)
        for name in OTHERS:
            kind = FORMATS[name]
            why = formats.unfit(kind, config, adapter=False) or formats.missing(kind)
            if not why and formats.goes_on(config):
                why = f"{kind.title}: how a model that writes answers is not measured in this form."
            if why:
                left_out += [why] if why not in left_out else []
                continue
            on_progress(0.3 * place / len(runs), f"Run {number}: {kind.title}")
            try:
                engine.form(folder, kind, here / name, here / OTHERS[0])
            except UserError as error:
                left_out.append(f"Run {number}, {kind.title}: {error.message}")
                continue
            forms.append(_Form(run=number, format=name, folder=here / name))
    return forms, left_out


def _tidy(folder: Path, wanted: str) -> None:
    """Forms of a model that the run no longer has are of no use."""
    for one in folder.glob("*"):
        if one.name != wanted:
            shutil.rmtree(one, ignore_errors=True)


def _points(project: Project, metric: Metric, forms: list[_Form], timed: Any, told: list[Outcomes]) -> list[Point]:
    points: list[Point] = []
    whole = outcomes.tally_of(project, told[0])
    for place, form in enumerate(forms):
        one: Timed = timed[place]
        value = outcomes.figures(project, told[place]).get(metric.name)
        plain = one.scores.metrics.get(metric.name, math.nan)
        value = value or Interval(value=plain, low=math.nan, high=math.nan)
        gap = Interval(value=value.value - (points[0].value if points else value.value), low=math.nan, high=math.nan)
        mine = outcomes.tally_of(project, told[place])
        if place and whole is not None and mine is not None:
            gap = paired.compare(mine, whole).figures.get(metric.name, gap)
        points.append(
            Point(
                run=form.run,
                title=form.title,
                format=form.format,
                value=value.value,
                low=value.low,
                high=value.high,
                gap=gap.value,
                gap_low=gap.low,
                gap_high=gap.high,
                latency=one.latency,
                rate=one.rate,
                size=one.size,
                parameters=one.parameters,
            )
        )
    return points
