"""Labels of several classes through everything a project can do: brought in, changed, split, learned, written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from desktop_llm.data.writers.writing import FORMATS, Format
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import (
    bulk,
    cleaning,
    evaluating,
    exporting,
    headless,
    importing,
    profiling,
    saving,
    snapshots,
    splitting,
    training,
)
from desktop_llm.verbs.bulk import Rows
from desktop_llm.verbs.card import Papers
from desktop_llm.verbs.splitting import Rule
from tests import run_folders
from tests.tasks.fixture import fixture_of

TASK = next(one for one in TASKS.values() if one.several)
THREE = ["travel", "好", "food"]
LABELS: tuple[list[str] | None, ...] = (["food"], ["travel", "food"], [], None, ["good & bad"], THREE)
TEXTS = ("plain", 'Grüße 😀, "quoted"', "two\nlines", "好评 \t tab", "[1, 2]", "’s e\u0301")


def _insert(project: Project, rows: Sequence[tuple[str, list[str] | None]], split: str = "") -> None:
    project.items.insert(
        "rows.csv",
        [NewItem(content={"text": text}, label=label, split=split) for text, label in rows],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """36 rows: every combination of a text and a label."""
    made = Project.create(tmp_path / "From", TASK.name)
    _insert(made, [(f"{text} {place}", label) for place, label in enumerate(LABELS) for text in TEXTS])
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "To", TASK.name)
    yield made
    made.close()


def _named(project: Project) -> dict[str, frozenset[str] | None]:
    """Labels by text."""
    names = project.classes.names()
    return {
        " ".join(item.content["text"].split()): None if item.value is None else frozenset(names[n] for n in item.value)
        for item in project.items.page(Filter(), 0, 1000)
    }


def _count(project: Project) -> dict[str, int]:
    return {one.name: one.count for one in project.classes.all()}


@pytest.mark.parametrize(
    "form", ["csv", "tsv", "json", "jsonl", "excel", "parquet", "arrow", "doccano", "prodigy", "label_studio"]
)
def test_what_is_written_brings_the_same_back(project: Project, other: Project, tmp_path: Path, form: Format) -> None:
    file = tmp_path / f"rows{FORMATS[form].ending}"
    assert saving.save(project, Filter(), file, form) == 36
    report = importing.run(other, importing.plan(TASK, file))
    assert (report.imported, report.labeled, report.rejected_count) == (36, 30, 0)
    assert _named(other) == _named(project)
    again = importing.run(project, importing.plan(TASK, file))
    assert (again.imported, again.conflicts) == (0, 0)


def test_fasttext_has_no_place_for_none(project: Project, other: Project, tmp_path: Path) -> None:
    project.classes.rename(next(n for n, name in project.classes.names().items() if " " in name), "mixed")
    file = tmp_path / "rows.txt"
    assert saving.save(project, Filter(class_id=1, text="plain"), file, "fasttext") == 3
    importing.run(other, importing.plan(TASK, file))
    assert set(_named(other).values()) == {
        frozenset({"food"}),
        frozenset({"travel", "food"}),
        frozenset(THREE),
    }
    saving.save(project, Filter(text="plain"), tmp_path / "texts.txt", "text")


@pytest.mark.parametrize(
    ("name", "told", "separator"),
    [
        ("a.csv", "text,tags\none,food; travel\ntwo,food\nthree,travel\nfour,\nfive,[]\n", ";"),
        ("a.csv", 'text,tags\none,"food,travel"\ntwo,food\nthree,travel\nfour,\nfive,[]\n', ","),
        ("a.csv", "text,tags\none,\"['food', 'travel']\"\ntwo,['food']\nthree,travel\nfour,\nfive,[]\n", ""),
        (
            "a.jsonl",
            '{"text": "one", "labels": ["travel", "food"]}\n{"text": "two", "labels": ["food"]}\n'
            '{"text": "three", "labels": ["travel"]}\n{"text": "four"}\n{"text": "five", "labels": []}\n',
            "",
        ),
    ],
)
def test_cells_with_several_labels(other: Project, tmp_path: Path, name: str, told: str, separator: str) -> None:
    file = tmp_path / name
    file.write_text(told, "utf-8")
    look = importing.plan(TASK, file)
    assert look.separator == separator
    assert dict(look.label_values) == {"food": 2, "travel": 2, "none of them": 1}
    importing.run(other, look)
    both, food = frozenset({"food", "travel"}), frozenset({"food"})
    assert _named(other) == {"one": both, "two": food, "three": both - food, "four": None, "five": frozenset()}


def test_a_person_says_what_parts_the_labels(other: Project, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,label\none,food/travel; x\ntwo,food/travel\nthree,x\n", "utf-8")
    assert importing.plan(TASK, file).separator == ";"
    importing.run(other, importing.plan(TASK, file, separator=""))
    assert set(_count(other)) == {"food/travel; x", "food/travel", "x"}
    with pytest.raises(UserError, match="not by “/”"):
        importing.plan(TASK, file, separator="/")
    one = next(task for task in TASKS.values() if not task.several)
    assert importing.plan(one, file, separator=";").separator == ""


def test_choices_of_label_studio(other: Project, tmp_path: Path) -> None:
    def task(text: str, choices: list[list[str]] | None) -> dict[str, object]:
        results = [{"from_name": "topic", "to_name": "t", "type": "choices", "value": {"choices": one}}
                   for one in choices or ()]  # fmt: skip
        return {"data": {"text": text}, "annotations": [] if choices is None else [{"result": results}]}

    tasks = [task("one", [["food", "travel"]]), task("two", [["food"]]), task("three", []), task("four", None)]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks), "utf-8")
    importing.run(other, importing.plan(TASK, file))
    assert _named(other) == {
        "one": frozenset({"food", "travel"}),
        "two": frozenset({"food"}),
        "three": frozenset(),
        "four": None,
    }


def test_a_label_is_added_to_many_rows_and_taken_away(project: Project) -> None:
    before = _named(project)
    rows = Rows(told=Filter())
    added = bulk.switch(project, rows, "travel", on=True)
    assert added.changed == 24
    assert all(label is not None and "travel" in label for label in _named(project).values())
    taken = bulk.switch(project, rows, "travel", on=False)
    assert taken.changed == 36
    assert _count(project)["travel"] == 0
    assert sum(label is None for label in _named(project).values()) == 12
    project.operations.undo(taken.operation)
    project.operations.undo(added.operation)
    assert _named(project) == before
    assert bulk.label(project, Rows(told=Filter(show="unlabeled")), [], "none").changed == 6
    assert project.items.counts().unlabeled == 0


def test_spellings_of_a_label_become_one(other: Project) -> None:
    _insert(other, [("1", ["Food", "food"]), ("2", ["food", "travel"]), ("3", ["Travel", "Food"]), ("4", ["food"]),
                    ("5", ["travel"])])  # fmt: skip
    found = cleaning.variants(other)
    assert {one.keep for one in found} == {"food", "travel"}
    assert cleaning.merge(other, found).changed == 2
    both = frozenset({"food", "travel"})
    assert list(_named(other).values()) == [frozenset({"food"}), both, both, frozenset({"food"}), frozenset({"travel"})]
    other.operations.undo(other.operations.all()[0].id)
    assert _count(other) == {"Food": 2, "food": 3, "travel": 2, "Travel": 1}


def test_rare_labels_are_held_out_too(other: Project) -> None:
    rows = [(f"{n}", ["common", "rare"] if n % 10 == 0 else ["common", f"own {n}"]) for n in range(200)]
    _insert(other, rows)
    dealt = splitting.deal(other, Rule())
    assert dict(dealt.counts["rare"]) == {"train": 16, "validation": 2, "test": 2}
    assert dict(dealt.counts["common"]) == {"train": 160, "validation": 20, "test": 20}
    _insert(other, [(f"more {place}", ["common"] if place % 2 else []) for place in range(200)])
    dealt = splitting.deal(other, Rule())
    assert dict(dealt.counts["none of them"]) == {"train": 80, "validation": 10, "test": 10}
    assert sum(dealt.counts["common"].values()) == 300


def test_the_profile_counts_each_label(project: Project) -> None:
    told = profiling.profile(project, languages=False)
    assert dict(told.labels) == {"food": 18, "travel": 12, "none of them": 6, "": 6, "good & bad": 6, "好": 6}
    assert told.rows == 36


def test_a_run_from_rows_to_figures_and_its_data(tmp_path: Path) -> None:
    kind = fixture_of(TASK).kind
    project = Project.create(tmp_path / "Run", TASK.name)
    try:
        for split, count in (("train", 80), ("validation", 20), ("test", 20)):
            rows = kind.rows(count, seed=count, first_id=0)
            _insert(project, [(f"{split} {row['id']} {row['text']}", row["label"]) for row in rows], split)
        _insert(project, [("unlike all", ["only here"])], "test")
        recipe = recipes.changed(TASK.recipe, run_folders.TINY)
        assert dict(training.check(project, recipe).classes) == {"food": 60, "travel": 60, "only here": 1}
        number, _ = training.prepare(project, recipe)
        assert project.runs.schema(number)["classes"] == ["food", "travel"]
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        measured = evaluating.measure(project, number, "test")
        assert (len(measured.ids), measured.left_out) == (20, 1)
        assert set(measured.scores.metrics) == {metric.name for metric in TASK.metrics}
        assert "top_k=None" in exporting.preview(project, number, "huggingface", Papers())
        project.labels.set(1, [2])
        project.classes.rename(2, "journey")
        told = snapshots.compare(project, number)
        assert dict(told.counts) == {"label": 1, "new": 1}
        file = tmp_path / "trained.csv"
        assert snapshots.save(project, number, file, "csv") == 120
        again = Project.create(tmp_path / "Again", TASK.name)
        importing.run(again, importing.plan(TASK, file))
        assert _count(again) == {"food": 60, "travel": 60}
        again.close()
    finally:
        project.close()


def test_one_label_and_none_are_enough_to_learn(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "One", TASK.name)
    try:
        _insert(project, [(f"text {place}", ["spam"] if place % 2 else []) for place in range(20)])
        training.check(project, recipes.changed(TASK.recipe, run_folders.TINY))
        _, folder = training.prepare(project, recipes.changed(TASK.recipe, {**run_folders.TINY, "max_steps": 1}))
        assert folder.job().schema["classes"] == ["spam"]
    finally:
        project.close()
