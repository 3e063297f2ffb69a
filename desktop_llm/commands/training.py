"""The commands about runs: train, resume, runs, evaluate."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, must_learn, opened
from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.project import Project


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("train", _train, "train a model")
    one.add_argument("project", type=Path)
    one.add_argument("--recipe", type=Path, metavar="FILE.toml")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    one.add_argument("--estimate", action="store_true", help="only measure what it would take")
    one = verb("resume", _resume, "go on with a run after a stop, a crash or a power cut")
    one.add_argument("project", type=Path)
    one.add_argument("run", type=int)
    one = verb("runs", _runs, "list the runs of a project")
    one.add_argument("project", type=Path)
    one = verb("evaluate", _evaluate, "measure a run")
    one.add_argument("project", type=Path)
    one.add_argument("run", type=int)
    one.add_argument("--split", default="test", choices=("train", "validation", "test"))


def _recipe(told: Any, project: Project) -> Recipe:
    from desktop_llm.jobs import recipe as recipes
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import training

    try:
        values = {}
        for pair in told.set:
            key, equals, text = pair.partition("=")
            if not equals:
                raise UserError(f"--set takes KEY=VALUE, not “{pair}”.")
            values[key.strip()] = recipes.parse_value(key.strip(), text)
        task, rows = task_named(project.task), training.amount(project)
        base = recipes.from_toml(task.recipe, told.recipe) if told.recipe is not None else task.recipe
        base = training.default_recipe(task, values.get("model", base.model), rows)
        if told.recipe is not None:
            base = recipes.from_toml(base, told.recipe)
        return recipes.changed(base, values)
    except UserError as error:
        raise UsageError(error.message) from error


def _train(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, training

    with opened(told.project) as project:
        must_learn(project)
        must_be_writable(project)
        recipe = _recipe(told, project)
        if told.estimate:
            return headless.estimate(project, recipe, out)
        number, _ = training.prepare(project, recipe)
        out({"run": number}, f"Run {number}")
        return headless.train(project, number, out, _catch_interrupt)


def _resume(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, training

    with opened(told.project) as project:
        must_learn(project)
        must_be_writable(project)
        training.resumable(project, told.run)
        return headless.train(project, told.run, out, _catch_interrupt)


def _catch_interrupt(leave: Callable[[], None]) -> None:
    """Ctrl+C and a polite end of the process save a checkpoint first."""
    signal.signal(signal.SIGINT, lambda *_: leave())
    signal.signal(signal.SIGTERM, lambda *_: leave())


def _runs(told: Any, out: Out) -> None:
    from desktop_llm.tasks import task as task_named

    with opened(told.project) as project:
        must_learn(project)
        main_metric = task_named(project.task).metrics[0]
        runs = project.runs.all()
        if not runs:
            out({}, "There is no run yet; train one.")
        for run in runs:
            value = run.metrics.get("test", run.metrics.get("validation", {})).get(main_metric.name)
            figure = "" if value is None else f", {main_metric.title.lower()} {value:.4f}"
            out(
                {"run": run.number, "state": run.state, "model": run.model_title, "metrics": run.metrics},
                f"{run.number}  {run.state}, {run.model_title}{figure}",
            )


def _evaluate(told: Any, out: Out) -> None:
    from desktop_llm.engine import worker
    from desktop_llm.verbs import evaluating

    worker.offline()
    with opened(told.project) as project:
        must_learn(project)
        measured = evaluating.evaluate(project, told.run, told.split)
        metrics, left_out = dict(measured.scores.metrics), measured.left_out
        words = "\n".join(f"{name} {value:.4f}" for name, value in metrics.items())
        told_out = f"\n{left_out:,} texts with labels that the run never learned are left out" if left_out else ""
        out({"run": told.run, "split": told.split, "left_out": left_out, "metrics": metrics}, words + told_out)
