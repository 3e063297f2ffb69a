"""The command that cleans rows: clean."""

from __future__ import annotations

from dataclasses import fields
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, cut_words, opened, visible
from desktop_llm.errors import UserError
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.data.cleaning.step import Step
    from desktop_llm.store.project import Project

SHOWN = 60
"""Characters of a text that a line shows."""


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("clean", _clean, "show what cleaning steps would do to the rows, and do it")
    one.add_argument("project", type=expanded)
    one.add_argument("--list", action="store_true", help="list the steps and their settings")
    one.add_argument("--steps", default="", metavar="NAME,NAME…")
    one.add_argument("--set", action="append", default=[], metavar="STEP.KEY=VALUE")
    one.add_argument("--label-variants", action="store_true", help="labels that are one, spelled in several ways")
    one.add_argument("--leaks", action="store_true", help="held-out rows that are in train, too")
    one.add_argument("--apply", action="store_true", help="do it to all rows; history undoes it")


def _clean(told: Any, out: Out) -> None:

    if told.list:
        _list(out)
        return
    if bool(told.steps) + told.label_variants + told.leaks != 1:
        raise UsageError("Name steps (--steps), --label-variants or --leaks; --list tells the steps.")
    steps = _steps(told)
    with opened(told.project) as project:
        if steps:
            _run_steps(project, steps, out, apply=told.apply)
        elif told.label_variants:
            _merge(project, out, apply=told.apply)
        else:
            _drop_leaks(project, out, apply=told.apply)


def _run_steps(project: Project, steps: list[Step], out: Out, *, apply: bool) -> None:
    from desktop_llm.verbs import cleaning

    if apply:
        outcome = cleaning.apply(project, steps)
        done = {"operation": outcome.operation, "changed": outcome.changed, "cut": outcome.cut}
        out(done, f"{outcome.changed:,} rows cleaned." + cut_words(outcome.cut))
        return
    seen = cleaning.look(project, steps)
    for one in seen.samples:
        before, after = _short(one.before), f"goes: {one.dropped}"
        if not one.dropped:
            before, after = _compared(one.before, one.after)
            after = f"→ {after}"
        out(
            {"row": one.id, "before": one.before, "after": one.after, "dropped": one.dropped, "steps": one.steps},
            f"{one.id}  {before} {after} ({', '.join(one.steps)})",
        )
    words = f"Of the first {seen.seen:,} rows {seen.changed:,} would change, {seen.dropped:,} go; do it with --apply."
    out({"seen": seen.seen, "changed": seen.changed, "dropped": seen.dropped}, words)


def _merge(project: Project, out: Out, *, apply: bool) -> None:
    from desktop_llm.verbs import cleaning

    mergers = cleaning.variants(project)
    for merger in mergers:
        out(
            {"keep": merger.keep, "others": merger.others, "kind": merger.kind},
            f"{', '.join(merger.others)} → {merger.keep} ({merger.kind})",
        )
    if apply and mergers:
        outcome = cleaning.merge(project, mergers)
        out({"changed": outcome.changed}, f"{outcome.changed:,} rows have another label now.")
    else:
        out({"variants": len(mergers)}, f"{len(mergers):,} labels to merge.")


def _drop_leaks(project: Project, out: Out, *, apply: bool) -> None:
    from desktop_llm.verbs import cleaning

    found = cleaning.leaks(project)
    for leak in found:
        out(
            {"row": leak.id, "split": leak.split, "train": leak.train_id, "similarity": leak.similarity},
            f"{leak.id} ({leak.split}) is {leak.similarity:.0%} like {leak.train_id} of train",
        )
    if apply and found:
        outcome = cleaning.drop_leaks(project, found)
        out({"changed": outcome.changed}, f"{outcome.changed:,} training rows were put into the bin.")
    else:
        out({"leaks": len(found)}, f"{len(found):,} held-out rows are in train, too.")


def _list(out: Out) -> None:
    from desktop_llm.data.cleaning.steps import STEPS

    for step in STEPS:
        settings = {one.name: getattr(step, one.name) for one in fields(step)}
        told = "".join(f"\n    {step.name}.{key}={value!r}" for key, value in settings.items())
        out({"step": step.name, "does": step.does, "settings": settings}, f"{step.name}: {step.does}{told}")


def _steps(told: Any) -> list[Step]:
    from desktop_llm.verbs import cleaning

    try:
        steps = {name: cleaning.step_named(name) for name in filter(None, told.steps.split(","))}
        for pair in told.set:
            place, equals, value = pair.partition("=")
            name, dot, key = place.partition(".")
            if not equals or not dot:
                raise UserError(f"--set takes STEP.KEY=VALUE, not “{pair}”.")
            if name not in steps:
                raise UserError(f"The step “{name}” of “{pair}” is not among --steps.")
            steps[name] = cleaning.with_value(steps[name], key, value)
    except UserError as error:
        raise UsageError(error.message) from error
    return list(steps.values())


def _short(text: str) -> str:
    return _part(visible(text), 0)


def _compared(before: str, after: str) -> tuple[str, str]:
    """Two texts from shortly before the place where they part; where only white space parts them, it is seen."""
    spaces = visible(before) == visible(after)
    one, other = visible(before, spaces=spaces), visible(after, spaces=spaces)
    same = sum(1 for _ in takewhile(lambda signs: signs[0] == signs[1], zip(one, other, strict=False)))
    start = max(0, same - SHOWN // 3) if max(len(one), len(other)) > SHOWN else 0
    return _part(one, start), _part(other, start)


def _part(shown: str, start: int) -> str:
    """So much of a text from a place on as a line shows."""
    end = "…" if len(shown) > start + SHOWN else ""
    return f"“{'…' if start else ''}{shown[start : start + SHOWN]}{end}”"
