"""Whatever two people do and whenever they send it, their copies come to say the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_llm.data.bundle import ENDING
from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import bundles
from tests.store.conftest import TASK, insert
from tests.verbs.exchanging import PEOPLE, state_of

NAMES = ("yes", "no", "perhaps", "never", "soon")
TEXTS = 4


def _act(project: Project, who: str, step: tuple[str, int, int]) -> None:
    what, place, value = step
    row = project.items.page(Filter(), 0, 100)[place % project.items.counts().total]
    classes = [one.id for one in project.classes.all()]
    chosen = classes[value % len(classes)]
    acts: dict[str, Callable[[], object]] = {
        "set": lambda: project.labels.set(row.id, chosen, who),
        "answer": lambda: project.labels.answer(row.id, chosen, who),
        "decide": lambda: project.labels.decide(row.id, chosen, who),
        "skip": lambda: project.labels.skip(row.id, who),
        "clear": lambda: project.labels.clear(row.id, who),
        "write": lambda: _write(project, row.id, chosen, who),
        "undo": project.labels.undo,
        "redo": project.labels.redo,
        "rename": lambda: project.classes.rename(chosen, NAMES[place % len(NAMES)]),
        "class": lambda: project.classes.add(NAMES[place % len(NAMES)]),
        "guide": lambda: project.guidelines.write(f"Rule {value}.", who),
        "describe": lambda: project.guidelines.describe(chosen, ("", "As it says.", "And so on.")[place % 3], who),
        "add": lambda: insert(project, [(f"text {value} of {who}", None)]),
        "bulk": lambda: _bulk(project, row.id, chosen, who),
    }
    try:
        acts[what]()
    except UserError:
        assert what in ("rename", "class", "answer")  # the name was taken, or nobody else has labeled the row


def _write(project: Project, item: int, chosen: int, who: str) -> None:
    """What a hand does that rests and goes on: it writes over its own last entry, if it still may."""
    entries = [copy.uid for copy, _ in project.joining.events([item])]
    project.labels.keep(item, chosen, who, again=entries[-1] if entries else "")


def _bulk(project: Project, item: int, chosen: int, who: str) -> None:
    from desktop_llm.rows import NewLabel

    told = project.operations.apply("label", "Label", [Edit(item=item, label=NewLabel(value=chosen))], labeler=who)
    if told.changed and chosen % 2:
        project.operations.undo(told.operation)


ACTS = [
    "set",
    "set",
    "answer",
    "answer",
    "decide",
    "skip",
    "clear",
    "undo",
    "redo",
    "rename",
    "rename",
    "class",
    "add",
    "bulk",
]
ACTS += ["write", "write", "write", "guide", "guide", "describe", "describe"]
steps = st.tuples(
    st.sampled_from(PEOPLE),
    st.one_of(
        st.tuples(
            st.sampled_from(ACTS),
            st.integers(0, TEXTS),
            st.integers(0, 2),
        ),
        st.tuples(st.just("send"), st.just(0), st.just(0)),
    ),
)


def _exchange(sender: Project, receiver: Project, folder: Path) -> None:
    file = folder / f"{len(list(folder.iterdir()))}{ENDING}"
    bundles.write(sender, file)
    bundles.take(receiver, file)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=14), st.booleans())
def test_in_whatever_order_copies_come_to_say_the_same(told: list[Any], ann_first: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = Project.create(folder / "Ann", TASK.name)
        insert(made, [(f"text number {place}", ("yes", "no", None, None)[place]) for place in range(TEXTS)])
        made.people.set_share(0.6)
        made.close()
        shutil.copytree(folder / "Ann", folder / "Ben")
        (folder / "sent").mkdir()
        copies = {who: Project.open(folder / who) for who in PEOPLE}
        try:
            for who, step in told:
                if step[0] == "send":
                    other = PEOPLE[who == "Ann"]
                    _exchange(copies[who], copies[other], folder / "sent")
                else:
                    _act(copies[who], who, step)
            order = PEOPLE if ann_first else PEOPLE[::-1]
            _exchange(copies[order[0]], copies[order[1]], folder / "sent")
            _exchange(copies[order[1]], copies[order[0]], folder / "sent")
            assert state_of(copies["Ann"]) == state_of(copies["Ben"])
            before = state_of(copies["Ann"])
            for file in sorted((folder / "sent").iterdir()):  # old ones and all of them again
                bundles.take(copies["Ann"], file)
            assert state_of(copies["Ann"]) == before
            assert copies["Ann"].check() == []
        finally:
            for copy in copies.values():
                copy.close()
