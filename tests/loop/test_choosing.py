"""Which rows come next: those that the orders promise."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import choosing, refit
from desktop_llm.loop.features import directions
from desktop_llm.loop.pool import Pool
from tests.loop.blobs import blobs


def test_typical_rows_come_from_regions_without_a_label() -> None:
    """Three clouds, one of them labeled: the next two rows are of the two others."""
    x, of = blobs(300, 3, spread=0.1)
    labeled = of == 0
    chosen = choosing.typical(directions(x), labeled, 2, seed=1)
    assert not labeled[chosen].any()
    first = choosing.typical(directions(x), np.zeros(300, dtype=bool), 3, seed=1)
    assert sorted(of[first]) == [0, 1, 2]


def test_doubt_is_the_lead_of_the_likeliest_label() -> None:
    """And, with several labels a row, nearness to one half."""
    made = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.2, 0.5, 0.3]], dtype=np.float32)
    assert np.allclose(choosing.doubt(made), [1.0, 0.2, 0.8])
    assert np.allclose(choosing.doubt(np.array([[0.5, 0.99], [0.01, 0.9]], np.float32), many=True), [1.0, 0.2])


def test_of_equal_doubts_the_one_about_a_rare_label_comes_first() -> None:
    """But a doubt that is twice as great about a label four times as common counts as much."""
    made = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]], dtype=np.float32)
    told = choosing.worth(np.array([0.5, 0.5, 1.0], dtype=np.float32), made, np.array([15.0, 3.0]))
    assert np.allclose(told, [0.125, 0.25, 0.25])


def test_doubtful_rows_differ_and_none_comes_twice() -> None:
    """Of twenty equal rows in doubt one is enough, when others are in doubt, too."""
    unit = directions(np.concatenate([np.ones((20, 4)), np.eye(4), -np.eye(4)]).astype(np.float32))
    doubts = np.ones(28, dtype=np.float32)
    chosen = choosing.doubtful(unit, doubts, np.arange(28), 9)
    assert len(set(chosen.tolist())) == 9
    assert (chosen < 20).sum() == 1


def test_a_committee_of_one_mind_has_no_disagreement() -> None:
    """And opposites have all of it."""
    made = np.array([[1.0, 0.0], [1.0, 0.0]])
    other = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(choosing.disagreement(made, [other]), [0.0, 1.0], atol=1e-6)


def test_every_order_holds_each_waiting_row_once() -> None:
    """Whatever was wished, before and after there is something to learn from."""
    x, of = blobs(200, 3)
    pool = Pool(x)
    for known in (np.arange(5), np.arange(60)):
        labels = [(str(of[place]),) for place in known]
        for wanted in ("uncertain", "diverse", "random", "disagreement"):
            turn = refit.refit(pool, known, labels, wanted=wanted)
            assert sorted(turn.order.tolist()) == list(range(len(known), 200)), wanted
            assert (turn.probabilities is None) == (len(known) < refit.FEW)


def test_from_the_twentieth_label_on_there_are_suggestions() -> None:
    """Not before, as nothing can be said of them then."""
    x, of = blobs(100, 2)
    pool = Pool(x)
    assert refit.refit(pool, np.arange(19), [(str(one),) for one in of[:19]]).probabilities is None
    turn = refit.refit(pool, np.arange(20), [(str(one),) for one in of[:20]])
    assert turn.probabilities is not None
    assert (turn.probabilities[20:].argmax(axis=1) == of[20:]).mean() > 0.9


def test_a_class_that_comes_later_joins_what_was_learned() -> None:
    """The head begins with what it had for the others."""
    x, of = blobs(300, 3, spread=0.3)
    pool = Pool(x)
    early = np.flatnonzero(of < 2)[:60]
    first = refit.refit(pool, early, [(str(one),) for one in of[early]])
    turn = refit.refit(pool, np.arange(90), [(str(one),) for one in of[:90]], memory=first.memory)
    assert turn.classes == ("0", "1", "2")
    assert turn.probabilities is not None
    assert (turn.probabilities[90:].argmax(axis=1) == of[90:]).mean() > 0.9


def test_the_estimate_is_near_the_truth() -> None:
    """On clouds that overlap, so that the head is often wrong and must know it."""
    x, of = blobs(1200, 4, width=4, spread=1.0)
    turn = refit.refit(Pool(x), np.arange(200), [(str(one),) for one in of[:200]])
    assert turn.probabilities is not None
    assert turn.accuracy is not None
    truth = (turn.probabilities[200:].argmax(axis=1) == of[200:]).mean()
    assert truth < 0.9
    assert abs(turn.accuracy - truth) < 0.06


def test_several_labels_a_row() -> None:
    """Rows with none are learned from, too."""
    x, _ = blobs(300, 3, seed=2)
    labels = [tuple(name for name, column in (("a", 0), ("b", 1)) if row[column] > 0) for row in x]
    turn = refit.refit(Pool(x), np.arange(150), labels[:150], many=True)
    assert turn.classes == ("a", "b")
    assert turn.probabilities is not None
    truth = np.array([["a" in one, "b" in one] for one in labels])
    assert ((turn.probabilities >= 0.5) == truth)[150:].mean() > 0.85
