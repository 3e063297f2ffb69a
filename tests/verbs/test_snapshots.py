"""What a run trained on: told, compared with today, written to a file, and known to be damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.cli import main
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Edit, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import snapshots, training

TASK = TASKS["text_classification"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Forty rows that a run has frozen."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": f"text {place}"}, label=("yes", "no")[place % 2]) for place in range(40)]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    training.prepare(made, TASK.recipe)
    yield made
    made.close()


def test_what_a_run_trained_on_is_told(project: Project) -> None:
    told = snapshots.frozen(project, 1)
    assert sum(told.counts.values()) == 40
    assert (len(told.sha256), told.damage) == (64, "")


def test_nothing_has_changed_at_first(project: Project) -> None:
    done: list[float] = []
    found = snapshots.compare(project, 1, on_progress=done.append)
    assert (found.same, dict(found.counts), done[-1]) == (40, {}, 1.0)


def test_every_change_since_is_found(project: Project) -> None:
    names = {one.name: one.id for one in project.classes.all()}
    splits = {item.id: item.split for item in project.items.get_many(range(1, 41))}
    other = next(number for number in range(5, 41) if splits[number] == "train")
    edits = [Edit(item=1, content={"text": "other"}), Edit(item=other, split="test"), Edit(item=3, to_bin=True)]
    project.operations.apply("by hand", "by hand", edits)
    project.labels.set(2, names["yes"])
    project.labels.clear(4)
    project.classes.rename(names["no"], "never")
    fresh = [NewItem(content={"text": "new"}, label="yes")]
    project.items.insert("b.csv", fresh, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    found = snapshots.compare(project, 1)
    assert dict(found.counts) == {"text": 1, "label": 1, "gone": 2, "split": 1, "new": 1}
    assert found.same == 40 - 5
    (changed,) = found.examples["text"]
    assert (changed.row, changed.after and changed.after["text"]) == (1, "other")


def test_it_is_written_to_a_file(project: Project, tmp_path: Path) -> None:
    assert snapshots.save(project, 1, tmp_path / "data.jsonl", "jsonl") == 40
    rows = [json.loads(line) for line in (tmp_path / "data.jsonl").read_text("utf-8").splitlines()]
    assert rows[0].keys() == {"text", "label", "split"}


def test_damage_is_told_and_nothing_taken_from_it(project: Project, tmp_path: Path) -> None:
    file = project.runs.folder(1).snapshot / "train.jsonl"
    file.write_bytes(file.read_bytes().replace(b"text 1", b"text 2", 1))
    assert "was changed" in snapshots.frozen(project, 1).damage
    with pytest.raises(UserError, match="was changed"):
        snapshots.compare(project, 1)
    with pytest.raises(UserError, match="was changed"):
        snapshots.save(project, 1, tmp_path / "data.jsonl", "jsonl")


def test_comparing_can_be_stopped(project: Project) -> None:
    with pytest.raises(Cancelled):
        snapshots.compare(project, 1, should_stop=lambda: True)


def test_the_command_tells_and_writes_it(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = str(tmp_path / "data.csv")
    assert main(["snapshot", str(project.path), "1", "--compare", "--to", to, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0]["damage"] == ""
    assert told[1] == {"run": 1, "same": 40}
    assert told[2]["rows"] == 40
    assert main(["snapshot", str(project.path)]) == 0
    assert "whole" in capsys.readouterr().out
