"""The watch-dog: curves that are ill are spoken of once, curves that are well never."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.engine import overlap, watching
from desktop_llm.engine.plan import Plan
from desktop_llm.engine.run import run
from desktop_llm.engine.watching import Advice, Watch
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Advised, Event, Finished, Sampled
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

Curve = Callable[[float], float]
"""Of the share of the run that is done."""


def _watch(total: int = 1000, rows: int = 200, rate: float = 1e-3) -> Watch:
    plan = Plan(
        steps_per_epoch=total // 10, total_steps=total, eval_steps=total // 20, save_steps=0, metric="accuracy",
        higher_is_better=True, batch=16,
    )  # fmt: skip
    return Watch(Recipe(model=SCRATCH, learning_rate=rate), plan, rows, "Accuracy")


def _said(
    watch: Watch, loss: Curve, held: Curve, value: Curve, *, total: int = 1000, noise: float = 0.3, seed: int = 0
) -> list[tuple[int, Advice]]:
    """All that is said of a run with these curves, measured twenty times; kept and read again at each measurement."""
    source, told = np.random.default_rng(seed), list[tuple[int, Advice]]()
    for step in range(1, total + 1):
        share = step / total
        drawn = max(1e-4, loss(share) * (1 + noise * source.standard_normal()))
        told += [(step, one) for one in watch.steps([(step, drawn)])]
        if step % (total // 20) == 0:
            told += [(step, one) for one in watch.measured(step, value(share), held(share), {})]
            watch.memory = watching.from_json(json.loads(json.dumps(watching.to_json(watch.memory))))
    return told


def _about(told: Sequence[tuple[int, Advice]]) -> list[str]:
    return [one.about for _, one in told]


FALLING: Curve = lambda share: 4.3 * math.exp(-4 * share) + 0.2  # noqa: E731
RISING: Curve = lambda share: 0.9 - 0.85 * math.exp(-4 * share)  # noqa: E731


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.05, 0.5, 1.0])
@pytest.mark.parametrize(
    ("loss", "held", "value"),
    [
        (FALLING, FALLING, RISING),
        # learned by heart in the end, though the answers still become better
        (lambda share: 4.3 * math.exp(-9 * share), lambda share: 4.3 * math.exp(-6 * share) + 1.2 * share, RISING),
        # a language model: slow, and never near zero
        (
            lambda share: 7.0 - 2.5 * share**0.3,
            lambda share: 7.1 - 2.5 * share**0.3,
            lambda share: 2.5 * share**0.3 - 7,
        ),
        # fine-tuning what knows it already
        (lambda share: 0.30 - 0.1 * share, lambda share: 0.30 - 0.05 * share, lambda share: 0.9 + 0.02 * share),
        # a plateau at the start, then it falls
        (lambda share: 4.0 / (1 + math.exp(20 * (share - 0.25))) + 0.3, FALLING, RISING),
    ],
)
def test_of_a_run_that_is_well_nothing_is_said(loss: Curve, held: Curve, value: Curve, noise: float, seed: int) -> None:
    for total in (1000, 160, 60, 40):
        assert _about(_said(_watch(total), loss, held, value, noise=noise, seed=seed, total=total)) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_that_rises_again_is_divergence(seed: int) -> None:
    told = _said(_watch(), lambda share: FALLING(share) if share < 0.5 else 5.0, FALLING, RISING, seed=seed)
    assert _about(told) == ["divergence"]
    step, one = told[0]
    assert 500 < step <= 600
    assert one.action == "restart"
    assert one.value == {"learning_rate": 3.3e-4}


@pytest.mark.parametrize(("rate", "wanted"), [(1e-5, 5e-5), (1e-1, 1e-3)])
def test_a_loss_that_never_falls_asks_for_another_rate(rate: float, wanted: float) -> None:
    told = _said(_watch(rate=rate), lambda _: 4.3, lambda _: 4.3, lambda share: 0.013, noise=0.1)
    assert "no_progress" in _about(told)
    assert next(one for _, one in told if one.about == "no_progress").value == {"learning_rate": wanted}


@pytest.mark.parametrize("total", [40, 60, 100])
def test_a_short_run_whose_loss_never_falls_hears_of_it_near_its_end(total: int) -> None:
    told = _said(_watch(total), lambda _: 4.3, lambda _: 4.3, lambda share: 0.013, noise=0.05, total=total)
    stuck = [step for step, one in told if one.about == "no_progress"]
    assert len(stuck) == 1
    assert stuck[0] >= 0.8 * total


def test_a_short_run_that_diverges_hears_of_it() -> None:
    curve: Curve = lambda share: FALLING(share) if share < 0.5 else 6.0  # noqa: E731
    assert _about(_said(_watch(60), curve, FALLING, RISING, total=60, noise=0.1)) == ["divergence"]


def _measured(losses: Sequence[float], values: Sequence[float], dead: dict[str, int], steps: int = 25) -> list[str]:
    """What is said of a run with so few measurements."""
    plan = Plan(
        steps_per_epoch=steps, total_steps=steps * len(losses), eval_steps=steps, save_steps=0, metric="accuracy",
        higher_is_better=True, batch=16,
    )  # fmt: skip
    watch, told = Watch(Recipe(model=SCRATCH, learning_rate=1e-3), plan, 50), list[Advice]()
    for place, (loss, value) in enumerate(zip(losses, values, strict=True), 1):
        for step in range((place - 1) * steps + 1, place * steps + 1):
            told += watch.steps([(step, 2.0 * math.exp(-step / steps))])
        told += watch.measured(place * steps, value, loss, dead)
    return [one.about for one in told]


def test_few_measurements_are_enough_where_all_of_them_agree() -> None:
    assert _measured([1.0, 0.9, 1.4, 1.8, 2.0], [0.5, 0.6, 0.6, 0.6, 0.6], {}) == ["over_fitting"]
    assert _measured([1.0, 0.9, 1.0, 0.9, 1.0], [0.5, 0.6, 0.6, 0.61, 0.6], {}) == []
    for count in (1, 2, 3, 4):
        assert _measured([1.0] * count, [0.5 + place / 100 for place in range(count)], {"blue": 9}) == ["dead_classes"]
        assert _measured([1.0] * count, [0.5 + place / 100 for place in range(count)], {"blue": 2}) == []


def test_a_measure_that_stands_still_is_a_plateau() -> None:
    told = _said(_watch(), FALLING, FALLING, lambda share: RISING(min(share, 0.2)))
    assert _about(told) == ["plateau"]
    assert "step 200" in told[0][1].message
    assert told[0][1].action == "stop"


def test_learning_by_heart_is_told_where_answers_do_not_become_better() -> None:
    told = _said(
        _watch(),
        lambda share: 4.3 * math.exp(-12 * share),
        lambda share: 4.3 * math.exp(-12 * share) + 3 * max(0.0, share - 0.25),
        lambda share: RISING(min(share, 0.3)),
    )
    assert _about(told)[0] == "over_fitting"
    assert told[0][1].action == "stop"


def test_labels_that_are_never_answered_are_named_once_they_should_be_known() -> None:
    watch = _watch()
    for step in range(50, 1001, 50):
        told = watch.measured(step, RISING(step / 1000), FALLING(step / 1000), {"rare": 2, "blue": 9, "red": 12})
        if told:
            break
    assert step == 500
    assert [one.about for one in told] == ["dead_classes"]
    assert told[0].value == {"label": "red"}
    assert "“red”, “blue” are never" in told[0].message
    assert "21 held-out texts" in told[0].message


def test_labels_that_come_and_go_are_not_dead() -> None:
    watch = _watch()
    said = [watch.measured(step, 0.5, 1.0, {"blue": 9} if step % 100 else {}) for step in range(50, 801, 50)]
    assert not [one for told in said for one in told if one.about == "dead_classes"]


@pytest.mark.parametrize(("value", "rows", "told"), [(0.999, 200, True), (0.98, 200, False), (1.0, 50, False)])
def test_a_first_measurement_that_is_all_but_perfect_is_suspicious(value: float, rows: int, *, told: bool) -> None:
    watch = _watch(rows=rows)
    assert [one.about for one in watch.measured(50, value, 0.1, {})] == ["leakage"] * told
    assert watch.measured(100, 1.0, 0.1, {}) == []


def test_texts_in_training_and_held_out_are_counted_but_for_case_and_spaces() -> None:
    train = [{"id": place, "text": f"Text number {place}", "label": "a"} for place in range(100)]
    held = [{"id": 200 + place, "text": f"text  NUMBER {place}", "label": "b"} for place in range(97, 107)]
    told = overlap.advice({"train": train, "validation": held, "test": []})
    assert told is not None
    assert told.action == "leakage"
    assert told.message.startswith("3 of the 10 held-out texts")
    assert overlap.advice({"train": train, "validation": held[2:]}) is None
    assert overlap.advice({"train": train}) is None


@pytest.mark.parametrize("task", [name for name, one in TASKS.items() if one.learns])
def test_small_runs_that_are_well_hear_nothing_and_show_the_same_rows(tmp_path: Path, task: str) -> None:
    folder = run_folders.make(tmp_path, kind=fixture_of(TASKS[task]).kind, num_train_epochs=6.0, eval_steps=12)
    heard: list[Event] = []
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    advised = [event.about for event in heard if isinstance(event, Advised)]
    sampled = [event for event in heard if isinstance(event, Sampled)]
    # the few texts with which models learn to write are in training, too
    assert advised == ["leakage"] * TASKS[task].writes
    if TASKS[task].unsupervised:  # nothing is said of single rows
        assert sampled == []
        return
    assert len(sampled) == 6
    assert len({tuple((one["text"], one["truth"]) for one in event.samples) for event in sampled}) == 1
    assert all(isinstance(one["answer"], str) for event in sampled for one in event.samples)
