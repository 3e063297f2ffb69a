"""Two models that write, side by side without their names: who wins, by verdicts on held-out prompts."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.data.writers import writing
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.evidence.wins import Wins
from desktop_llm.jobs import generation, provenance
from desktop_llm.jobs.generation import Sampling
from desktop_llm.rows import Changes, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.store.verdicts import Duel, Verdict
from desktop_llm.tasks import task as task_named

HELD_OUT = ("test", "validation")
SOURCE = "Judged blind"
LETTERS: Mapping[str, str] = {"first": "a", "second": "b", "tie": "tie"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two models, by the hashes of their weights in order; `turned`: the one that was named first is the second here.

    `waiting` are answers to be judged, `prompts` the ids of held-out rows that nobody has answered yet, in the order in
    which they come; `wins` is of the one that was named first.
    """

    pair: tuple[str, str]
    turned: bool
    waiting: tuple[Duel, ...]
    prompts: tuple[int, ...]
    wins: Wins

    @property
    def total(self) -> int:
        """How many prompts there are in all."""
        return self.wins.judged + len(self.waiting) + len(self.prompts)


def match(project: Project, folders: Sequence[Path]) -> Match:
    """How two models stand, by their folders. Raises UserError where they are the same, or nothing is held out."""
    hashes = [_hash(folder) for folder in folders]
    if hashes[0] == hashes[1]:
        raise UserError("Both models have the same weights; choose another one beside it.")
    pair = (min(hashes), max(hashes))
    done = project.verdicts.decided(pair)
    waiting = project.verdicts.waiting(pair)
    seen = {one.item for one in (*done, *waiting)}
    prompts = [item for item in _held_out(project) if item not in seen]
    random.Random("".join(pair)).shuffle(prompts)
    if not (prompts or waiting or done):
        raise UserError("No row with a prompt is held out; under Data → Splits some can be.")
    turned = hashes[0] != pair[0]
    return Match(
        pair=pair, turned=turned, waiting=tuple(waiting), prompts=tuple(prompts), wins=_wins(project, pair, turned)
    )


def standing(project: Project, told: Match) -> Wins:
    """The verdicts by now, as seen from the model that was named first."""
    return _wins(project, told.pair, told.turned)


def asked(project: Project, item: int) -> tuple[dict[str, str], list[Mapping[str, Any]]] | None:
    """A row's content and what it asks, as messages; None where it is gone, or asks nothing."""
    row, asks = project.items.get(item), task_named(project.task).asks
    told = asks(row.content) if row is not None and asks is not None else None
    return (dict(row.content), list(told)) if row is not None and told else None


def put(project: Project, told: Match, item: int, answers: Sequence[str], sampling: Sampling) -> Duel:
    """Keep what both models answered, the one named first first; which stands at the left is drawn. Raises UserError.

    Where both have written the same there is nothing to judge: it is a tie.
    """
    first, second = (answers[1], answers[0]) if told.turned else (answers[0], answers[1])
    duel = project.verdicts.put(
        told.pair, item, (first, second), turned=bool(secrets.randbelow(2)), sampling=generation.to_json(sampling)
    )
    if first.strip() == second.strip():
        project.verdicts.decide(duel.id, "tie")
    return duel


def left_and_right(duel: Duel) -> tuple[str, str]:
    """The answers as they stand side by side."""
    return (duel.second, duel.first) if duel.turned else (duel.first, duel.second)


def judge(project: Project, duel: Duel, side: str, labeler: str = "") -> None:
    """Give a verdict: “left” or “right” is better, or “tie”. Raises UserError."""
    better: Verdict = "tie"
    if side != "tie":
        better = "second" if (side == "left") == duel.turned else "first"
    project.verdicts.decide(duel.id, better, labeler)


def take_back(project: Project, told: Match) -> Duel | None:
    """Take the last verdict back; its answers, to be judged anew, or None where there is none. Raises UserError."""
    done = project.verdicts.decided(told.pair)
    if not done:
        return None
    project.verdicts.decide(done[-1].id, None)
    return done[-1]


def into_rows(project: Project, told: Match) -> tuple[int, Changes]:
    """Make rows of all verdicts, where the project's rows are pairs of answers; how many are new. Raises UserError."""
    task = task_named(project.task)
    if task.compared is None:
        raise UserError("Rows of this project are no pairs of answers; save the verdicts as a file instead.")
    items = []
    for duel, content, _ in _judged(project, told):
        row, label = task.compared(content, duel.first, duel.second, LETTERS[duel.verdict])
        items.append(NewItem(content=row, label=label))
    if not items:
        raise UserError("Nothing has been judged yet.")
    made = project.items.insert(SOURCE, items, to_value=task.labels.to_value, class_names=task.labels.names)
    return made.imported, made.changes


def save(project: Project, told: Match, path: Path) -> int:
    """Write the verdicts, but for ties, as prompt, chosen and rejected in JSON lines; how many. Raises UserError."""
    cells = []
    for duel, _, messages in _judged(project, told):
        if duel.verdict != "tie":
            both = (duel.first, duel.second) if duel.verdict == "first" else (duel.second, duel.first)
            cells.append(_cells(messages, *both))
    if not cells:
        raise UserError("There is no verdict yet that says which answer is better.")
    return writing.write(path, cells, "preference")


def _cells(asked_: Sequence[Mapping[str, Any]], chosen: str, rejected: str) -> dict[str, Any]:
    if len(asked_) == 1 and asked_[0].get("role") == "user" and isinstance(asked_[0].get("content"), str):
        return {"prompt": asked_[0]["content"], "chosen": chosen, "rejected": rejected}
    answers = {name: [{"role": "assistant", "content": text}] for name, text in (("c", chosen), ("r", rejected))}
    return {"prompt": [dict(one) for one in asked_], "chosen": answers["c"], "rejected": answers["r"]}


def _judged(project: Project, told: Match) -> Iterator[tuple[Duel, dict[str, str], list[Mapping[str, Any]]]]:
    """Verdicts whose row is still there, with what it asks."""
    for duel in project.verdicts.decided(told.pair):
        found = asked(project, duel.item)
        if found is not None:
            yield duel, *found


def _held_out(project: Project) -> Iterator[int]:
    """Rows that ask something, the tested ones first."""
    asks = task_named(project.task).asks
    for split in HELD_OUT if asks is not None else ():
        for numbers in project.items.ids(Filter(split=split)):
            for row in project.items.get_many(numbers):
                if asks is not None and asks(row.content):
                    yield row.id


def _wins(project: Project, pair: tuple[str, str], turned: bool) -> Wins:
    counts = project.verdicts.counts(pair)
    told = Wins(first=counts.get("first", 0), second=counts.get("second", 0), ties=counts.get("tie", 0))
    return told.turned if turned else told


def _hash(folder: Path) -> str:
    try:
        told = provenance.weights(folder)
    except OSError as error:
        raise from_os_error(error, "read the weights in", folder) from error
    if not told:
        raise UserError(f"The model in “{folder}” is gone; choose another one.")
    return told
