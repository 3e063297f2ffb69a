"""The command that brings rows out: rows."""

from __future__ import annotations

from typing import Any, get_args

from desktop_llm.commands.command import Declare, Out, UsageError, opened
from desktop_llm.paths import expanded
from desktop_llm.rows import Filter, Show


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("rows", _rows, "count the rows of a filter, or write them to a file")
    one.add_argument("project", type=expanded)
    one.add_argument("--to", type=expanded, metavar="FILE")
    one.add_argument("--format", help="by the file's ending, if it is not told")
    one.add_argument("--show", default="all", choices=get_args(Show))
    words = "with --show second: the rows that NAME is to label without seeing another's label"
    one.add_argument("--labeler", default="", metavar="NAME", help=words)
    one.add_argument("--label", help="rows with this label")
    one.add_argument("--split", default="", choices=("train", "validation", "test"))
    one.add_argument("--source", default="", metavar="NAME", help="rows of this file")
    one.add_argument("--text", default="", help="rows whose text has this part")
    one.add_argument("--column", default="", metavar="NAME=VALUE", help="rows with this cell in a further column")
    one.add_argument("--disagrees", action="store_true", help="rows that the newest run labels otherwise")


def _rows(told: Any, out: Out) -> None:
    from desktop_llm.verbs import saving

    column, equals, value = told.column.partition("=")
    if column and not equals:
        raise UsageError(f"--column takes NAME=VALUE, not “{told.column}”.")
    if told.labeler and told.show != "second":
        raise UsageError("--labeler goes with --show second.")
    with opened(told.project) as project:
        classes = {name: number for number, name in project.classes.names().items()}
        if told.label is not None and told.label not in classes:
            raise UsageError(f"The project has no label “{told.label}”; its labels are {', '.join(sorted(classes))}.")
        rows = Filter(
            show=told.show,
            class_id=classes[told.label] if told.label is not None else None,
            split=told.split,
            source=told.source,
            text=told.text,
            column=column,
            value=value,
            disagrees=told.disagrees,
            labeler=told.labeler,
        )
        if told.to is None:
            count = project.items.count(rows)
            out({"rows": count}, f"{count:,} rows.")
            return
        to = told.to
        form = told.format or saving.format_of(to)
        count = saving.save(project, rows, to, form)
        out({"rows": count, "to": str(to), "format": form}, f"{count:,} rows written to “{to}” as {form}.")
