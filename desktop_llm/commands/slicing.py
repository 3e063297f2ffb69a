"""The command that tells how a run fares on parts of the rows: slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, must_learn, opened, usage
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.slice_limits import SliceLimits
    from desktop_llm.verbs.slicing import Sliced


def declare(verb: Declare) -> None:
    """The parser."""
    one = verb("slices", _slices, "how a run fares on parts of the rows, and a floor below which none is exported")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    one.add_argument("--by", action="append", default=[], metavar="COLUMN|length|file|language|label")
    one.add_argument("--on", default="test", metavar="SPLIT|FILTER|FILE", help="what the run was measured on")
    one.add_argument("--against", type=int, metavar="RUN", help="is the worst slice better than in this run?")
    words = "a limit for each slice that finds as much of a label everywhere; by itself of the label told most unlike"
    one.add_argument("--limits", nargs="?", const="", metavar="LABEL", help=words)
    one.add_argument("--to", type=expanded, metavar="FILE.md", help="write a report")
    rule = one.add_mutually_exclusive_group()
    words = "refuse exports of runs whose worst slice by the first --by is below this, 0.8 for 80 %%"
    rule.add_argument("--floor", type=float, metavar="VALUE", help=words)
    rule.add_argument("--no-floor", action="store_true", help="take that rule back")


def _slices(told: Any, out: Out) -> None:
    from desktop_llm.verbs import comparing, evaluating, floors, slice_report, slicing
    from desktop_llm.verbs.floors import Floor

    if told.floor is not None and not told.by:
        raise UsageError("--floor needs --by: what the rows are to be sliced by.")
    if told.limits is not None and slicing.LABEL in told.by:
        raise UsageError("--limits goes with --by anything but label: there one slice alone has a label.")
    with opened(told.project) as project:
        must_learn(project)
        on = evaluating.what(project, told.on)
        by = told.by or list(slicing.choices(project))
        _check(project, by)
        if told.floor is not None or told.no_floor:
            must_be_writable(project)
            with usage():
                floors.put(project, None if told.no_floor else Floor(by=by[0], value=told.floor))
        if told.against is not None:
            comparing.must_have(project, told.against, on)
        every: dict[str, Sliced] = {}
        for one in by:
            found = every[one] = slicing.of(project, told.run, on, one)
            out(_as_json(found), _in_words(found))
            if told.against is not None:
                _against(project, told.against, one, found, out)
        floor = floors.of(project)
        if floor is not None:
            wrong = floors.broken(slicing.of(project, told.run, on, floor.by), floor)
            words = (
                f"The floor holds: by {floor.by}, {floor.value:g}." if not wrong else f"The floor is broken: {wrong}"
            )
            out({"floor": floor.value, "by": floor.by, "holds": not wrong}, words)
        if told.to is not None:
            to = told.to
            slice_report.write(project, told.run, on, by, to)
            out({"report": str(to)}, f"Written to “{to}”")
        # last: they need each row's chances, which old measurements do not have
        for one in () if told.limits is None else [one for one in every if one != slicing.LABEL]:
            _limits(project, told.limits, one, every[one], out)


def _against(project: Project, other: int, by: str, found: Sliced, out: Out) -> None:
    """Whether the worst slice is better than in another run."""
    from desktop_llm.verbs import slicing

    name = None if found.worst is None else found.worst.name
    words = f"By {found.by} there is no worst slice that could be compared with run {other}."
    if name is not None:
        words = slicing.against(project, found.run, other, found.on, by, name)
    out({"by": found.by, "slice": name, "against": other, "verdict": words}, words)


def _limits(project: Project, wanted: str, by: str, found: Sliced, out: Out) -> None:
    """A limit for each slice; of the label that is told most unlike where none is `wanted`."""
    from desktop_llm.verbs import slice_limits

    label = wanted or slice_limits.most_unlike(found.gaps)
    if not label:
        words = slice_limits.nothing(found.by)
        out({"by": found.by, "label": None, "verdict": words}, words)
        return
    told = slice_limits.of(project, found.run, found.on, by, label)
    lines = [told.words]
    for one in told.told.sides:
        before, after = slice_limits.found_words(one)
        wrong = " → ".join(slice_limits.wrongly_words(one))
        limit = slice_limits.limit_words(one)
        lines.append(
            f"   {one.name}: limit {limit}, found {before} → {after} of {one.there:,} rows, wrongly told {wrong}"
        )
    out(_limits_as_json(told), "\n".join([*lines, *told.remarks]))


def _limits_as_json(told: SliceLimits) -> dict[str, Any]:
    found = told.told
    return {
        "run": told.run,
        "by": told.by,
        "label": told.label,
        "goal": found.goal,
        "apart": _known(*found.apart),
        "nearer": _known(found.gain.low, found.gain.high),
        "chance": found.chance,
        "helps": found.helps,
        "precision": list(found.precision),
        "f1": list(found.f1),
        "slices": [
            {
                "name": one.name,
                "rows": one.there,
                "limit": _known(one.limit)[0],
                "found": _known(*one.found),
                "wrongly_told": _known(*one.wrongly),
            }
            for one in found.sides
        ],
        "verdict": told.words,
    }


def _known(*values: float) -> list[float | None]:
    return [None if math.isnan(one) else one for one in values]


def _check(project: Project, by: list[str]) -> None:
    from desktop_llm.verbs import slicing

    there = slicing.choices(project)
    for one in by:
        if one not in there:
            raise UsageError(f"The rows cannot be sliced by “{one}”; choose one of {', '.join(there)}.")


def _as_json(told: Sliced) -> dict[str, Any]:
    name = told.metric.name
    return {
        "run": told.run,
        "by": told.by,
        "metric": name,
        "worst": None if told.worst is None else told.worst.name,
        "more_than_chance": told.clear,
        "slices": [
            {
                "name": one.name,
                "rows": len(one),
                name: one.figures[name].value,
                "interval": [one.figures[name].low, one.figures[name].high],
                "rest": one.rest,
            }
            for one in told.slices
        ],
        "demographic_parity_difference": _largest([one.parity for one in told.gaps]),
        "equalized_odds_difference": _largest([one.odds for one in told.gaps]),
    }


def _largest(values: Sequence[float]) -> float | None:
    return max((one for one in values if not math.isnan(one)), default=None)


def _in_words(told: Sliced) -> str:
    from desktop_llm.verbs.comparing import amount

    lines = [told.words]
    for one in told.slices:
        value = one.figures[told.metric.name]
        limits = f" ({amount(value.low, told.metric)} to {amount(value.high, told.metric)})" if value.sure else ""
        rows = "1 row" if len(one) == 1 else f"{len(one):,} rows"
        lines.append(f"   {one.name}: {amount(value.value, told.metric)}{limits}, {rows}")
    return "\n".join([*lines, *([told.gap_words] if told.gaps else [])])
