"""The command line: the window, or one verb without it.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 left with a checkpoint. Errors are one line on stderr.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from desktop_llm import __version__, log, paths
from desktop_llm.errors import Cancelled, UserError

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.rows import Rejected
    from desktop_llm.store.project import Project

VERBS = (
    "tasks",
    "new",
    "import",
    "label",
    "train",
    "resume",
    "runs",
    "evaluate",
    "predict",
    "export",
    "check",
)
Out = Callable[[dict[str, Any], str], None]


class _Parser(argparse.ArgumentParser):
    """Says usage errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with one line."""
        _complain(f"{self.prog}: {message}; see {self.prog} --help")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _print_anything()
    if not given or given[0] not in VERBS:
        return _window(given)
    told = _parser().parse_args(given)
    log.setup(paths.log_dir(), verbose=told.verbose)
    try:
        return int(told.verb(told, _printer(told.json)) or 0)
    except UserError as error:
        _complain(error.message)
        return 2 if isinstance(error, _UsageError) else 1
    except (Cancelled, KeyboardInterrupt):
        _complain("Stopped; nothing was changed.")
        return 1
    except BrokenPipeError:  # the reader of our output has gone
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - a defect: the log has the traceback, the person one line
        log.logger("cli").exception("a defect")
        _complain(f"A defect of the program ({type(error).__name__}: {error}); see {paths.log_dir()}.")
        return 1


class _UsageError(UserError):
    """A wrong word on the command line: exit 2."""


def _complain(message: str) -> None:
    """One line on stderr, whatever the message holds (a path may contain a line end)."""
    sys.stderr.write(" ".join(message.splitlines()) + "\n")


def _print_anything() -> None:
    """Let a terminal that knows few characters show escapes in place of the others, as stderr does by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _window(given: list[str]) -> int:
    parser = _Parser(prog="desktop-llm", description="Label, train and ship models on your own computer.")
    parser.add_argument("project", nargs="?", type=Path, help="a project folder to open")
    parser.add_argument("--version", action="version", version=f"desktop_llm {__version__}")
    words = [one for one in given if not one.startswith("-")]
    if len(words) > 1 or (words and Path(words[0]).name == words[0] and not Path(words[0]).exists()):
        nearest = difflib.get_close_matches(words[0], VERBS, n=1, cutoff=0.0)[0]
        parser.error(f"there is no command and no project “{words[0]}”; the nearest command is “{nearest}”")
    parser.epilog = "Verbs without the window: " + ", ".join(VERBS) + " (each with --help)."
    told = parser.parse_args(given)
    from desktop_llm import app

    return app.run(told.project)


def _parser() -> _Parser:
    parser = _Parser(prog="desktop-llm", description="Label, train and ship models on your own computer.")
    verbs = parser.add_subparsers(required=True, parser_class=_Parser)

    def verb(name: str, function: Callable[[Any, Out], int | None], words: str) -> _Parser:
        one = verbs.add_parser(name, help=words, description=words)
        one.set_defaults(verb=function)
        one.add_argument("--json", action="store_true", help="print one JSON object a line")
        one.add_argument("--verbose", action="store_true", help="print the log, too")
        return one

    verb("tasks", _tasks, "list the tasks and what a row needs")
    one = verb("new", _new, "make a project")
    one.add_argument("project", type=Path)
    one.add_argument("--task", required=True)
    for name, function, words in (
        ("import", _import, "bring the rows of files into a project"),
        ("label", _label, "take labels for texts of the project from files"),
    ):
        one = verb(name, function, words)
        one.add_argument("project", type=Path)
        if name == "import":
            one.add_argument("files", type=Path, nargs="+", metavar="FILE")
            one.add_argument("--split", default="", choices=("train", "validation", "test"))
        else:
            one.add_argument("--from", dest="files", type=Path, nargs="+", required=True, metavar="FILE")
        one.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN")
        one.add_argument("--encoding")
        one.add_argument("--delimiter")
        one.add_argument("--no-header", action="store_true", help="the first row is data")
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
    one = verb("predict", _predict, "ask a run of a project, or an exported folder")
    one.add_argument("project", type=Path, metavar="PROJECT|EXPORT")
    one.add_argument("rest", nargs="+", metavar="[RUN] INPUT", help="a text, or a file of texts")
    one = verb("export", _export, "write a model for others to load")
    one.add_argument("project", type=Path)
    one.add_argument("run", type=int)
    one.add_argument("--format", default="huggingface")
    one.add_argument("--to", type=Path, required=True)
    one = verb("check", _check, "check database, data and checkpoints of a project")
    one.add_argument("project", type=Path)
    return parser


