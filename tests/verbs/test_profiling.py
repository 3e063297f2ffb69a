"""The profile of a project's rows, by the verb and by the command."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.cli import main
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import profiling

TASK = next(iter(TASKS.values()))
ROWS = [
    ("Where is my parcel, please?", "a", "x"),
    ("WHERE is my  parcel, please?", "a", ""),
    ("我的包裹在哪里呢", None, "y"),
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three rows, two of which say the same."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": text}, label=label, extra={"city": city}) for text, label, city in ROWS]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def test_all_rows_are_counted(project: Project) -> None:
    told: list[float] = []
    found = profiling.profile(project, on_progress=told.append)
    assert (found.rows, found.duplicates, told[-1]) == (3, 1, 1.0)
    assert (found.labels, found.missing) == ({"a": 2, "": 1}, {"city": 1})
    assert found.languages["zh"] == 1
    assert (found.characters.shortest, found.characters.longest) == (8, 28)


def test_rows_behind_bars_are_known_by_their_numbers(project: Project) -> None:
    found = profiling.profile(project)
    assert found.behind.repeated() == [1, 2]
    assert found.behind.of_language("zh") == [3]
    bars = found.words.bars()
    rows = [found.behind.of_words(found.words.first + place) for place in range(len(bars))]
    assert [len(one) for one in rows] == [count for *_, count in bars]
    assert sorted(row for some in rows for row in some) == [1, 2, 3]
    number = project.found.put(found.behind.repeated())
    assert [row.id for row in project.items.page(Filter(found=number), 0, 9)] == [1, 2]
    assert project.items.count(Filter(found=number, show="unlabeled")) == 0
    assert project.items.count(Filter(found=number, text="where")) == 2
    with pytest.raises(UserError, match="no filter can tell"):
        project.filters.put("repeats", Filter(found=number))


def test_lists_kept_at_the_same_time_are_two(project: Project) -> None:
    both = threading.Barrier(2)
    numbers: set[tuple[int, int]] = set()

    def rows(row: int) -> Iterator[int]:
        yield row
        both.wait()

    def put(row: int) -> None:
        numbers.add((project.found.put(rows(row)), row))

    threads = [threading.Thread(target=put, args=(row,)) for row in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number for number, _ in numbers} == {1, 2}
    assert all([one.id for one in project.items.page(Filter(found=number), 0, 9)] == [row] for number, row in numbers)


def test_tokens_are_counted_as_the_newest_run_does(project: Project) -> None:
    assert profiling.counts_as(project) == 0
    assert profiling.profile(project).tokens.shortest is None
    number = project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
    folder = project.runs.folder(number).model
    folder.mkdir(parents=True)
    tokenizers.train(["where is my parcel"] * 4, 300, 16).save_pretrained(folder)
    assert profiling.counts_as(project) == number
    found = profiling.profile(project)
    # one token for the beginning, one for the end, and for a Chinese character one for each of its three bytes
    assert found.tokens.longest == 2 + 8 * 3 + 1
    assert sum(count for *_, count in found.tokens.bars()) == 3
    assert found.behind.of_tokens(found.tokens.first + len(found.tokens.bars()) - 1) == [3]


def test_it_can_be_stopped(project: Project) -> None:
    with pytest.raises(Cancelled):
        profiling.profile(project, should_stop=lambda: True)


def test_the_command_tells_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(project.path), "--json", "--no-languages"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"rows": 3, "repeats": 1}
    assert lines[4] == {"labels": {"a": 2, "": 1}}
    assert main(["profile", str(project.path)]) == 0
    assert "8 to 28" in capsys.readouterr().out
