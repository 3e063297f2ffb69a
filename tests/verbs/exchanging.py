"""Two people's copies of one project, what they say, and bundles sent between them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop_llm.rows import Filter, Guideline
from desktop_llm.store.project import Project
from desktop_llm.verbs import bundles
from tests.store.conftest import TASK, insert

PEOPLE = ("Ann", "Ben")


def state_of(project: Project) -> dict[str, Any]:
    """All that copies are to agree on, by text and in names."""
    names = project.classes.names()

    def named(value: Any) -> Any:
        return None if value is None else TASK.labels.to_named(value, names)

    rows = {}
    for item in project.items.page(Filter(), 0, 1000):
        entries = [
            (copy.uid, copy.over, named(value), copy.skipped, copy.labeler, copy.origin, copy.at, copy.active,
             copy.guideline)
            for copy, value in project.joining.events([item.id])
        ]  # fmt: skip
        rows[item.content["text"]] = (named(item.value), item.skipped, sorted(entries, key=str))
    disputed = sorted(item.content["text"] for item in project.items.page(Filter(show="disputed"), 0, 1000))
    second = {
        name: sorted(item.content["text"] for item in project.items.page(Filter(show="second", labeler=name), 0, 1000))
        for name in PEOPLE
    }
    return {
        "rows": rows,
        "disputed": disputed,
        "second": second,
        "classes": {one.name: one.description for one in project.classes.all()},
        "guideline": told_by(project, project.guidelines.get()),
        "versions": project.joining.guidelines(),
    }


def told_by(project: Project, one: Guideline) -> tuple[str, dict[str, str]]:
    """What a version says, by the labels' names."""
    names = project.classes.names()
    return one.text, {names[number]: text for number, text in one.descriptions.items()}


def rewritten(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of a bundle with one part changed."""
    made = path.with_name("changed.dllm")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return made


def exchanged(one: Project, other: Project, folder: Path) -> None:
    """Send both ways until both have all."""
    for place, (sender, receiver) in enumerate(((one, other), (other, one), (one, other))):
        bundles.write(sender, folder / f"sent {place}.dllm")
        bundles.take(receiver, folder / f"sent {place}.dllm")


@contextmanager
def two_copies(folder: Path) -> Iterator[tuple[Project, Project]]:
    """Ann's project and Ben's, made from her bundle."""
    ann = Project.create(folder / "Ann", TASK.name)
    insert(ann, [("first", "yes"), ("second", None), ("third", "no"), ("fourth", None)])
    bundles.write(ann, folder / "for Ben.dllm", labeler="Ann")
    ben = Project.create(folder / "Ben", TASK.name)
    bundles.take(ben, folder / "for Ben.dllm")
    try:
        yield ann, ben
    finally:
        ann.close()
        ben.close()
