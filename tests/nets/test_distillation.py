"""Learning from a teacher: the loss by hand, its gradient in pieces, classes and words that are in another order."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe_teacher
from desktop_llm.nets import distillation, head_loss, word_lesson
from desktop_llm.nets.distillation import Lesson, Said
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.nets.words import WordRows


def _softmax(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(one / temperature) for one in logits]
    return [one / sum(powers) for one in powers]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_the_loss_is_that_of_the_paper(temperature: float) -> None:
    ours, theirs = [[0.5, -1.0, 2.0], [3.0, 0.0, 0.0]], [[1.0, 1.5, -2.0], [3.0, 0.0, 0.0]]
    wanted = [
        temperature**2
        * sum(p * math.log(p / q) for p, q in zip(_softmax(them, temperature), _softmax(us, temperature), strict=True))
        for us, them in zip(ours, theirs, strict=True)
    ]
    told = distillation.losses(torch.tensor(ours), torch.tensor(theirs), temperature)
    assert told.tolist() == pytest.approx(wanted, abs=1e-6)
    assert told[1] == 0.0


def test_the_gradient_is_the_difference_of_the_chances_times_the_temperature() -> None:
    logits = torch.randn(4, 5, requires_grad=True)
    said, temperature = torch.randn(4, 5), 3.0
    distillation.losses(logits, said, temperature).sum().backward()  # type: ignore[no-untyped-call]
    wanted = temperature * (torch.softmax(logits.detach() / temperature, -1) - torch.softmax(said / temperature, -1))
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, wanted)


def test_classes_that_are_questions_of_their_own_are_compared_one_by_one() -> None:
    ours, theirs, temperature = torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0, -1.0]]), 2.0
    p, q = (float(torch.sigmoid(one[0, 0] / temperature)) for one in (theirs, ours))
    wanted = temperature**2 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))) / 2
    assert float(distillation.losses_apart(ours, theirs, temperature)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("headless", [False, True])
def test_tokens_in_pieces_have_the_loss_and_gradient_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, headless: bool
) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([3, IGNORED, 0, 11, 5, IGNORED, 2])
    hidden, head = torch.randn(7, 4), torch.randn(12, 4)
    theirs = Said(torch.randn(7, 10), None) if headless else Said(torch.randn(7, 6), torch.randn(10, 6))
    lesson = Lesson(temperature=2.0, weight=0.75)
    found = []
    for pieces in (100, 2):
        monkeypatch.setattr(head_loss, "pieces", lambda *_, size=pieces: size)
        parts = [hidden.clone().requires_grad_(), head.clone().requires_grad_()]
        loss = distillation.token_loss(lesson, Said(parts[0], parts[1]), theirs, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append((loss.detach(), *(one.grad for one in parts)))
    some = labels != IGNORED
    logits = hidden[some] @ head.t()
    said = theirs.states[some] if theirs.head is None else theirs.states[some] @ theirs.head.t()
    hard = torch.nn.functional.cross_entropy(logits, labels[some])
    soft = distillation.losses(logits[:, :10], said, 2.0).mean()
    torch.testing.assert_close(found[0][0], 0.25 * hard + 0.75 * soft)
    torch.testing.assert_close(found[0], found[1])


def test_where_no_token_counts_there_is_nothing_to_learn() -> None:
    hidden = torch.randn(2, 4, requires_grad=True)
    said = Said(torch.randn(2, 6), None)
    loss = distillation.token_loss(
        Lesson(temperature=2.0, weight=0.5), Said(hidden, torch.randn(6, 4)), said, torch.tensor([IGNORED, IGNORED])
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0
    assert hidden.grad is not None
    assert not hidden.grad.any()


def test_a_teacher_must_know_the_labels() -> None:
    assert recipe_teacher.columns(["b", "a"], ["a", "c", "b"]) == [2, 0]
    with pytest.raises(UserError, match="does not know 1 of the 2 labels, such as “d”"):
        recipe_teacher.columns(["a", "d"], ["a", "b"])


@pytest.mark.parametrize("agreed", [True, False])
def test_words_are_found_by_their_place(agreed: bool) -> None:
    """The learner has a word that the teacher cuts in two; the teacher's labels stand in another order."""
    rows = WordRows(
        ids=np.arange(5, dtype=np.int32),
        starts=np.asarray([0, 3, 5]),
        heads=np.asarray([0, 1, 2, 0, 1], dtype=np.int32),
        places=np.asarray([[0, 2], [3, 5], [6, 9], [0, 4], [5, 6]], dtype=np.int32),
        targets=np.zeros(5, dtype=np.int16),
        word_starts=np.asarray([0, 3, 5]),
        before=(),
        after=(),
        room=16,
        seams=np.zeros(5, dtype=np.int32),
        kinds=("",),
    )
    places = [torch.tensor([[0, 2], [3, 4], [4, 5], [6, 9]]), torch.tensor([[0, 4], [5, 6]])]
    tags = [torch.randn(4, 5), torch.randn(2, 5)]
    tags[0][1:3] = torch.tensor([[0.0, 3.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 4.0 - 4.0 * agreed]])
    told = torch.from_numpy(word_lesson.aligned(rows, places, tags, [1, 0])).float()
    # what it says of both pieces is of the whole
    assert torch.isnan(told).all(dim=1).tolist() == [False, not agreed, False, False, False]
    if agreed:
        wanted = word_lesson.of_classes(tags[0][1:2])[:, [0, 2, 1]]
        torch.testing.assert_close(torch.softmax(told[1:2], -1), torch.softmax(wanted, -1), atol=2e-3, rtol=0)
    chances = torch.softmax(tags[0][3], -1)
    wanted = torch.stack([chances[0], chances[3] + chances[4], chances[1] + chances[2]])
    torch.testing.assert_close(torch.softmax(told[2], -1), wanted, atol=2e-3, rtol=0)
    ours = torch.randn(5, 5)
    known = ~torch.isnan(told[:, 0])
    wanted = distillation.losses(word_lesson.of_classes(ours)[known], told[known], 2.0).sum()
    torch.testing.assert_close(word_lesson.loss(ours, told, 2.0), wanted)


