"""The commands that use a trained model: predict, export."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.commands import explaining
from desktop_llm.commands.command import Declare, Out, UsageError, must_learn, opened, tell_rejected, usage
from desktop_llm.errors import UserError
from desktop_llm.jobs import generation
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.jobs.generation import Sampling
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.jobs.prediction import Prediction


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("predict", _predict, "ask a run of a project, or an exported folder")
    one.add_argument("project", type=expanded, metavar="PROJECT|EXPORT")
    one.add_argument("rest", nargs="+", metavar="[RUN] INPUT", help="a text, or a file of texts")
    explaining.ask(one)
    writing = one.add_argument_group("models that write")
    for setting in fields(Sampling):
        writing.add_argument(_option(setting.name), metavar="VALUE", help=setting.metadata["help"].replace("%", "%%"))
    words = "do not write; tell how well the texts are foretold"
    writing.add_argument("--measure", action="store_true", help=words)
    words = "with --measure: tell of each token how probable the model held it"
    writing.add_argument("--tokens", action="store_true", help=words)
    one = verb("export", _export, "write a model for others to load")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    one.add_argument("--format", default="huggingface", help=", ".join(FORMATS))
    one.add_argument("--to", type=expanded, required=True, help="a new folder; with --zip, a new file")
    one.add_argument("--zip", action="store_true", help="one file instead of a folder")
    one.add_argument("--rows", type=int, metavar="N", help="how many rows it is compared on with its run")
    papers = one.add_argument_group("for the model card")
    papers.add_argument("--licence", default="", help="of the model, such as apache-2.0")
    papers.add_argument("--base-licence", default="", metavar="LICENCE", help="of the model that it started from")
    papers.add_argument("--data-licence", default="", metavar="LICENCE", help="of the texts")
    papers.add_argument("--language", default="", help="codes such as en, with commas between")


def _predict(told: Any, out: Out) -> None:
    from desktop_llm.store.project import is_project
    from desktop_llm.verbs.evaluating import finished_folder

    folder: Path = told.project
    explaining.check(told, is_project(folder))
    if is_project(folder):
        if len(told.rest) != 2 or not told.rest[0].isdecimal():
            raise UsageError("A project needs the number of a run and a text or a file: predict PROJECT RUN INPUT.")
        with opened(folder) as project:
            must_learn(project)
            folder = finished_folder(project, int(told.rest[0])).model
            if told.nearest is not None:
                explaining.nearest(project, int(told.rest[0]), told, out)
                return
    elif len(told.rest) != 1:
        raise UsageError("An exported folder needs one text or file: predict EXPORT INPUT.")
    if told.explain:
        explaining.explain(folder, told, out)
    else:
        _ask(folder, told, out)


def _ask(folder: Path, told: Any, out: Out) -> None:
    """What a model says of each row, or writes to it."""
    from desktop_llm.engine import worker
    from desktop_llm.tasks import task as task_named

    worker.offline()
    from desktop_llm.jobs.model_note import task_of

    task = task_named(task_of(folder))
    values = _sampling_values(told)
    if told.tokens and not told.measure:
        raise UsageError("--tokens goes with --measure.")
    if not task.writes and (values or told.measure):
        raise UsageError("This model does not write; the options of models that write do not go with it.")
    if task.writes and not told.measure:
        _write(folder, told.rest[-1], _sampling(task.sampling, values), out)
    elif told.tokens:
        _look(folder, told.rest[-1], out)
    else:
        _tell(folder, told.rest[-1], task.answer_words, out)


def _tell(folder: Path, given: str, in_words: Callable[[Prediction], str] | None, out: Out) -> None:
    """What a model says of each row."""
    from desktop_llm.jobs import prediction
    from desktop_llm.rows import Rejected
    from desktop_llm.verbs import predicting

    for one in predicting.predict(folder, given):
        if isinstance(one, Rejected):
            tell_rejected(out, one)
            continue
        row, answer = one
        text = next(iter(row.values()), "")
        label = answer.label
        said = in_words(answer) if in_words is not None else _label_in_words(label, text)
        out({**row, **prediction.to_json(answer)}, f"{said}\t{answer.probability:.4f}\t{' '.join(text.split())}")


def _look(folder: Path, given: str, out: Out) -> None:
    """What a model says of each token of each row."""
    from desktop_llm.rows import Rejected
    from desktop_llm.verbs import predicting

    for one in predicting.look(folder, given):
        if isinstance(one, Rejected):
            tell_rejected(out, one)
            continue
        row, pieces, ending = one
        tokens = [
            {"text": each.text, "probability": each.probability, "nats": each.nats, "top": each.top} for each in pieces
        ]
        # as JSON a line end in a token ends no line
        lines = [f"{each.nats:8.3f}\t{json.dumps(each.text, ensure_ascii=False)}" for each in pieces]
        words = "\n".join((f"{'nats':>8}\ttoken", *lines))
        out({**row, "tokens": ending.tokens, "nats": sum(each.nats for each in pieces), "pieces": tokens}, words)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _sampling_values(told: Any) -> dict[str, Any]:
    """What the options say. Raises UsageError."""
    kinds = typing.get_type_hints(Sampling)
    values: dict[str, Any] = {}
    for setting in fields(Sampling):
        text = getattr(told, setting.name)
        if text is None:
            continue
        kind = kinds[setting.name]
        try:
            values[setting.name] = text if kind is str else float(text) if kind is float else int(text)
        except ValueError:
            number = "a number" if kind is float else "a whole number"
            raise UsageError(f"{_option(setting.name)} takes {number}, not “{text}”.") from None
    return values


def _sampling(usual: Sampling, values: dict[str, Any]) -> Sampling:
    """As models of a kind usually write, but for `values`. Raises UsageError."""
    if values.get("temperature") and "num_beams" not in values:
        values = {**values, "num_beams": 1}  # who wants it to choose freely wants no beams
    try:
        return generation.changed(usual, values)
    except UserError as error:
        raise UsageError(error.message) from None


def _write(folder: Path, given: str, sampling: Sampling, out: Out) -> None:
    """What a model that writes makes of each row."""
    from desktop_llm.rows import Rejected
    from desktop_llm.verbs import predicting

    for one in predicting.write(folder, given, sampling):
        if isinstance(one, Rejected):
            tell_rejected(out, one)
            continue
        row, text, ending = one
        figures = {"reason": ending.reason, "tokens": ending.tokens, "prompt_tokens": ending.prompt}
        out({**row, "continuation": text, **figures, "tokens_per_second": round(ending.speed, 2)}, text)


def _label_in_words(label: Any, text: str) -> str:
    """A name, several parts, or figures by their names."""
    if isinstance(label, list):
        return ", ".join(_in_words(one, text) for one in label) or "–"
    if isinstance(label, dict):
        told = (f"{value:.6g}" if isinstance(value, int | float) else str(value) for value in label.values())
        return ", ".join(f"{name} {value}" for name, value in zip(label, told, strict=True))
    return str(label)


def _in_words(part: Any, text: str) -> str:
    """A part of a label: a name, or a span with what it says of which words."""
    if not isinstance(part, dict):
        return str(part)
    return f"{' '.join(text[part['start'] : part['end']].split())} ({part['label']})"


def _export(told: Any, out: Out) -> None:
    from desktop_llm.jobs import formats
    from desktop_llm.verbs import earlier, exporting
    from desktop_llm.verbs.card import Papers

    with usage():
        kind = exporting.format_named(told.format)
    papers = Papers(
        licence=told.licence,
        base_licence=told.base_licence,
        data_licence=told.data_licence,
        language=told.language,
    )
    rows = exporting.COMPARED if told.rows is None else told.rows
    with opened(told.project) as project:
        must_learn(project)
        wish = exporting.Wish(format_name=kind.name, to=told.to, compared=rows, zipped=told.zip, papers=papers)
        compared = exporting.export(project, told.run, wish)
        before = earlier.of(project, told.run)
        note = formats.note(kind, exporting.config_of(project.runs.folder(told.run).model))
        words = " ".join(one for one in (f"Exported run {told.run} to “{told.to}”.", compared.words(), note) if one)
        line = {"run": told.run, "to": str(told.to), "format": kind.name, **formats.to_json(compared)}
        if before is not None:
            line, words = {**line, "step": before.step}, f"{words}\n{before.words(told.run)}"
        out(line, words)