def _printer(as_json: bool) -> Out:
    from desktop_llm.jobs import events

    def out(told: dict[str, Any], words: str) -> None:
        line = (json.dumps(events.plain(told), ensure_ascii=False) if told else "") if as_json else words
        if line:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    return out


def _open(path: Path) -> closing[Project]:
    from desktop_llm.store.project import Project

    return closing(Project.open(path.expanduser()))


def _writable(project: Project) -> None:
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")


def _tasks(told: Any, out: Out) -> None:
    from desktop_llm.tasks import TASKS

    for task in TASKS.values():
        fields = [{"name": one.name, "required": one.required} for one in task.fields]
        out(
            {"name": task.name, "title": task.title, "needs": task.needs, "fields": fields},
            f"{task.name}  {task.title}: {task.description} A row needs {task.needs}.",
        )


def _new(told: Any, out: Out) -> None:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks import task as task_named

    try:
        task = task_named(told.task)
    except UserError as error:
        raise _UsageError(error.message) from error
    with closing(Project.create(told.project.expanduser(), task.name)) as project:
        out({"project": str(project.path), "task": task.name}, f"Made the project “{project.path}” ({task.title}).")


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not name or not column:
            raise _UsageError(f"--map takes FIELD=COLUMN, not “{pair}”.")
        mapping[name] = column
    return mapping


def _import(told: Any, out: Out) -> None:
    _take(told, out, told.split)


def _label(told: Any, out: Out) -> None:
    _take(told, out, "", labels_only=True)


def _take(told: Any, out: Out, split: str, *, labels_only: bool = False) -> None:
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import importing

    mapping = _mapping(told.map)
    with _open(told.project) as project:
        _writable(project)
        task = task_named(project.task)
        for path in told.files:
            header = False if told.no_header else None
            look = importing.plan(task, path, encoding=told.encoding, delimiter=told.delimiter, header=header)
            if mapping:
                wanted = {**look.mapping, **mapping}
                look = importing.plan(
                    task,
                    path,
                    encoding=told.encoding,
                    delimiter=told.delimiter,
                    header=header,
                    mapping=wanted,
                )
            report = importing.run(project, look, split=split, labels_only=labels_only)
            for one in report.rejected:
                _tell_rejected(out, one)
            words = (
                f"{report.source}: {report.imported:,} rows imported, {report.labeled:,} labels, "
                f"{report.duplicates:,} known already, {report.conflicts:,} with another label than before, "
                f"{report.rejected_count:,} rejected ({look.form.encoding or look.form.kind}, {report.seconds:.1f} s)."
                + (f" {report.unknown:,} texts are not in the project." if labels_only else "")
            )
            out({**asdict(report), "rejected": report.rejected_count, "encoding": look.form.encoding}, words)
            if report.rejected_count and not report.imported + report.duplicates + report.unknown:
                raise UserError(
                    f"Nothing of “{path}” was taken: all {report.rejected_count:,} rows were rejected; mend them."
                )


