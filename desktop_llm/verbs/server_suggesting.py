"""Suggestions by a model that is served somewhere: rows without a label are sent to it, its answers kept as guesses.

Only when a person asks in that moment. What is sent are the rows' contents, as the model's task reads them; labels,
further columns and names of files stay here. Kept beside the guesses is which model gave them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes, Guess, Item
from desktop_llm.serving.about import SHORT, About
from desktop_llm.serving.address import Address
from desktop_llm.serving.client import Client, stopped_by
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

NOTE = "server_guesses"
ROWS, BYTES = 64, 400_000
"""Rows, and bytes of them, that are sent at once: well below what a server takes."""
LONGEST = 100_000
"""Characters of a row that a server reads."""
NAMED = 3
Progress = Callable[[float, str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of it: which model answered, rows with a guess, rows without one, and whether it was stopped before
    the end. `strange` rows got labels that the project does not have, `unsent` are empty or too long to be asked about.
    """

    about: About
    url: str
    guesses: int
    strange: int = 0
    unsent: int = 0
    stopped: bool = False

    def words(self) -> str:
        """For a person."""
        name = f"“{self.about.name}” ({self.about.digest[:SHORT]})" if self.about.digest else f"“{self.about.name}”"
        told = f"{self.guesses:,} suggestions by {name} on {self.url}; the least certain rows can come first now."
        if self.strange:
            told += f" {self.strange:,} rows got a label that the project does not have, and stay without."
        if self.unsent:
            told += f" {self.unsent:,} rows are empty or too long, and were not sent."
        return f"Stopped; {told}" if self.stopped else told


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a project's labels are called now."""

    labels: Any
    numbers: Mapping[str, int]


def possible(project: Project) -> str:
    """Why a project's rows cannot be suggested so; '' where they can."""
    task = task_named(project.task)
    if task.loop is None:
        why = "nothing is labeled there" if task.unsupervised else "its labels are not classes of whole texts"
        return f"{task.title} takes no suggestions from a server: {why}."
    return ""


def check(project: Project, about: About) -> None:
    """Raise UserError for a model whose answers are no labels of the project."""
    task = task_named(project.task)
    if about.task != task.name:
        raise UserError(f"“{about.name}” does {about.title}, and this project is {task.title}; ask another server.")
    ours = set(project.classes.names().values())
    if about.labels and not ours.intersection(about.labels):
        names = ", ".join(f"“{name}”" for name in about.labels[:NAMED])
        raise UserError(
            f"None of the labels of “{about.name}” ({names} …) is one of the project’s; add them first, or ask another "
            "server."
        )


def suggest(
    project: Project,
    address: Address,
    on_progress: Progress = lambda fraction, words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Asked, Changes]:
    """Ask the server about all rows that wait for a label. What came before it was stopped is kept. Raises UserError,
    and Cancelled where nothing came."""
    wrong = possible(project)
    if wrong:
        raise UserError(wrong)
    with Client(address) as client, stopped_by(client, should_stop):
        about = client.about()
        check(project, about)
        keeping = _Keeping(project)
        stopped = False
        try:
            for rows, done in _batches(project, about.fields, keeping):
                keeping.take(rows, client.predict([_asked(row, about.fields) for row in rows]))
                on_progress(done, f"{keeping.guesses:,}")
        except Cancelled:
            if not keeping.order:
                raise
            stopped = True
        finally:
            changes = keeping.end(about, address)
    asked = Asked(
        about=about,
        url=address.url,
        guesses=keeping.guesses,
        strange=keeping.strange,
        unsent=keeping.unsent,
        stopped=stopped,
    )
    return asked, changes


def last(project: Project) -> dict[str, Any]:
    """Which server gave suggestions last: `name`, `digest`, `url`, `at`, `guesses`; empty where none did."""
    told = project.notes.get(NOTE, default={})
    return dict(told) if isinstance(told, dict) else {}


class _Keeping:
    """Writes what comes; the guesses of before go when the first answers are there."""

    def __init__(self, project: Project) -> None:
        self._project = project
        numbers = {name: number for number, name in project.classes.names().items()}
        self._rules = _Rules(task_named(project.task).labels, numbers)
        self.order: list[tuple[float, int]] = []
        self.guesses = self.strange = self.unsent = 0

    def take(self, rows: Sequence[Item], answers: Sequence[Prediction]) -> None:
        """Answers to rows."""
        if not self.order:
            self._project.suggestions.clear()
        made = []
        for row, answer in zip(rows, answers, strict=True):
            guess = _guess(row.id, answer, self._rules)
            self.order.append((answer.uncertainty if guess is not None else 1.0, row.id))
            if guess is None:
                self.strange += 1
            else:
                made.append(guess)
        self.guesses += len(made)
        self._project.suggestions.write(made)

    def end(self, about: About, address: Address) -> Changes:
        """Order the rows by what the model knows least about, and keep who it was."""
        if not self.order:
            return Changes()
        told = {"name": about.name, "digest": about.digest, "url": address.url, "guesses": self.guesses}
        self._project.notes.put(NOTE, {**told, "at": datetime.now().isoformat(timespec="seconds")})
        still = set(self._project.suggestions.waiting())
        ordered = sorted(self.order, key=lambda one: (-one[0], one[1]))
        changes = self._project.suggestions.order([item for _, item in ordered if item in still])
        self._project.suggestions.settle()
        return changes


def _guess(item: int, answer: Prediction, rules: _Rules) -> Guess | None:
    """The answer in the project's labels; None where it is none of them."""
    try:
        named = rules.labels.parse(answer.label)
        if named is None:
            return None
        value = rules.labels.to_value(named, rules.numbers)
    except UserError:
        return None
    top = tuple((rules.numbers[name], chance) for name, chance in answer.top if name in rules.numbers)
    return Guess(item=item, value=value, probability=answer.probability, uncertainty=answer.uncertainty, top=top)


def _batches(project: Project, fields: Sequence[str], keeping: _Keeping) -> Iterator[tuple[list[Item], float]]:
    """The rows that wait for a label, as many as are sent at once, and the share that is done with them."""
    waiting = project.suggestions.waiting()
    rows: list[Item] = []
    size = 0
    for start in range(0, len(waiting), ROWS):
        for row in project.items.get_many(waiting[start : start + ROWS]):
            if not _fit(row, fields):
                keeping.unsent += 1
                continue
            own = len(json.dumps(_asked(row, fields)))
            if rows and (len(rows) == ROWS or size + own > BYTES):
                yield rows, start / len(waiting)
                rows, size = [], 0
            rows.append(row)
            size += own
    if rows:
        yield rows, 1.0


def _fit(row: Item, fields: Sequence[str]) -> bool:
    told = _asked(row, fields)
    if not all(text.strip() for text in told.values()) or sum(map(len, told.values())) > LONGEST:
        return False
    try:
        "".join(told.values()).encode()
    except UnicodeEncodeError:
        return False
    return True


def _asked(row: Item, fields: Sequence[str]) -> dict[str, str]:
    return {name: str(row.content.get(name, "")) for name in fields}
