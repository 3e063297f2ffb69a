"""Clean a project's rows: steps shown on real rows, then applied to all as one operation; label variants; leaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from desktop_llm.data.cleaning import label_variants, leakage
from desktop_llm.data.cleaning.pipeline import Change, Drop, Progress, plan
from desktop_llm.data.cleaning.preview import Sample, preview
from desktop_llm.data.cleaning.steps import STEPS, ordered
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Edit, Filter, NewLabel
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs.following import Following

if TYPE_CHECKING:
    from desktop_llm.data.cleaning.label_variants import Merger
    from desktop_llm.data.cleaning.leakage import Leak
    from desktop_llm.data.cleaning.step import Row, Step
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

AT_ONCE = 500
PREVIEW_ROWS = 5000
PREVIEW_SECONDS = 2.0
KEPT_FIRST = (Filter(show="labeled"), Filter(show="unlabeled"), Filter(show="skipped"))
"""Of rows that say the same, those with a label stay."""


class Texts:
    """All rows of a project as (id, text), the labeled ones first; may be read as often as wanted."""

    def __init__(self, project: Project) -> None:
        """`project` stays open."""
        self._project = project

    def __iter__(self) -> Iterator[Row]:
        """From the first again."""
        for told in KEPT_FIRST:
            for number, text, _ in self._project.items.texts(told):
                yield number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What steps would do to the first `seen` rows: how many they `changed` and `dropped`, and some of them."""

    samples: tuple[Sample, ...]
    seen: int
    changed: int
    dropped: int


def step_named(name: str) -> Step:
    """A step as it is by default. Raises UserError."""
    for step in STEPS:
        if step.name == name:
            return step
    raise UserError(f"There is no cleaning step “{name}”; the steps are {', '.join(step.name for step in STEPS)}.")


def with_value(step: Step, key: str, text: str) -> Step:
    """The step with another parameter, told as text. Raises UserError."""
    one = next((one for one in fields(step) if one.name == key), None)
    if one is None:
        there = ", ".join(field.name for field in fields(step)) or "none"
        raise UserError(f"The step “{step.name}” has no “{key}”; its settings are: {there}.")
    now = getattr(step, key)
    try:
        value: Any = text
        if isinstance(now, bool):
            value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        elif isinstance(now, int | float):
            value = type(now)(text)
    except (KeyError, ValueError):
        raise UserError(f"“{text}” is no value for {step.name}.{key}, which is {now!r} by default.") from None
    if "minimum" in one.metadata and not one.metadata["minimum"] <= value <= one.metadata["maximum"]:
        low, high = one.metadata["minimum"], one.metadata["maximum"]
        raise UserError(f"{step.name}.{key} lies between {low:,} and {high:,}, not at {value:,}.")
    choices = one.metadata.get("choices")
    if choices is not None and value not in [choice for choice, _ in choices]:
        raise UserError(f"{step.name}.{key} is one of {', '.join(str(choice) for choice, _ in choices)}.")
    return replace(step, **{key: value})


def look(
    project: Project, steps: Sequence[Step], limit: int = 50, should_stop: Callable[[], bool] = lambda: False
) -> Look:
    """What steps would do to the first rows, as many as can be looked at in a moment. Raises Cancelled."""
    rows: list[Row] = []
    until = time.monotonic() + PREVIEW_SECONDS / 2
    for row in islice(Texts(project), PREVIEW_ROWS):
        rows.append(row)
        if len(rows) % AT_ONCE == 0 and (should_stop() or time.monotonic() > until):
            break
    if should_stop():
        raise Cancelled
    structured = task_named(project.task).content[0].structured
    outcomes = list(plan(rows, steps, structured=structured, should_stop=should_stop))
    drops = sum(isinstance(one, Drop) for one in outcomes)
    samples = preview(rows, steps, limit, structured=structured) if outcomes else ()
    return Look(samples=samples, seen=len(rows), changed=len(outcomes) - drops, dropped=drops)


