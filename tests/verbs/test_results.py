"""What a finished run is good for: its figures come again, it answers in order, its export tells where it is from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Rejected
from desktop_llm.store.project import Project
from desktop_llm.verbs import evaluating, exporting, predicting
from tests import projects


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """The trained project, open."""
    project = Project.open(trained)
    yield project
    project.close()


@pytest.mark.parametrize("split", ["validation", "test"])
def test_measuring_again_gives_the_figures_of_the_training(opened: Project, split: str) -> None:
    told = opened.runs.get(1).metrics[split]
    measured = evaluating.measure(opened, 1, split)
    assert dict(measured.scores.metrics) == pytest.approx(told, abs=1e-6)
    assert len(measured.answers) == len(set(measured.ids)) == 12
    answers = dict(opened.runs.folder(1).read_predictions(split))
    assert {place: one.label for place, one in zip(measured.ids, measured.answers, strict=True)} == {
        place: one.label for place, one in answers.items()
    }


def test_measuring_follows_the_labels_as_they_are_now(opened: Project) -> None:
    before = evaluating.evaluate(opened, 1).scores.metrics["accuracy"]
    numbers = [one.id for one in opened.classes.all()]
    for row in list(opened.items.labelled()):
        if row.split == "test":
            opened.labels.set(row.id, numbers[row.value == numbers[0]])
    after = evaluating.evaluate(opened, 1).scores.metrics["accuracy"]
    assert after == pytest.approx(1 - before)
    assert opened.runs.get(1).metrics["test"]["accuracy"] == after


def test_answers_come_in_the_order_of_the_file_whatever_the_lengths(trained: Path, tmp_path: Path) -> None:
    model = trained / "runs" / "0001" / "model"
    source = random.Random(4)
    texts = [
        " ".join(source.choice(["soup", "train", "bread", "ticket"]) for _ in range(source.choice([1, 3, 9, 400])))
        for _ in range(predicting.BATCH + 40)
    ]
    rows = [{"text": f"{text} {place}", "channel": "chat"} for place, text in enumerate(texts)]
    rows[7]["text"] = rows[predicting.BATCH + 3]["text"] = " "
    rows[11]["text"] = "far too long " * 100_000
    file = projects.write_csv(tmp_path / "questions.csv", rows, ("text", "channel"))
    told = list(predicting.predict(model, str(file)))
    assert [place for place, one in enumerate(told) if isinstance(one, Rejected)] == [7, 11, predicting.BATCH + 3]
    answered = {place: one for place, one in enumerate(told) if not isinstance(one, Rejected)}
    assert {place: row["text"] for place, (row, _) in answered.items()} == {
        place: rows[place]["text"] for place in answered
    }
    for place in (0, 6, 8, 100, predicting.BATCH - 1, predicting.BATCH, len(rows) - 1):
        assert answered[place][1].probability == pytest.approx(_alone(model, rows[place]["text"]).probability, abs=1e-5)


def _alone(model: Path, text: str) -> Prediction:
    (told,) = predicting.predict(model, text)
    assert not isinstance(told, Rejected)
    return told[1]


def test_a_text_is_cut_where_the_model_ends(trained: Path) -> None:
    model = trained / "runs" / "0001" / "model"
    start = "soup and bread " * 32
    assert _alone(model, start + "train ticket " * 5000) == _alone(model, start)


def test_an_export_is_read_back_and_tells_where_it_is_from(opened: Project, trained: Path, tmp_path: Path) -> None:
    to = tmp_path / "handed on"
    assert exporting.export(opened, 1, exporting.Wish(to=to)).difference <= 1e-5
    assert atomic.damage(to) == ""
    weights = "model.safetensors"
    assert atomic.sha256(to / weights) == atomic.sha256(trained / "runs" / "0001" / "model" / weights)
    card = (to / "README.md").read_text(encoding="utf-8")
    job, run = opened.runs.folder(1).job(), opened.runs.get(1)
    for words in (
        "# Tickets, run 1",
        "80 train, 12 validation, 12 test",
        job.snapshot["sha256"],
        "`food`, `travel`",
        f"{run.metrics['test']['accuracy']:.4f}",
        "| `learning_rate` | 0.003 |",
        f"- torch {job.versions['torch']}",
    ):
        assert words in card, words
    assert str(tmp_path) not in card
