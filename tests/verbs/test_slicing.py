"""A planted bias is found: the slice whose labels were flipped is the worst, and the rule keeps its run in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import (
    balancing,
    comparing,
    evaluating,
    exporting,
    floors,
    headless,
    slice_report,
    slicing,
    training,
)
from desktop_llm.verbs.floors import Floor
from desktop_llm.verbs.outcomes import TEST
from tests import run_folders
from tests.run_folders import FILLER, TASK, WORDS

CHANNELS = ("mail", "phone", "chat")


def _items(count: int, seed: int, split: str, flipped: str = "") -> list[NewItem]:
    """Rows of two topics from three channels, which a text names; those of `flipped` have each other's label."""
    source, made = random.Random(seed), []
    for place in range(count):
        label, channel = ("food", "travel")[place % 2], CHANNELS[place // 2 % 3]
        words = [channel, *(source.choice(FILLER) for _ in range(source.randint(2, 8))), source.choice(WORDS[label])]
        told = {"food": "travel", "travel": "food"}[label] if channel == flipped else label
        made.append(NewItem(content={"text": " ".join(words)}, extra={"channel": channel}, label=told, split=split))
    return made


@pytest.fixture(scope="module")
def biased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose training labels of one channel were flipped, those of its test texts not, with a run."""
    project = Project.create(tmp_path_factory.mktemp("biased") / "Tickets", TASK)
    labels = TASKS[TASK].labels
    for split, count, flipped in (("train", 360, "chat"), ("validation", 60, ""), ("test", 180, "")):
        rows = _items(count, len(split), split, flipped)
        project.items.insert(f"{split}.csv", rows, to_value=labels.to_value, class_names=labels.names)
    values = {**run_folders.TINY, "num_train_epochs": 6.0}
    number, _ = training.prepare(project, recipes.changed(TASKS[TASK].recipe, values))
    assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    yield project
    project.close()


def test_the_flipped_slice_is_named_the_worst(biased: Project) -> None:
    assert slicing.choices(biased) == ("channel", "length", "file", "language", "label")
    told = slicing.of(biased, 1, TEST, "channel")
    assert {one.name: len(one) for one in told.slices} == dict.fromkeys(CHANNELS, 60)
    assert told.worst is not None
    assert told.worst.name == "chat"
    assert told.clear
    assert told.words.startswith("Worst slice: channel “chat”, accuracy ")
    assert "more than chance" in told.words
    assert max(one.odds for one in told.gaps) > 0.2
    there = {biased.items.get_many([key])[0].extra["channel"] for key in told.keys["chat"]}
    assert there == {"chat"}


def test_the_rule_keeps_the_run_from_going_out(biased: Project, tmp_path: Path) -> None:
    value = slicing.of(biased, 1, TEST, "channel").worst
    assert value is not None
    accuracy = value.figures["accuracy"].value
    floors.put(biased, Floor(by="channel", value=accuracy + 0.05))
    with pytest.raises(UserError, match="may not be handed on: for channel “chat” its accuracy is"):
        exporting.export(biased, 1, exporting.Wish(to=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    text = slice_report.report(biased, 1, TEST, slicing.choices(biased))
    assert "Broken: for channel “chat”" in text
    floors.put(biased, Floor(by="channel", value=accuracy - 0.05))
    exporting.export(biased, 1, exporting.Wish(to=tmp_path / "out"))
    floors.put(biased, None)
    assert floors.of(biased) is None
    with pytest.raises(UserError, match="cannot be sliced by “colour”"):
        floors.put(biased, Floor(by="colour", value=0.5))


def test_a_floor_that_cannot_be_judged_keeps_the_run_in(biased: Project, tmp_path: Path) -> None:
    from tests import projects

    told = slicing.of(biased, 1, TEST, "file")
    value = told.slices[0].figures["accuracy"].value
    assert told.worst is None
    assert floors.broken(told, Floor(by="file", value=value)) == ""
    assert "below the floor" in floors.broken(told, Floor(by="file", value=min(1.0, value + 0.01))), "one slice counts"
    rows = [{"text": f"soup {place}", "label": "food", "channel": CHANNELS[place]} for place in range(3)]
    file = projects.write_csv(tmp_path / "few.csv", rows, ("text", "label", "channel"))
    few = slicing.of(biased, 1, evaluating.evaluate(biased, 1, str(file)).outcomes.on, "channel")
    assert "nobody knows whether the worst one reaches the floor" in floors.broken(few, Floor(by="channel", value=0.1))


@pytest.mark.parametrize("value", [80.0, -0.1, float("nan"), float("inf")])
def test_a_floor_that_cannot_be_is_refused(biased: Project, value: float) -> None:
    with pytest.raises(UserError, match="A floor "):
        floors.put(biased, Floor(by="channel", value=value))


def test_a_report_tells_all_of_it(biased: Project, tmp_path: Path) -> None:
    slice_report.write(biased, 1, TEST, ["channel", "length", "label"], tmp_path / "slices.md")
    text = (tmp_path / "slices.md").read_text(encoding="utf-8")
    for words in ("# Slices of run 1, Tickets", "## By channel", "| chat | 60 |", "## By length", "equalised odds"):
        assert words in text
    assert text.count("95 %") >= 4
    assert "### A limit for each slice: " in text
    assert "Run 1 was not asked for the chance of every label on test texts; measure it there again" in text
    evaluating.evaluate(biased, 1)
    text = slice_report.report(biased, 1, TEST, ["channel"])
    assert "| slice | rows that have it | limit | found | then | wrongly told | then |" in text
    assert "| chat | 30 | 0." in text
    assert "Each limit is to find " in text


def test_slices_that_every_row_has(biased: Project) -> None:
    by_file = slicing.of(biased, 1, TEST, "file")
    assert [one.name for one in by_file.slices] == ["test.csv"]
    assert "not two slices" in by_file.words
    by_length = slicing.of(biased, 1, TEST, "length")
    assert sum(len(one) for one in by_length.slices) == 180
    assert all("characters" in one.name for one in by_length.slices)
    by_label = slicing.of(biased, 1, TEST, "label")
    assert {one.name for one in by_label.slices} == {"food", "travel"}
    assert by_label.gaps == ()


def test_the_balance_of_labels_is_told_before_training(biased: Project) -> None:
    told = slicing.balance(biased, "channel")
    assert (told.slices, told.labels) == (("chat", "mail", "phone"), ("food", "travel"))
    assert told.counts.sum() == 360
    assert told.words.startswith("Labels are spread alike")
    labels = TASKS[TASK].labels
    more = [
        NewItem(content={"text": f"{place} more bread"}, extra={"channel": "chat"}, label="food", split="train")
        for place in range(200)
    ]
    biased.items.insert("more.csv", more, to_value=labels.to_value, class_names=labels.names)
    assert slicing.balance(biased, "channel").words.startswith("“food” is 81 % of “chat” and 50 % of “")


def _confounded(count: int, seed: int, split: str, share: float) -> list[NewItem]:
    """Rows whose channel goes with their topic in `share` of them, and their word in nine of ten."""
    source, made = random.Random(seed), []
    for place in range(count):
        label = ("food", "travel")[place % 2]
        channel = ("mail", "chat")[(label == "food") == (source.random() < share)]
        topic = label if source.random() < 0.9 else {"food": "travel", "travel": "food"}[label]
        words = [channel, *(source.choice(FILLER) for _ in range(source.randint(2, 6)))]
        words += [source.choice(WORDS[topic]), str(place // 2)]
        content = {"text": " ".join(words)}
        made.append(NewItem(content=content, extra={"channel": channel}, label=label, split=split))
    return made


def test_balancing_is_told_to_help_where_it_does(biased: Project, tmp_path: Path) -> None:
    labels = TASKS[TASK].labels
    project = Project.create(tmp_path / "Confounded", TASK)
    for split, count, share in (("train", 400, 0.95), ("validation", 40, 0.5), ("test", 400, 0.5)):
        rows = _confounded(count, len(split), split, share)
        project.items.insert(f"{split}.csv", rows, to_value=labels.to_value, class_names=labels.names)
    assert "a model may take the one for the other" in slicing.balance(project, "channel").words
    values = {**run_folders.TINY, "num_train_epochs": 8.0, "load_best_model_at_end": False}
    for more in ({}, {"balance_by": "channel"}):
        number, _ = training.prepare(project, recipes.changed(TASKS[TASK].recipe, {**values, **more}))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    assert snapshot.weights(project.runs.folder(1).snapshot) is None
    weights = snapshot.weights(project.runs.folder(2).snapshot)
    assert weights is not None
    assert np.mean(weights) == pytest.approx(1.0, abs=1e-4)
    assert min(weights) < 0.6 < 5 < max(weights)
    whole = comparing.between(project, 2, 1, TEST)
    assert whole.words.startswith("Run 2 is better than run 1 by "), whole.words
    told = slicing.against(project, 2, 1, TEST, "channel", "chat")
    assert told.startswith("On “chat” alone: Run ")
    assert project.check() == []
    (project.runs.folder(2).snapshot / snapshot.WEIGHTS).write_text("[1.0]")
    assert "was changed after the start" in project.check()[0]
    project.close()


def test_what_was_flipped_cannot_be_balanced_away(biased: Project) -> None:
    learned = [row for row in biased.items.labelled() if row.split == "train" and "more" not in row.content["text"]]
    even = balancing.weights(biased, "channel", [(row.id, str(row.value)) for row in learned])
    assert even == pytest.approx([1.0] * 360), "label and slice are as independent as they can be"
    for by in ("colour", "label"):
        with pytest.raises(UserError, match=f"cannot be balanced by “{by}”"):
            training.check(biased, recipes.changed(TASKS[TASK].recipe, {"balance_by": by}))


def test_rows_of_a_file_are_sliced_too(biased: Project, tmp_path: Path) -> None:
    from tests import projects

    rows = [{"text": f"soup {place}", "label": "food", "channel": CHANNELS[place % 2]} for place in range(40)]
    file = projects.write_csv(tmp_path / "new.csv", rows, ("text", "label", "channel"))
    measured = evaluating.evaluate(biased, 1, str(file))
    told = slicing.of(biased, 1, measured.outcomes.on, "channel")
    assert {one.name: len(one) for one in told.slices} == {"mail": 20, "phone": 20}
    assert all(key < 0 for key in told.keys["mail"])
