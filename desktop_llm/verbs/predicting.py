"""Ask a model: a run of a project or an exported folder, about a text or every row of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from desktop_llm.data import mapping as mappings
from desktop_llm.data.readers.opening import open_reader
from desktop_llm.data.readers.reader import file_column, named
from desktop_llm.errors import UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs.explanation import Explanation
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.jobs.model_note import task_of
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.paths import expanded
from desktop_llm.rows import NewItem, Rejected
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import importing

BATCH = 256
ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson")

Row = dict[str, str]


def predict(model: Path, given: str) -> Iterator[tuple[Row, Prediction] | Rejected]:
    """Answers to `given`: a file's rows when it names a file, else the one text itself. Raises UserError.

    In the file's order, one for each row: a row that cannot be asked about comes as Rejected.
    """
    from desktop_llm.engine import worker

    worker.offline()
    with at_rest():
        from desktop_llm.engine.predict import Predictor

    task = task_named(task_of(model))
    rows = rows_of(given, task.name)
    predictor = Predictor(model)
    while batch := list(islice(rows, BATCH)):
        answers = iter(predictor.predict([row for row in batch if not isinstance(row, Rejected)]))
        for row in batch:
            yield row if isinstance(row, Rejected) else (row, next(answers))


def explain(model: Path, given: str, label: str = "") -> Iterator[tuple[Row, Explanation] | Rejected]:
    """Why `label`, '' for the likeliest of each, has its chance; `given` as in `predict`. Raises UserError."""
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine.predict import Predictor

    task = task_named(task_of(model))
    if not task.explains:
        raise UserError("The answers of this kind of model cannot be traced back to words yet.")
    predictor: Predictor | None = None
    for row in rows_of(given, task.name):
        if isinstance(row, Rejected):
            yield row
            continue
        predictor = predictor or Predictor(model)
        yield row, predictor.explain(row, label)


def write(
    model: Path, given: str, sampling: Sampling, on_piece: Callable[[str], None] = lambda text: None
) -> Iterator[tuple[Row, str, Ending] | Rejected]:
    """What a model writes to `given`: a file's rows when it names a file, else the one text. Raises UserError.

    As `predict`, one for each row; `on_piece` hears the text as it comes.
    """
    from desktop_llm.engine import worker

    worker.offline()
    with at_rest():
        from desktop_llm.engine.generator import Generator

    task = task_named(task_of(model))
    generator: Generator | None = None
    for row in rows_of(given, task.name):
        if isinstance(row, Rejected):
            yield row
            continue
        generator = generator or Generator(model)
        said: list[str] = []
        for told in generator.write(row, sampling):
            if isinstance(told, Ending):
                yield row, "".join(said), told
            else:
                said.append(told.text)
                on_piece(told.text)


def look(model: Path, given: str) -> Iterator[tuple[Row, list[Piece], Ending] | Rejected]:
    """How each token of `given` is foretold: a file's rows when it names a file, else the one text. Raises UserError.

    As `predict`, one for each row.
    """
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine.generator import Generator

    generator: Generator | None = None
    for row in rows_of(given, task_of(model)):
        if isinstance(row, Rejected):
            yield row
            continue
        generator = generator or Generator(model)
        pieces: list[Piece] = []
        for told in generator.look(row):
            if isinstance(told, Ending):
                yield row, pieces, told
            else:
                pieces.append(told)


def rows_of(given: str, task_name: str) -> Iterator[Row | Rejected]:
    """What a task is asked about: a file's rows when `given` names a file, else the one text. Raises UserError."""
    task = task_named(task_name)
    path = expanded(given)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a long text is no path
        is_file = False
    if not is_file:
        if path.suffix.casefold() in ENDINGS and len(given.split()) == 1:
            raise UserError(f"There is no file “{given}”; check the path.")
        main = task.content[0].name
        if not given.strip():
            raise UserError("There is nothing to ask about: the text is empty.")
        yield {main: given}
        return
    form = importing.form_of(task, path)
    reader = open_reader(path, form)
    sample: list[Any] = []
    for row in reader.rows(_never):
        if hasattr(row, "cells"):
            sample.append(row.cells)
        if len(sample) == BATCH:
            break
    told = mappings.guess(reader.columns, sample, task.content)
    mappings.checked(reader.columns, told, task.content)
    again, column = open_reader(path, form), file_column(reader)
    for item in mappings.to_items(again.rows(_never), told, task.content, _no_label, ""):
        yield dict(item.content) if isinstance(item, NewItem) else named(item, column)


def _never() -> bool:
    return False


def _no_label(cell: object) -> None:
    """Labels of the file do not matter here."""
