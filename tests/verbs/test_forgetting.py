"""The masking of personal data made final: what is forgotten, what stays and is told, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.cli import main
from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import cleaning, forgetting, personal, training

TASK = TASKS["text_classification"]
SECRET = "jane.doe@mailbox.com"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Forty rows, two with an address, which a run has learned; then masked, and another run."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [
        NewItem(
            content={"text": f"text {place}" + (f" of {SECRET}" if place < 2 else "")},
            extra={"from": SECRET if place == 5 else "x"},
            label=("yes", "no")[place % 2],
        )
        for place in range(40)
    ]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    training.prepare(made, TASK.recipe)
    personal.treat(made, {"email": "replace"})
    training.prepare(made, TASK.recipe)
    yield made
    made.close()


def holding(folder: Path) -> set[str]:
    """The parts of the project, the runs by number, that hold the address."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {"/".join(path.parts[:2]) for path in files if SECRET.encode() in (folder / path).read_bytes()}


def test_originals_go_from_all_but_the_runs_which_are_told(project: Project) -> None:
    project.operations.apply("delete", "delete", [Edit(item=9, to_bin=True)])
    there = forgetting.originals(project)
    assert (there.operations, there.rows, there.runs, there.binned) == (1, 3, [1], 1)
    assert forgetting.forget(project) == 3
    assert holding(project.path) == {"runs/0001"}
    after = forgetting.originals(project)
    assert not after.any
    assert after.runs == [1]


def test_a_damaged_run_is_no_hindrance(project: Project) -> None:
    (project.runs.folder(1).snapshot / "train.jsonl").write_text("{", "utf-8")
    assert forgetting.originals(project).runs == []


def test_a_project_that_is_open_elsewhere_keeps_its_originals(project: Project) -> None:
    other = Project.open(project.path)
    with pytest.raises(UserError, match="can only be read now"):
        forgetting.forget(other)
    other.close()


def test_the_command_asks_first(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.close()
    assert main(["personal", str(project.path), "--forget"]) == 0
    assert "add --yes" in capsys.readouterr().out
    assert "project.db" in holding(project.path)
    assert main(["personal", str(project.path), "--yes"]) == 2
    assert main(["personal", str(project.path), "--forget", "--yes", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [{"forgotten": 3}, {"runs": [1], "binned": 0}]
    assert holding(project.path) == {"runs/0001"}
    assert main(["history", str(project.path)]) == 0
    assert "3 rows, final" in capsys.readouterr().out
    assert main(["history", str(project.path), "--undo", "1"]) == 1
    assert "forgotten" in capsys.readouterr().err


WRITTEN = {"rewriting": f"Dear {SECRET}", "dialogue": [{"role": "assistant", "content": f"Dear {SECRET}"}]}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_as_a_label_is_found_masked_undone_and_forgotten(tmp_path: Path, name: str) -> None:
    task, label = TASKS[name], WRITTEN[name]
    made = Project.create(tmp_path / "Written", name)
    content = {task.content[0].name: json.dumps([{"role": "user", "content": "hello"}])}
    made.items.insert(
        "a.jsonl",
        [NewItem(content=content, label=label)],
        to_value=task.labels.to_value,
        class_names=task.labels.names,
    )
    masked = json.loads(json.dumps(label).replace(SECRET, "[EMAIL]"))

    def now() -> object:
        return made.items.page(Filter(), 0, 1)[0].value

    made.labels.set(1, label, "Ann")
    found = personal.scan(made)
    assert (found.open, found.columns) == ({"email": 1}, {"email": {"label": 1}})
    done = personal.treat(made, {"email": "mask"})
    assert now() == masked
    assert personal.scan(made).open == {}
    made.operations.undo(done.operation)
    assert now() == label
    made.operations.redo(done.operation)
    assert (forgetting.originals(made).rows, forgetting.forget(made)) == (1, 1)
    assert now() == masked
    assert not forgetting.originals(made).any
    made.labels.undo()
    assert now() == masked
    made.labels.clear(1, "Ann")
    made.labels.undo()
    assert now() == masked
    assert holding(made.path) == set()
    made.close()
    assert holding(made.path) == set()


@pytest.mark.parametrize("word", ["Anna", "Rome"])
def test_an_operation_whose_texts_are_forgotten_leaves_the_spans(tmp_path: Path, word: str) -> None:
    task = TASKS["token_tagging"]
    made = Project.create(tmp_path / "Places", task.name)
    text = f"Anna lives   in   Rome, {SECRET}"
    label = [{"start": text.index(word), "end": text.index(word) + 4, "label": "X"}]
    made.items.insert(
        "a.jsonl",
        [NewItem(content={"text": text}, label=label)],
        to_value=task.labels.to_value,
        class_names=task.labels.names,
    )
    cleaned = cleaning.apply(made, [cleaning.step_named("whitespace")])
    personal.treat(made, {"email": "mask"})
    assert forgetting.forget(made) == 1
    undone = made.operations.undo(cleaned.operation)
    assert (undone.changed, undone.left) == (0, 1)
    row = made.items.page(Filter(), 0, 1)[0]
    assert [row.content["text"][start:end] for start, end, _ in row.value or ()] == [word]
    made.close()


def test_drafts_of_written_labels_hold_it_no_longer(tmp_path: Path) -> None:
    task = TASKS["rewriting"]
    with closing(Project.create(tmp_path / "Texts", task.name)) as project:
        rows = [NewItem(content={"source": f"Write to {SECRET}"}), NewItem(content={"source": "nothing"})]
        project.items.insert("a.csv", rows, to_value=task.labels.to_value, class_names=task.labels.names)
        project.drafts.put("Ben", {("second", 1): f"To {SECRET}", ("second", 2): "nothing"})
        personal.treat(project, {"email": "mask"})
        forgetting.forget(project)
        assert project.drafts.of("Ben") == {("second", 1): "To [EMAIL]", ("second", 2): "nothing"}
        assert holding(project.path) == set()
