"""What a finished run is good for: its figures come again, it answers in order, its export tells where it is from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.errors import UserError
from desktop_llm.evidence import calibration
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter, Rejected
from desktop_llm.store.project import Project
from desktop_llm.verbs import evaluating, exporting, outcomes, predicting
from desktop_llm.verbs.outcomes import On
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


def test_what_it_was_measured_on_is_kept_with_its_rows(opened: Project) -> None:
    measured = evaluating.evaluate(opened, 1)
    (kept,) = opened.evaluations.all(1)
    assert (kept.kind, kept.name, kept.count, kept.learned) == ("split", "test", 12, 0)
    assert kept.metrics == pytest.approx(dict(measured.scores.metrics))
    low, high = kept.intervals["accuracy"]
    assert 0 <= low <= kept.metrics["accuracy"] <= high <= 1
    again = outcomes.of(opened, 1, outcomes.TEST)
    assert again is not None
    assert again.ids == measured.ids
    assert [one.label for one in again.answers] == [one.label for one in measured.answers]
    assert again.logits is not None
    chances = calibration.chances(again.logits).max(axis=1)
    assert chances == pytest.approx([one.probability for one in measured.answers], abs=1e-5)
    evaluating.evaluate(opened, 1)
    assert len(opened.evaluations.all()) == 1


def test_a_run_that_was_not_measured_again_has_what_it_left_behind(opened: Project) -> None:
    told = outcomes.of(opened, 1, outcomes.TEST)
    assert told is not None
    assert opened.evaluations.all() == []
    figures = outcomes.figures(opened, told)
    metrics = opened.runs.get(1).metrics["test"]
    assert {name: one.value for name, one in figures.items()} == pytest.approx(
        {name: value for name, value in metrics.items() if name != "loss"}
    )
    assert outcomes.of(opened, 1, On(kind="filter", name="short")) is None


def test_a_kept_filter_is_measured(opened: Project) -> None:
    opened.filters.put("travel of the train side", Filter(split="train", text="train"))
    wanted = {row.id for row in opened.items.page(Filter(split="train", text="train"), 0, 500)}
    told: list[float] = []
    measured = evaluating.evaluate(
        opened, 1, "travel of the train side", on_progress=lambda fraction, words: told.append(fraction)
    )
    assert set(measured.ids) == wanted
    assert measured.learned == len(wanted) > 0
    assert told[-1] == 1.0
    assert told == sorted(told)
    assert evaluating.measure(opened, 1, "filter:travel of the train side").ids == measured.ids
    assert opened.runs.get(1).metrics.keys() == {"validation", "test"}
    opened.filters.remove("travel of the train side")
    for words in ("travel of the train side", "filter:gone", "no/such/file.csv"):
        with pytest.raises(UserError, match="no split"):
            evaluating.measure(opened, 1, words)


def test_a_file_is_measured_without_being_imported(opened: Project, tmp_path: Path) -> None:
    known = next(row for row in opened.items.labelled() if row.split == "train")
    rows = [
        {"text": "soup and bread in my oven", "label": "food", "channel": "phone"},
        {"text": "a ticket for the train", "label": "travel", "channel": "mail"},
        {"text": known.content["text"], "label": "food", "channel": "mail"},
        {"text": "what a film", "label": "cinema", "channel": "mail"},
        {"text": "nobody knows", "label": "", "channel": "mail"},
    ]
    file = projects.write_csv(tmp_path / "new.csv", rows, ("text", "label", "channel"))
    before = opened.items.counts()
    opened.classes.rename(next(one.id for one in opened.classes.all() if one.name == "travel"), "journeys")
    rows[1]["label"] = "journeys"
    projects.write_csv(file, rows, ("text", "label", "channel"))
    measured = evaluating.evaluate(opened, 1, str(file))
    assert measured.ids == (0, 0, known.id)
    assert measured.outcomes.truth == ("food", "travel", "food")
    assert (measured.left_out, measured.learned) == (2, 1)
    assert opened.items.counts() == before
    told = outcomes.of(opened, 1, On(kind="file", name=str(file)))
    assert told is not None
    assert told.contents == {0: {"text": rows[0]["text"]}, 1: {"text": rows[1]["text"]}}
    assert told.extras == {0: {"channel": "phone"}, 1: {"channel": "mail"}}
    projects.write_csv(file, [{"text": "x", "label": "cinema"}])
    with pytest.raises(UserError, match="None of the 1 rows"):
        evaluating.measure(opened, 1, str(file))


def test_what_was_measured_goes_with_the_run_and_with_forgotten_texts(opened: Project, tmp_path: Path) -> None:
    file = projects.write_csv(tmp_path / "new.csv", [{"text": "soup", "label": "food"}])
    evaluating.evaluate(opened, 1, str(file))
    evaluating.evaluate(opened, 1)
    opened.forgetting.forget("personal")
    assert [one.kind for one in opened.evaluations.all()] == ["split"]
    opened.take_answers(1)
    assert opened.evaluations.all() == []
    evaluating.evaluate(opened, 1)
    opened.runs.delete(1)
    assert opened.evaluations.all() == []


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
