"""The commands about what was done to many rows: history, which lists, undoes and does again, and empties the bin."""

from __future__ import annotations

from typing import Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, opened
from desktop_llm.paths import expanded


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("history", _history, "list what was done to many rows, undo it or do it again")
    one.add_argument("project", type=expanded)
    what = one.add_mutually_exclusive_group()
    what.add_argument("--undo", type=int, metavar="NUMBER")
    what.add_argument("--redo", type=int, metavar="NUMBER")
    what.add_argument("--empty-bin", action="store_true", help="throw away the rows in the bin, for ever")


def _history(told: Any, out: Out) -> None:
    with opened(told.project) as project:
        if told.undo is None and told.redo is None and not told.empty_bin:
            for one in reversed(project.operations.all()):
                state = ", undone" if one.undone else ", final" if one.final else ""
                by = f" by {one.labeler}" if one.labeler else ""
                out(
                    {
                        "operation": one.id,
                        "kind": one.kind,
                        "title": one.title,
                        "rows": one.count,
                        "undone": one.undone,
                        "final": one.final,
                    },
                    f"{one.id}  {one.at[:16].replace('T', ' ')}{by}: {one.title}, {one.count:,} rows{state}",
                )
            binned = project.bin.count()
            out({"binned": binned}, f"{binned:,} rows lie in the bin.")
            return
        must_be_writable(project)
        if told.empty_bin:
            count = project.bin.empty()
            out({"thrown_away": count}, f"{count:,} rows were thrown away.")
            return
        number = told.undo if told.undo is not None else told.redo
        if number not in {one.id for one in project.operations.all()}:
            raise UsageError(f"There is no operation {number}; history lists them.")
        turn = project.operations.undo if told.undo is not None else project.operations.redo
        outcome = turn(number)
        left = f"; {outcome.left:,} were changed since and stay" if outcome.left else ""
        words = f"{outcome.changed:,} rows changed{left}."
        if not outcome.changed and not outcome.left:
            words = "Done; no row had to change."
        out({"changed": outcome.changed, "left": outcome.left}, words)
