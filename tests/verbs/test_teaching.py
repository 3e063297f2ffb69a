"""Rows without a label in a run that has a teacher: which ones it takes along, and where that is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.forecast import costly, machine
from desktop_llm.rows import Edit, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import differing, evaluating, foretelling, headless, personal, snapshots, splitting, training
from tests import projects, run_folders
from tests.jobs.test_forecast import FORECAST


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """A project with a finished run, and rows that nobody has labeled."""
    project = Project.open(trained)
    yield project
    project.close()


def _unlabeled(project: Project, split: str, count: int, start: int) -> None:
    told = [
        NewItem(content={"text": f"a text {place} of nobody"}, split=split) for place in range(start, start + count)
    ]
    rules = TASKS[projects.TASK].labels
    project.items.insert(f"more{start}.csv", told, to_value=rules.to_value, class_names=rules.names)


def _recipe(**values: Any) -> recipes.Recipe:
    return recipes.changed(TASKS[projects.TASK].recipe, {**run_folders.TINY, "teacher": "1", **values})


def test_rows_that_are_not_held_out_are_taken_along(opened: Project) -> None:
    labeled = opened.items.counts().labeled
    _unlabeled(opened, "", 4, 0)
    _unlabeled(opened, "train", 3, 4)
    _unlabeled(opened, "test", 2, 7)
    assert training.check(opened, _recipe(distillation_unlabeled=True)).rows[snapshot.UNLABELED] == 7
    number, folder = training.prepare(opened, _recipe(distillation_unlabeled=True))
    rows = list(snapshot.rows(folder.snapshot, snapshot.UNLABELED))
    assert [row["text"] for row in rows] == [f"a text {place} of nobody" for place in range(7)]
    assert all(row["label"] is None for row in rows)
    job = folder.job()
    assert job.snapshot[snapshot.UNLABELED] == 7
    assert sum(job.snapshot[split] for split in snapshot.SPLITS) == labeled
    assert snapshot.verify(folder.snapshot) == ""
    assert len(snapshot.Listed(folder.snapshot)) == job.snapshot["train"] + 7
    found = snapshots.compare(opened, number)
    assert (found.same, found.counts) == (labeled + 7, {})
    path = folder.snapshot / f"{snapshot.UNLABELED}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"nobody", b"anyone"))
    assert "was changed after the start" in snapshot.verify(folder.snapshot)


def test_what_was_foretold_is_of_so_many_texts_without_a_label(opened: Project) -> None:
    _unlabeled(opened, "", 40, 0)
    recipe = _recipe(distillation_unlabeled=True)
    ready = training.check(opened, recipe)
    foretelling.keep(opened, replace(FORECAST, recipe=costly(recipe), rows=ready.rows, labels=2, machine=machine()))
    assert foretelling.known(opened, recipe, ready.rows, 2)[1] == ()
    _unlabeled(opened, "", 40, 40)
    assert foretelling.known(opened, recipe, training.check(opened, recipe).rows, 2)[1] == ("rows",)


def test_without_the_wish_nothing_of_them_is_kept(opened: Project) -> None:
    _unlabeled(opened, "", 4, 0)
    _, folder = training.prepare(opened, _recipe())
    assert snapshot.UNLABELED not in folder.job().snapshot
    assert not (folder.snapshot / f"{snapshot.UNLABELED}.jsonl").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"teacher": ""}, "Only a teacher can speak of texts without a label; name one"),
        ({"balance_by": "length"}, "Texts without a label cannot be balanced"),
    ],
)
def test_where_it_means_nothing_it_is_refused(opened: Project, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        training.check(opened, _recipe(distillation_unlabeled=True, **values))


def test_a_teacher_that_lacks_a_label_is_refused_before_there_is_a_run(opened: Project) -> None:
    rules = TASKS[projects.TASK].labels
    told = [NewItem(content={"text": f"a new text {place}"}, split="train", label="weather") for place in range(5)]
    opened.items.insert("new.csv", told, to_value=rules.to_value, class_names=rules.names)
    with pytest.raises(UserError, match="The teacher does not know 1 of the 3 labels, such as “weather”; choose one"):
        training.check(opened, _recipe())
    training.check(opened, _recipe(teacher=""))


def test_what_repeats_a_held_out_text_is_not_learned(opened: Project) -> None:
    held = next(row for row in opened.items.labelled() if row.split == "test")
    rules = TASKS[projects.TASK].labels
    told = [NewItem(content=held.content), NewItem(content={"text": "of nobody"})]
    opened.items.insert("again.csv", told, to_value=rules.to_value, class_names=rules.names)
    _, folder = training.prepare(opened, _recipe(distillation_unlabeled=True))
    assert [row["text"] for row in snapshot.rows(folder.snapshot, snapshot.UNLABELED)] == ["of nobody"]


def test_what_is_of_a_held_out_group_is_not_learned(opened: Project, tmp_path: Path) -> None:
    project, rules = Project.create(tmp_path / "Groups", projects.TASK), TASKS[projects.TASK].labels
    told = [
        NewItem(
            content={"text": f"text {place}"},
            extra={"customer": f"c{place % 10}"},
            label=("food", "travel")[place // 10 % 2],
        )
        for place in range(40)
    ]
    told += [NewItem(content={"text": f"of c{place}"}, extra={"customer": f"c{place}"}) for place in range(10)]
    project.items.insert("a.csv", told, to_value=rules.to_value, class_names=rules.names)
    splitting.set_rule(project, splitting.Rule(method="group", column="customer"))
    teacher = str(opened.runs.folder(1).model)
    _, folder = training.prepare(project, _recipe(distillation_unlabeled=True, teacher=teacher))
    known = {int(row["text"].split()[1]) % 10 for row in snapshot.rows(folder.snapshot, "train")}
    learned = {row["text"] for row in snapshot.rows(folder.snapshot, snapshot.UNLABELED)}
    project.close()
    assert learned == {f"of c{place}" for place in known}
    assert len(learned) < 10


def test_all_that_a_run_learned_is_told_compared_and_saved(opened: Project, tmp_path: Path) -> None:
    labeled = opened.items.counts().labeled
    _unlabeled(opened, "", 300, 0)
    number, folder = training.prepare(opened, _recipe(distillation_unlabeled=True))
    contents = snapshots.contents(opened, number)
    assert (contents.frozen.counts["unlabeled"], contents.count, contents.frozen.damage) == (300, labeled + 300, "")
    pages = [snapshots.page(opened, contents, place) for place in range(len(contents.pages.starts))]
    told = [row["id"] for page in pages for _, row in page]
    assert told == [row["id"] for _, row in snapshot.every(folder.snapshot)]
    assert pages[-1][-1][0] == "unlabeled"
    path = tmp_path / "all.jsonl"
    assert snapshots.save(opened, number, path, "jsonl") == labeled + 300
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines[-1] == {"text": "a text 299 of nobody", "split": "train"}
    first, second, third = (row["id"] for row in list(snapshot.rows(folder.snapshot, snapshot.UNLABELED))[:3])
    opened.labels.set(first, opened.classes.all()[0].id)
    edits = [Edit(item=second, content={"text": "other"}), Edit(item=third, to_bin=True)]
    opened.operations.apply("by hand", "by hand", edits)
    found = snapshots.compare(opened, number)
    assert (found.same, dict(found.counts)) == (labeled + 297, {"new": 1, "text": 1, "gone": 1})


def test_a_text_without_a_label_counts_as_learned_from_where_it_is_measured_later(
    opened: Project, tmp_path: Path
) -> None:
    _unlabeled(opened, "", 4, 0)
    number, _ = training.prepare(opened, _recipe(distillation_unlabeled=True, max_steps=2))
    assert headless.train(opened, number, lambda told, words: None, lambda leave: None) == 0
    rows = [{"text": f"a text {place} of nobody", "label": "food"} for place in (2, 3, 99)]
    measured = evaluating.evaluate(opened, number, str(projects.write_csv(tmp_path / "new.csv", rows)))
    assert (len(measured.ids), measured.learned) == (3, 2)


def test_where_there_are_none_that_is_said(opened: Project) -> None:
    assert "no texts without a label" in training.check(opened, _recipe(distillation_unlabeled=True)).advice
    assert "no texts without a label" not in training.check(opened, _recipe()).advice
    _unlabeled(opened, "", 1, 0)
    assert "no texts without a label" not in training.check(opened, _recipe(distillation_unlabeled=True)).advice


def test_two_runs_differ_in_what_has_no_label(opened: Project) -> None:
    _unlabeled(opened, "", 4, 0)
    number, _ = training.prepare(opened, _recipe(distillation_unlabeled=True))
    told = {line.name: (line.here, line.there) for line in differing.between(opened, 1, number)}
    assert told["unlabeled rows"] == told["rows only in it"] == ("0", "4")


def test_personal_data_without_a_label_is_learned_from_too(opened: Project) -> None:
    rules = TASKS[projects.TASK].labels
    told = [NewItem(content={"text": "write to ann@example.org"})]
    opened.items.insert("more.csv", told, to_value=rules.to_value, class_names=rules.names)
    number, _ = training.prepare(opened, _recipe(distillation_unlabeled=True))
    personal.set_refuses(opened, refuse=True)
    personal.must_be_reviewed(opened, 1)
    with pytest.raises(UserError, match="learned from 1 texts with personal data"):
        personal.must_be_reviewed(opened, number)
    assert personal.learned_unreviewed(opened) == [number]
