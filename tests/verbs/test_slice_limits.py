"""A limit for each slice: a planted slice is made alike, and what cannot be levelled is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import slice_limits, slicing
from desktop_llm.verbs.outcomes import TEST, Outcomes
from tests.run_folders import TASK

CHANNELS = ("chat", "mail", "phone")
CLASSES = ("food", "other", "travel")
MANY = next(one.name for one in TASKS.values() if one.loop is not None and one.loop.many)


WORDS = next(one.name for one in TASKS.values() if one.classes and one.loop is None)


@pytest.fixture
def kind() -> str:
    """The task of the project."""
    return TASK


@pytest.fixture
def project(tmp_path: Path, kind: str) -> Iterator[Project]:
    """Without rows."""
    made = Project.create(tmp_path / "Tickets", kind)
    yield made
    made.close()


def _filled(project: Project, count: int) -> tuple[list[int], np.ndarray]:
    """Rows in the project; their ids and the place of each one's channel. `rare` is that of the last five."""
    channels = [*(CHANNELS[place % 3] for place in range(count - 5)), *["rare"] * 5]
    labels = TASKS[project.task].labels
    rows = [
        NewItem(content={"text": f"text {place}"}, extra={"channel": channel}, label=None, split="test")
        for place, channel in enumerate(channels)
    ]
    project.items.insert("test.csv", rows, to_value=labels.to_value, class_names=labels.names)
    ids = [number for part in project.items.ids(Filter()) for number in part]
    return ids, np.asarray(channels)


def _outcomes(project: Project, count: int = 905, shift: float = 1.8, asked: bool = True) -> Outcomes:
    """Of three labels, one of which is told too seldom in one channel, whose logit is lower by `shift` there."""
    source = np.random.default_rng(3)
    ids, channels = _filled(project, count)
    truth = source.integers(0, 3, count)
    logits = source.normal(0.0, 1.0, (count, 3)) + 2.2 * np.eye(3)[truth]
    logits[:, 0] -= shift * (channels == "chat")
    told = logits.argmax(axis=1)
    chance = np.exp(logits).max(axis=1) / np.exp(logits).sum(axis=1)
    return Outcomes(
        run=1,
        on=TEST,
        ids=tuple(ids),
        truth=tuple(CLASSES[one] for one in truth),
        answers=tuple(
            Prediction(label=CLASSES[one], probability=float(sure), uncertainty=1 - float(sure), top=())
            for one, sure in zip(told, chance, strict=True)
        ),
        classes=CLASSES,
        logits=logits.astype(np.float32) if asked else None,
    )


def test_a_planted_slice_is_levelled_and_it_is_said(project: Project) -> None:
    rows = _outcomes(project)
    gaps = slicing.of(project, 1, TEST, "channel", told=rows).gaps
    label = slice_limits.most_unlike(gaps)
    assert label == "food"
    told = slice_limits.of(project, 1, TEST, "channel", label, told=rows)
    sides = {one.name: one for one in told.told.sides}
    assert set(sides) == {*CHANNELS, "rare"}
    hits = next(one.hits for one in gaps if one.label == "food")
    shares = [one.found.before for one in sides.values() if one.there >= 10]
    assert max(shares) - min(shares) == pytest.approx(hits), "they are those of the table"
    assert told.told.helps
    assert told.told.apart.after < 0.5 * told.told.apart.before
    assert told.words.startswith("The slices find ")
    for words in ("instead of", "that is more than chance", "precision goes from", "must know the channel of each row"):
        assert words in told.words
    assert "“rare”: there the model's own answers stay" in told.remarks[-1]
    assert slice_limits.limit_words(sides["rare"]) == "as now"
    assert 0.0 < float(slice_limits.limit_words(sides["chat"])) < sides["mail"].limit
    assert slice_limits.found_words(sides["chat"])[0].endswith(" %")


def test_alike_slices_are_left_alone(project: Project) -> None:
    rows = _outcomes(project, shift=0.0)
    told = slice_limits.of(project, 1, TEST, "channel", "food", told=rows)
    assert not told.told.helps
    assert "comes about by chance, too" in told.words
    assert "keep one limit for all" in told.words


def test_too_few_rows_are_not_levelled(project: Project) -> None:
    told = slice_limits.of(project, 1, TEST, "channel", "food", told=_outcomes(project, 40))
    assert told.words == (
        "By channel there are not two slices with 10 rows or more that have “food”; nothing can be levelled."
    )
    assert slice_limits.most_unlike(()) == ""


def test_what_cannot_be_levelled_is_said(project: Project) -> None:
    rows = _outcomes(project, 95)
    with pytest.raises(UserError, match="Run 1 knows no label “foood”; choose one of its own: food, other, travel"):
        slice_limits.of(project, 1, TEST, "channel", "foood", told=rows)
    with pytest.raises(UserError, match="By label there is one label a slice"):
        slice_limits.of(project, 1, TEST, "label", "food", told=rows)


def test_a_run_that_was_not_asked_for_its_chances(project: Project) -> None:
    with pytest.raises(UserError, match="was not asked for the chance of every label on test texts; measure it there"):
        slice_limits.of(project, 1, TEST, "channel", "food", told=_outcomes(project, 95, asked=False))


@pytest.mark.parametrize("kind", [MANY])
def test_rows_of_several_labels_start_from_the_models_own_limits(project: Project) -> None:
    ids, channels = _filled(project, 605)
    source = np.random.default_rng(5)
    true = source.random((605, 2)) < 0.4
    logits = source.normal(np.where(true, 1.2, -1.2), 1.0) - 2.5 * (channels == "chat")[:, None] * (1, 0)
    said = 1 / (1 + np.exp(-logits)) >= 0.3  # the model's own, not one half
    names = [[name for name, yes in zip("ab", one, strict=True) if yes] for one in said]
    rows = Outcomes(
        run=1,
        on=TEST,
        ids=tuple(ids),
        truth=tuple([name for name, yes in zip("ab", one, strict=True) if yes] for one in true),
        answers=tuple(Prediction(label=one, probability=0.5, uncertainty=0.5, top=()) for one in names),
        classes=("a", "b"),
        logits=logits.astype(np.float32),
    )
    told = slice_limits.of(project, 1, TEST, "channel", "a", told=rows)
    assert told.told.goal == pytest.approx(said[true[:, 0], 0].mean())
    assert told.told.helps
    limits = {one.name: one.limit for one in told.told.sides}
    assert limits["chat"] < 0.3 < limits["mail"], "the others were found more often than the goal"
    assert not any("other label" in one for one in told.remarks)


@pytest.mark.parametrize("kind", [WORDS])
def test_labels_of_words_have_no_limits(project: Project) -> None:
    with pytest.raises(UserError, match="Only labels of whole texts"):
        slice_limits.of(project, 1, TEST, "channel", "x")
