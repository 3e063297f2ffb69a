"""The command that deals rows out to training, validation and test: split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, opened
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.verbs.splitting import Dealt


def declare(verb: Declare) -> None:
    """The parsers."""
    from desktop_llm.data.splits import METHODS

    one = verb("split", _split, "show how the labeled rows are dealt out to train, validation and test, or do it")
    one.add_argument("project", type=expanded)
    one.add_argument("--method", choices=tuple(METHODS))
    one.add_argument("--validation", type=float, metavar="SHARE")
    one.add_argument("--test", type=float, metavar="SHARE")
    one.add_argument("--seed", type=int)
    one.add_argument("--column", help="which holds the groups or times")
    one.add_argument("--again", action="store_true", help="as if no row had a split yet")
    one.add_argument("--apply", action="store_true", help="do it, and keep the rule for later rows; history undoes it")


def _split(told: Any, out: Out) -> None:
    from desktop_llm.verbs import splitting

    with opened(told.project) as project:
        given = {name: getattr(told, name) for name in ("method", "validation", "test", "seed", "column")}
        rule = replace(splitting.rule(project), **{name: value for name, value in given.items() if value is not None})
        if told.apply:
            outcome = splitting.apply(project, rule, again=told.again)
            out({"operation": outcome.operation, "changed": outcome.changed}, f"{outcome.changed:,} rows dealt out.")
        _tell(splitting.deal(project, rule, again=told.again and not told.apply), out)


def _tell(dealt: Dealt, out: Out) -> None:
    for stratum, counts in sorted(dealt.counts.items()):
        told = {name: counts.get(name, 0) for name in ("train", "validation", "test")}
        out({"label": stratum, **told}, f"{stratum}: " + ", ".join(f"{count:,} {name}" for name, count in told.items()))
