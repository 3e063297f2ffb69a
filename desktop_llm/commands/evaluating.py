"""The commands that tell what a run is worth: evaluate, compare."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_learn, opened
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_llm.evidence.intervals import Interval


def declare(verb: Declare) -> None:
    """The parsers."""
    what = "a split, a filter that the project keeps (by name), or a file of labeled rows"
    one = verb("evaluate", _evaluate, "measure a run")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    where = one.add_mutually_exclusive_group()
    where.add_argument("--split", choices=("train", "validation", "test"))
    where.add_argument("--on", metavar="SPLIT|FILTER|FILE", help=what)
    one = verb("compare", _compare, "whether runs differ by more than chance, on the same rows")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int, nargs="+", help="the runs; the others are compared with the first")
    one.add_argument("--on", default="test", metavar="SPLIT|FILTER|FILE", help=what)


def _evaluate(told: Any, out: Out) -> None:
    from desktop_llm.engine import worker
    from desktop_llm.verbs import earlier, evaluating

    worker.offline()
    with opened(told.project) as project:
        must_learn(project)
        on = told.on or told.split or "test"
        measured = evaluating.evaluate(project, told.run, on)
        metrics = dict(measured.scores.metrics)
        words = [f"{name} {value:.4f}{_limits(measured.intervals.get(name))}" for name, value in metrics.items()]
        before = earlier.of(project, told.run)
        words += [] if before is None else [before.words(told.run)]
        if measured.left_out:
            words.append(f"{measured.left_out:,} texts without a label that the run has learned are left out")
        if measured.learned:
            words.append(f"{measured.learned:,} of these texts are among those that it learned from")
        out(
            {
                "run": told.run,
                "split": on,
                "left_out": measured.left_out,
                "rows": len(measured.outcomes),
                "learned": measured.learned,
                "metrics": metrics,
                "intervals": _pairs(measured.intervals),
            },
            "\n".join(words),
        )


def _compare(told: Any, out: Out) -> None:
    from desktop_llm.verbs import comparing

    if len(set(told.run)) != len(told.run) or len(told.run) < 2:
        raise UsageError("Name two runs or more, each once.")
    with opened(told.project) as project:
        must_learn(project)
        on = comparing.what(project, told.on)
        first, *others = told.run
        for number in others:
            one = comparing.between(project, first, number, on)
            out(
                {
                    "runs": [first, number],
                    "on": told.on,
                    "rows": one.rows,
                    "differences": {name: interval.value for name, interval in one.figures.items()},
                    "intervals": _pairs(one.figures),
                    "distinguishable": one.distinguishable,
                    "mcnemar": None if math.isnan(one.chance) else one.chance,
                    "only_first_right": len(one.better),
                    "only_second_right": len(one.worse),
                },
                "\n".join([one.words, *(f"   {line}" for line in one.lines)]),
            )


def _limits(one: Interval | None) -> str:
    return f" ({one.low:.4f}-{one.high:.4f})" if one is not None and one.sure else ""


def _pairs(told: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: [one.low, one.high] for name, one in told.items() if one.sure}