def _tell_rejected(out: Out, one: Rejected) -> None:
    out({"rejected": one.line, "reason": one.reason}, f"  line {one.line}: {one.reason}")


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
        task, rows = task_named(project.task), project.items.counts().labeled
        base = recipes.from_toml(task.recipe, told.recipe) if told.recipe is not None else task.recipe
        base = training.default_recipe(task, values.get("model", base.model), rows)
        if told.recipe is not None:
            base = recipes.from_toml(base, told.recipe)
        return recipes.changed(base, values)
    except UserError as error:
        raise _UsageError(error.message) from error


def _train(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, training

    with _open(told.project) as project:
        _writable(project)
        recipe = _recipe(told, project)
        if told.estimate:
            return headless.estimate(project, recipe, out)
        number, _ = training.prepare(project, recipe)
        out({"run": number}, f"Run {number}")
        return headless.train(project, number, out, _catch_interrupt)


def _resume(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, training

    with _open(told.project) as project:
        _writable(project)
        training.resumable(project, told.run)
        return headless.train(project, told.run, out, _catch_interrupt)


def _catch_interrupt(leave: Callable[[], None]) -> None:
    """Ctrl+C and a polite end of the process save a checkpoint first."""
    signal.signal(signal.SIGINT, lambda *_: leave())
    signal.signal(signal.SIGTERM, lambda *_: leave())


def _runs(told: Any, out: Out) -> None:
    from desktop_llm.tasks import task as task_named

    with _open(told.project) as project:
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
    with _open(told.project) as project:
        measured = evaluating.evaluate(project, told.run, told.split)
        metrics, left_out = dict(measured.scores.metrics), measured.left_out
        words = "\n".join(f"{name} {value:.4f}" for name, value in metrics.items())
        told_out = f"\n{left_out:,} texts with labels that the run never learned are left out" if left_out else ""
        out({"run": told.run, "split": told.split, "left_out": left_out, "metrics": metrics}, words + told_out)


def _predict(told: Any, out: Out) -> None:
    from desktop_llm.jobs import prediction
    from desktop_llm.rows import Rejected
    from desktop_llm.store.project import is_project
    from desktop_llm.verbs import predicting
    from desktop_llm.verbs.evaluating import finished_folder

    folder = told.project.expanduser()
    if is_project(folder):
        if len(told.rest) != 2 or not told.rest[0].isdecimal():
            raise _UsageError("A project needs the number of a run and a text or a file: predict PROJECT RUN INPUT.")
        with _open(folder) as project:
            folder = finished_folder(project, int(told.rest[0])).model
    elif len(told.rest) != 1:
        raise _UsageError("An exported folder needs one text or file: predict EXPORT INPUT.")
    for one in predicting.predict(folder, told.rest[-1]):
        if isinstance(one, Rejected):
            _tell_rejected(out, one)
            continue
        row, answer = one
        text = next(iter(row.values()), "")
        out(
            {**row, **prediction.to_json(answer)}, f"{answer.label}\t{answer.probability:.4f}\t{' '.join(text.split())}"
        )


def _export(told: Any, out: Out) -> None:
    from desktop_llm.verbs import exporting

    if told.format not in exporting.FORMATS:
        raise _UsageError(f"There is no export format “{told.format}”; choose one of {', '.join(exporting.FORMATS)}.")
    with _open(told.project) as project:
        difference = exporting.export(project, told.run, told.format, told.to)
        out(
            {"run": told.run, "to": str(told.to), "difference": difference},
            f"Exported run {told.run} to “{told.to}”; read back, its answers differ by {difference:.1e} at most.",
        )


def _check(told: Any, out: Out) -> None:
    with _open(told.project) as project:
        complaints = project.check()
    for complaint in complaints:
        out({"problem": complaint}, complaint)
    out({"problems": len(complaints)}, "" if complaints else "Everything is whole.")
    if complaints:
        wrong = "One thing is" if len(complaints) == 1 else f"{len(complaints):,} things are"
        raise UserError(f"{wrong} not whole in “{told.project}”; bring the damaged files back from a backup.")