def test_a_word_that_begins_or_ends_inside_of_a_teachers_word_is_not_known() -> None:
    rows = WordRows(
        ids=np.arange(4, dtype=np.int32),
        starts=np.asarray([0, 4]),
        heads=np.arange(4, dtype=np.int32),
        places=np.asarray([[0, 1], [1, 4], [4, 7], [8, 9]], dtype=np.int32),
        targets=np.zeros(4, dtype=np.int16),
        word_starts=np.asarray([0, 4]),
        before=(),
        after=(),
        room=16,
        seams=np.zeros(4, dtype=np.int32),
        kinds=("",),
    )
    places, tags = [torch.tensor([[0, 2], [2, 5], [5, 7]])], [torch.ones(3, 3)]
    assert np.isnan(word_lesson.aligned(rows, places, tags, [0])).all()


def test_the_loss_of_a_tag_is_that_of_its_class_and_of_the_tag_within_it() -> None:
    tags, targets = torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 4, -1])
    whole = torch.nn.functional.cross_entropy(tags, targets, ignore_index=-1, reduction="sum")
    classes = torch.tensor([0, 1, 1, 2, 2, -1])
    of_classes = torch.nn.functional.cross_entropy(
        word_lesson.of_classes(tags), classes, ignore_index=-1, reduction="sum"
    )
    torch.testing.assert_close(of_classes + word_lesson.beginnings(tags, targets), whole)


def test_labels_are_smoothed_beside_a_teacher_as_without_one() -> None:
    torch.manual_seed(0)
    ours, theirs = Said(torch.randn(5, 8), None), Said(torch.randn(5, 8), None)
    labels = torch.tensor([3, IGNORED, 0, 5, 2])
    told = distillation.token_loss(Lesson(temperature=2.0, weight=0.0), ours, theirs, labels, smoothing=0.2)
    wanted = torch.nn.functional.cross_entropy(ours.states, labels, ignore_index=IGNORED, label_smoothing=0.2)
    torch.testing.assert_close(told, wanted)