def apply(
    project: Project,
    steps: Sequence[Step],
    *,
    labeler: str = "",
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Do it to all rows, as one operation. Raises UserError or Cancelled, and then nothing has changed."""
    _writable(project)
    if not steps:
        raise UserError("Choose at least one step.")
    chosen, total = ordered(steps), max(1, project.items.counts().total)

    def progress(told: Progress) -> None:
        on_progress(min(1.0, (told.part - 1 + min(1.0, told.rows / total)) / told.parts))

    structured = task_named(project.task).content[0].structured
    outcomes = plan(Texts(project), chosen, structured=structured, should_stop=should_stop, progress=progress)
    edits = Following(project, _edits(project, outcomes))
    outcome = project.operations.apply(
        "clean",
        "Cleaned: " + ", ".join(step.title for step in chosen),
        edits,
        details={"steps": [{"name": step.name, **asdict(step)} for step in chosen], **edits.details},
        labeler=labeler,
        should_stop=should_stop,
    )
    return edits.told(outcome)


def variants(project: Project) -> tuple[Merger, ...]:
    """Labels that are probably one, spelled in several ways, among those that rows have."""
    return label_variants.variants({one.name: one.count for one in project.classes.all() if one.count})


def merge(project: Project, mergers: Sequence[Merger], *, labeler: str = "", **how: Any) -> Outcome:
    """Give all rows of the other spellings the label that is kept, as one operation. See `Operations.apply`.

    The other labels stay in the list, used by no row, so that this can be undone.
    """
    _writable(project)
    if not mergers:
        raise UserError("There are no labels to merge.")
    numbers = {one.name: one.id for one in project.classes.all()}
    names = project.classes.names()
    rules = task_named(project.task).labels
    become = {other: merger.keep for merger in mergers for other in merger.others}
    title = "Merged labels: " + ", ".join(f"{' + '.join(one.others)} → {one.keep}" for one in mergers)

    def edits() -> Iterator[Edit]:
        seen: set[int] = set()
        for other in become:
            for part in project.items.ids(Filter(class_id=numbers[other])):
                for item in project.items.get_many([number for number in part if number not in seen]):
                    named = rules.to_named(item.value, names)
                    if len(rules.names(named)) > 1:
                        seen.add(item.id)  # it may have another of these, too, and is changed once
                    value = rules.to_value(rules.renamed(named, become), numbers)
                    yield Edit(item=item.id, label=NewLabel(value=value))

    return project.operations.apply("merge", title, edits(), labeler=labeler, **how)


def leaks(project: Project, should_stop: Callable[[], bool] = lambda: False) -> tuple[Leak, ...]:
    """Held-out rows that are in train too, or nearly. Raises Cancelled."""

    def rows() -> Iterator[tuple[int, str, str]]:
        for place, row in enumerate(project.items.texts(Filter())):
            if place % AT_ONCE == 0 and should_stop():
                raise Cancelled
            yield row

    return leakage.leaks(rows())


def drop_leaks(project: Project, found: Sequence[Leak], *, labeler: str = "", **how: Any) -> Outcome:
    """Put the training rows that are held out, too, into the bin, as one operation: what measures stays as it is."""
    _writable(project)
    edits = (Edit(item=item, to_bin=True) for item in dict.fromkeys(one.train_id for one in found))
    title = "Training rows that are held out, too, put into the bin"
    return project.operations.apply("leaks", title, edits, labeler=labeler, **how)


def _edits(project: Project, outcomes: Iterable[Change | Drop]) -> Iterator[Edit]:
    """What the steps found, as edits; further fields of a row stay as they are."""
    structured = task_named(project.task).content[0].structured
    waiting = iter(outcomes)
    while part := list(islice(waiting, AT_ONCE)):
        changed = {
            item.id: item for item in project.items.get_many([one.id for one in part if isinstance(one, Change)])
        }
        for one in part:
            if isinstance(one, Drop):
                yield Edit(item=one.id, to_bin=True)
            elif one.id in changed and not (structured and _broken(one.after)):
                content = dict(changed[one.id].content)
                content[next(iter(content))] = one.after
                yield Edit(item=one.id, content=content)


def _broken(text: str) -> bool:
    """Whether a text that was JSON is so no longer."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _writable(project: Project) -> None:
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
