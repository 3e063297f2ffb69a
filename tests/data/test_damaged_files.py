"""Thousands of damaged files: each gives rows, rejected rows or one sentence; nothing else, and soon."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.data.readers.delimited import unique_names
from desktop_llm.data.readers.opening import open_reader
from desktop_llm.data.readers.reader import RawRow
from desktop_llm.data.sniff import sniff
from desktop_llm.errors import UserError
from desktop_llm.rows import Filter, Rejected
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing
from tests.data.damage import damaged, good_files, traps

EACH = 300
"""Damaged files of each good one."""
IMPORTED = 20
SECONDS = 20.0
MEGABYTES = 700
TASK = TASKS["text_classification"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The good files."""
    return dict(good_files(tmp_path_factory.mktemp("good")))


def read(path: Path) -> str:
    """What reading a file gives: 'rows', 'nothing', or the sentence."""
    try:
        found = list(open_reader(path, sniff(path)).rows(lambda: False))
    except UserError as error:
        return error.message if "\n" not in error.message else f"two lines: {error.message}"
    assert all(isinstance(row, RawRow | Rejected) for row in found)
    return "rows" if found else "nothing"


def wrong_with(path: Path) -> str:
    """What reading a file does that it must not do; '' for nothing."""
    began = time.monotonic()
    try:
        told = read(path)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this test looks for
        return f"{path.name}: {type(error).__name__}: {error}"
    took = time.monotonic() - began
    if not told or told.startswith("two lines"):
        return f"{path.name}: {told}"
    return f"{path.name}: {took:.1f} s" if took > SECONDS else ""


def test_good_files_are_good(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert read(path) == "rows", name


def test_damaged_files_give_rows_or_a_sentence(files: dict[str, bytes], tmp_path: Path) -> None:
    wrong, count = [], 0
    for number, (name, data) in enumerate(files.items()):
        for place in range(EACH):
            path = tmp_path / f"{place}-{name}"
            path.write_bytes(damaged(data, 1000 * number + place))
            wrong.append(wrong_with(path))
            path.unlink()
            count += 1
    assert count >= 7000
    assert [one for one in wrong if one] == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    yield made
    made.close()


def test_a_damaged_file_is_imported_whole_or_not_at_all(
    files: dict[str, bytes], project: Project, tmp_path: Path
) -> None:
    for number, (name, data) in enumerate(files.items()):
        for place in range(IMPORTED):
            path = tmp_path / f"{place}-{name}"
            path.write_bytes(damaged(data, 1000 * number + place))
            before = project.items.counts().total
            try:
                report = importing.run(project, importing.plan(TASK, path))
            except UserError:
                assert project.items.counts().total == before, path.name
            else:
                assert project.items.counts().total == before + report.imported, path.name
            path.unlink()
    assert project.check() == []
    assert len(project.items.page(Filter(), 0, 10_000)) == project.items.counts().total


def test_traps_take_neither_memory_nor_time_nor_files(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    wrong = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in traps():
        path = inside / name
        path.write_bytes(data)
        wrong.append(wrong_with(path))
        path.unlink()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert [one for one in wrong if one] == []
    assert list(inside.iterdir()) == []
    assert [one.name for one in tmp_path.iterdir()] == ["inside"]
    assert grown < MEGABYTES


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("deep.json", b"[" * 200_000, "cannot be read|no rows"),
        ("odd.json", '[{"text": "a"}]'.encode("utf-16") + b"\n", "is not utf-16-le throughout"),
    ],
)
def test_what_was_once_a_defect_is_one_sentence(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert re.search(said, read(tmp_path / name))


def test_many_columns_of_one_name_are_told_apart_soon() -> None:
    names = unique_names(["a", "a (2)"] + ["a"] * 50_000)
    assert len(set(names)) == 50_002
    assert names[:4] == ("a", "a (2)", "a (3)", "a (4)")


def test_the_same_files_are_damaged_in_the_same_way(files: dict[str, bytes]) -> None:
    data = files["csv.csv"]
    assert damaged(data, 7) == damaged(data, 7)
    assert damaged(data, 7) != damaged(data, 8)
