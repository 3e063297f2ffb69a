"""The commands that use a trained model: predict, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_learn, opened, tell_rejected


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("predict", _predict, "ask a run of a project, or an exported folder")
    one.add_argument("project", type=Path, metavar="PROJECT|EXPORT")
    one.add_argument("rest", nargs="+", metavar="[RUN] INPUT", help="a text, or a file of texts")
    one = verb("export", _export, "write a model for others to load")
    one.add_argument("project", type=Path)
    one.add_argument("run", type=int)
    one.add_argument("--format", default="huggingface")
    one.add_argument("--to", type=Path, required=True)


def _predict(told: Any, out: Out) -> None:
    from desktop_llm.engine import worker
    from desktop_llm.jobs import prediction
    from desktop_llm.rows import Rejected
    from desktop_llm.store.project import is_project
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import predicting
    from desktop_llm.verbs.evaluating import finished_folder

    folder = told.project.expanduser()
    if is_project(folder):
        if len(told.rest) != 2 or not told.rest[0].isdecimal():
            raise UsageError("A project needs the number of a run and a text or a file: predict PROJECT RUN INPUT.")
        with opened(folder) as project:
            must_learn(project)
            folder = finished_folder(project, int(told.rest[0])).model
    elif len(told.rest) != 1:
        raise UsageError("An exported folder needs one text or file: predict EXPORT INPUT.")
    worker.offline()
    from desktop_llm.engine.predict import task_of

    in_words = task_named(task_of(folder)).answer_words
    for one in predicting.predict(folder, told.rest[-1]):
        if isinstance(one, Rejected):
            tell_rejected(out, one)
            continue
        row, answer = one
        text = next(iter(row.values()), "")
        label = answer.label
        said = in_words(answer) if in_words is not None else _label_in_words(label, text)
        out({**row, **prediction.to_json(answer)}, f"{said}\t{answer.probability:.4f}\t{' '.join(text.split())}")


def _label_in_words(label: Any, text: str) -> str:
    """A name, several parts, or figures by their names."""
    if isinstance(label, list):
        return ", ".join(_in_words(one, text) for one in label) or "–"
    if isinstance(label, dict):
        return ", ".join(f"{name} {value:.6g}" for name, value in label.items())
    return str(label)


def _in_words(part: Any, text: str) -> str:
    """A part of a label: a name, or a span with what it says of which words."""
    if not isinstance(part, dict):
        return str(part)
    return f"{' '.join(text[part['start'] : part['end']].split())} ({part['label']})"


def _export(told: Any, out: Out) -> None:
    from desktop_llm.verbs import earlier, exporting

    if told.format not in exporting.FORMATS:
        raise UsageError(f"There is no export format “{told.format}”; choose one of {', '.join(exporting.FORMATS)}.")
    with opened(told.project) as project:
        must_learn(project)
        difference = exporting.export(project, told.run, told.format, told.to)
        before = earlier.of(project, told.run)
        words = f"Exported run {told.run} to “{told.to}”; read back, its answers differ by {difference:.1e} at most."
        line = {"run": told.run, "to": str(told.to), "difference": difference}
        if before is not None:
            line, words = {**line, "step": before.step}, f"{words}\n{before.words(told.run)}"
        out(line, words)
