"""Labels that a training run never came to believe: the second source of what is to be looked at again.

What a run has kept in `dynamics/` speaks of the labels as they were frozen for it; rows whose label has changed since
are passed over.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_llm import atomic
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.loop.dynamics import Summary
from desktop_llm.rows import Guess
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import loop_rows, naming
from desktop_llm.verbs.loop_results import Doubt, Mistakes

if TYPE_CHECKING:
    from desktop_llm.rows import Item
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Labels, Loop

FILE = "summary.safetensors"
SHARE, LEAST = 0.05, 50
"""How many labels are to be looked at: a twentieth, or those that are likely mistakes where they are more."""
LEAST_SEEN = 2
"""Epochs in which a text must have been seen: the first one says little of it."""
AT_ONCE = 500


def newest(project: Project) -> int | None:
    """The newest run that has kept how its training texts were judged; None where the task's labels are no classes."""
    if task_named(project.task).loop is None:
        return None
    folders = ((run.number, project.runs.folder(run.number).dynamics) for run in project.runs.all())
    return next((number for number, folder in folders if (folder / "summary" / FILE).is_file()), None)


def find(project: Project, number: int) -> Mistakes:
    """The labels that run `number` believed least while it learned, the most doubtful first. Raises UserError."""
    rules = loop_rows.loop_of(project)
    told = read(project, number)
    enough = told.seen >= min(LEAST_SEEN, int(told.seen.max(initial=0)))
    likely = enough & (told.confidence < told.against_sure)
    order = np.argsort(np.where(enough, told.confidence, 2.0), kind="stable")
    front = max(int(likely.sum()), LEAST, round(SHARE * len(told.item)))
    frozen = _frozen(project, number, {int(item) for item in told.item[order[: 2 * front]]})
    ids = {name: class_id for class_id, name in naming.run_names(project, number).items()}
    asked = _Asking(task_named(project.task).labels, rules, ids, tuple(project.runs.schema(number).get("classes", ())))
    checked = set(project.doubts.marked("checked"))
    found: list[tuple[Doubt, Guess]] = []
    for start in range(0, min(2 * front, len(order)), AT_ONCE):
        part = order[start : min(start + AT_ONCE, 2 * front)].tolist()
        there = {item.id: item for item in project.items.get_many([int(told.item[place]) for place in part])}
        for place in part:
            item = there.get(int(told.item[place]))
            if item is not None and item.id not in checked and item.id in frozen:
                pair = asked.about(item, frozen[item.id], told, place)
                found += [pair] if pair is not None else []
    return Mistakes(
        labels=len(told.item),
        likely=int(likely.sum()),
        doubts=tuple(doubt for doubt, _ in found[:front]),
        guesses=tuple(guess for _, guess in found[:front]),
        run=number,
    )


def read(project: Project, number: int) -> Summary:
    """What run `number` has kept. Raises UserError where there is nothing, or it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = project.runs.folder(number).dynamics / "summary"
    if not (folder / FILE).is_file():
        raise UserError(f"Run {number} has not kept how its training texts were judged; train again and let it end.")
    wrong = atomic.damage(folder)
    try:
        if wrong:
            raise ValueError(wrong)
        arrays = load_file(folder / FILE)
        return Summary(**{one.name: arrays[one.name] for one in fields(Summary)})
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(f"How run {number} judged its training texts is damaged ({error}); train again.") from error


def _frozen(project: Project, number: int, wanted: set[int]) -> dict[int, Any]:
    """The labels, in the names of that day, that rows had when the run was made."""
    rows = snapshot.rows(project.runs.folder(number).snapshot, "train")
    return {row["id"]: row["label"] for row in rows if row["id"] in wanted}


class _Asking:
    """Makes of a row what is asked about it."""

    def __init__(self, labels: Labels, rules: Loop, ids: dict[str, int], classes: tuple[str, ...]) -> None:
        """`classes` are the run's own, in the order of its outputs, `ids` their numbers in the project."""
        self._labels, self._rules, self._ids, self._classes = labels, rules, ids, classes
        self._names = {number: name for name, number in ids.items()}

    def about(self, item: Item, frozen: Any, told: Summary, place: int) -> tuple[Doubt, Guess] | None:
        """None where the row's label is another one by now, or a class is gone."""
        against = int(told.against[place])
        try:
            value = self._labels.to_value(frozen, self._ids)
            if value != item.value or against >= len(self._classes):
                return None
            own, other = self._labels.names(frozen), self._classes[against]
            better = tuple(sorted({*own} ^ {other})) if self._rules.many else (other,)
            guess = self._labels.to_value(self._rules.named(better), self._ids)
        except UserError:  # of a class that is gone
            return None
        sure, chance = float(told.confidence[place]), float(told.against_sure[place])
        chances = {name: sure for name in own} if not self._rules.many else {}
        if not self._rules.many or other not in own:
            chances[other] = chance
        top = sorted(((self._ids[name], one) for name, one in chances.items()), key=lambda pair: -pair[1])
        doubt = Doubt(
            item=item.id, text=loop_rows.text_of(item.content), label=", ".join(own), instead=other, sure=sure
        )
        return doubt, Guess(
            item=item.id, value=guess, probability=chance, uncertainty=min(1.0, max(0.0, 1.0 - sure)), top=tuple(top)
        )
