"""The command about what runs trained on: snapshot."""

from __future__ import annotations

from typing import Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_learn, opened
from desktop_llm.paths import expanded


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("snapshot", _snapshot, "tell what runs trained on, compare it with today, write it to a file")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int, nargs="?")
    one.add_argument("--compare", action="store_true", help="with the labeled rows of today")
    one.add_argument("--to", type=expanded, metavar="FILE")
    one.add_argument("--format", help="by the file's ending, if it is not told")


def _snapshot(told: Any, out: Out) -> None:
    from desktop_llm.verbs import saving, snapshots

    if told.run is None and (told.to is not None or told.format is not None):
        raise UsageError("--to writes the rows of one run: name its number before --to; snapshot PROJECT lists them.")
    with opened(told.project) as project:
        must_learn(project)
        numbers = [told.run] if told.run is not None else [run.number for run in reversed(project.runs.all())]
        if not numbers:
            out({}, "There is no run yet; train one.")
        for number in numbers:
            one = snapshots.frozen(project, number)
            rows = ", ".join(f"{count:,} {split}" for split, count in one.counts.items())
            out(
                {"run": number, **one.counts, "sha256": one.sha256, "damage": one.damage},
                f"{number}  {rows}, SHA-256 {one.sha256 or '?'}, {one.damage or 'whole'}",
            )
            if told.compare:
                found = snapshots.compare(project, number)
                counts: dict[str, int] = dict(found.counts.items())
                out({"run": number, "same": found.same, **counts}, f"   {found.same:,} rows are as they were")
                for kind, words in snapshots.KINDS.items():
                    if found.counts.get(kind):
                        out({}, f"   {found.counts[kind]:,} {words}")
        if told.to is not None:
            to = told.to
            form = told.format or saving.format_of(to)
            count = snapshots.save(project, told.run, to, form)
            out({"rows": count, "to": str(to)}, f"{count:,} rows written to “{to}” as {form}.")
