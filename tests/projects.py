"""Small real projects of two topics, one of them trained, and the settings that train a tiny model on them.

Loaded by conftest.py for its fixture.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.jobs import board as boards
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.rows import NewItem
from desktop_llm.store import schema
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import compressing, headless, training
from tests import run_folders

TASK = run_folders.TASK


def make(path: Path, *, called: Mapping[str, str] | None = None, waiting: Iterable[str] = ()) -> Path:
    """A closed project of 104 labelled rows whose splits are fixed: 80 to train on, 12 and 12 to measure on.

    `called` gives labels other names; texts in `waiting` have none.
    """
    labels, names = TASKS[TASK].labels, called or {}
    project = Project.create(path, TASK)
    try:
        for split, rows in (
            ("train", run_folders.rows(80)),
            ("validation", run_folders.rows(12, seed=1)),
            ("test", run_folders.rows(12, seed=2)),
        ):
            items = [
                NewItem(content={"text": row["text"]}, label=names.get(row["label"], row["label"]), split=split)
                for row in rows
            ]
            project.items.insert(f"{split}.csv", items, to_value=labels.to_value, class_names=labels.names)
        items = [NewItem(content={"text": text}, label=None) for text in waiting]
        project.items.insert("waiting.csv", items, to_value=labels.to_value, class_names=labels.names)
    finally:
        project.close()
    return path


def train(path: Path) -> Path:
    """Give a closed project a finished run of a tiny model."""
    project = Project.open(path)
    try:
        number, _ = training.prepare(project, recipes.changed(TASKS[TASK].recipe, run_folders.TINY))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    finally:
        project.close()
    return path


def settings(**values: Any) -> list[str]:
    """`--set` words for a tiny recipe with `values`; without sizes for a start from a `model`, which has its own."""
    told = {**run_folders.TINY, **values}
    if "model" in values:
        told = {key: value for key, value in told.items() if key not in run_folders.SIZES}
    return [word for key, value in told.items() for word in ("--set", f"{key}={value}")]


def item(text: str, label: str | None = None) -> NewItem:
    """A row to insert."""
    return NewItem(content={"text": text}, label=label)


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...] = ("text", "label")) -> Path:
    """The rows as a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[column] for column in columns] for row in rows)
    return path


def counts(path: Path) -> tuple[int, int]:
    """How many rows and labels a project has, once it was found whole and free to be written."""
    project = Project.open(path)
    try:
        assert not project.read_only
        assert project.check() == []
        told = project.items.counts()
        return told.total, told.labeled
    finally:
        project.close()


class Tables:
    """The empty tables of a project: made by all migrations once, then copied, which takes a tenth of the time."""

    def __init__(self) -> None:
        """Takes the place of the migrations where a file has no tables yet."""
        self._migrate, self._made = schema.migrate, dict[int, sqlite3.Connection]()
        self._turns = threading.Lock()

    def __call__(self, connection: sqlite3.Connection) -> None:
        """As `schema.migrate`."""
        if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None:
            self._migrate(connection)
            return
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        with self._turns:
            if size in self._made:
                self._made[size].backup(connection)
                return
            self._migrate(connection)
            self._made[size] = sqlite3.connect(":memory:", check_same_thread=False)
            connection.backup(self._made[size])

    def close(self) -> None:
        """Let go of them."""
        for one in self._made.values():
            one.close()


@pytest.fixture(scope="session", autouse=True)
def _tables() -> Iterator[None]:
    made = Tables()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "migrate", made)
        yield
    made.close()


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished run; only copied, never used."""
    return train(make(tmp_path_factory.mktemp("trained") / "Tickets"))


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> Path:
    """The folder of a project with 104 labelled rows and one finished run, number 1."""
    return shutil.copytree(_trained, tmp_path / "Tickets")


@pytest.fixture(scope="session")
def _measured(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, whose run was measured in its smaller forms: to make these takes ten times as long as to train."""
    path = shutil.copytree(_trained, tmp_path_factory.mktemp("measured") / "Tickets")
    project = Project.open(path)
    try:
        compressing.measure(project, 1, rows=4)
    finally:
        project.close()
    return path


@pytest.fixture
def measured(_measured: Path, tmp_path: Path) -> Path:
    """The folder of a project as `trained`, and what its run takes in each of its forms."""
    return shutil.copytree(_measured, tmp_path / "Tickets")


@pytest.fixture
def formed(measured: Path) -> Path:
    """The same; nothing was measured, but the forms are there."""
    (RunFolder(measured / "runs" / "0001").path / boards.NAME).unlink()
    return measured
