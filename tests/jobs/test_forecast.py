"""Forecasts travel as JSON and know to what they belong; what a run took is read from its events."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from desktop_llm.jobs import forecast as forecasts
from desktop_llm.jobs import renting
from desktop_llm.jobs.events import Continued, Event, Finished, Interrupted, Paused, Preparing, Started, StepDone
from desktop_llm.jobs.forecast import Forecast, Offer, costly, machine, stale, taken
from desktop_llm.jobs.recipe import Recipe, changed

RECIPE = Recipe()
ROWS = {"train": 1000, "validation": 100, "test": 100}
FORECAST = Forecast(
    machine=machine(),
    recipe=costly(RECIPE),
    rows=ROWS,
    labels=4,
    device="Processor",
    precision="bf16",
    parameters=1000,
    total_steps=100,
    measured_steps=10,
    sampled=False,
    seconds_per_step=0.1,
    preparing=1.0,
    evaluation=1.0,
    evaluations=4,
    checkpoint=0.5,
    checkpoints=2,
    seconds=16.0,
    low=14.0,
    high=18.0,
    memory=2_000_000_000,
    memory_there=10_000_000_000,
    disk=1_000_000,
    disk_free=2_000_000,
    energy=None,
    flops=3e15,
    slices=200.0,
    largest=Offer(kind="batch", values={"per_device_train_batch_size": 64}, memory=3_000_000_000, seconds=12.0),
    offers=(),
)


def test_a_forecast_comes_back_whole_and_a_damaged_one_not() -> None:
    told = json.loads(json.dumps(forecasts.to_json(FORECAST)))
    assert forecasts.from_json(told) == FORECAST
    assert forecasts.from_json(None) is None
    told.pop("memory")
    assert forecasts.from_json(told) is None


def test_it_belongs_to_what_costs_something() -> None:
    assert stale(FORECAST, changed(RECIPE, {"learning_rate": 1e-5, "seed": 7}), ROWS, 4) == ()
    assert stale(FORECAST, changed(RECIPE, {"max_length": 64}), ROWS, 4) == ("max_length",)
    assert stale(FORECAST, RECIPE, {**ROWS, "train": 1010}, 4) == ()
    assert stale(FORECAST, RECIPE, {**ROWS, "train": 1100}, 9) == ("rows", "labels")
    assert stale(replace(FORECAST, machine="elsewhere"), RECIPE, ROWS, 4) == ("machine",)


def test_memory_and_disk_decide_whether_it_fits() -> None:
    assert FORECAST.fits
    assert not replace(FORECAST, memory=11_000_000_000).fits
    assert not replace(FORECAST, disk=3_000_000).fits


def _step(at: float, step: int, memory: int) -> Event:
    return StepDone(
        at=at,
        step=step,
        epoch=0.0,
        loss=1.0,
        learning_rate=0.1,
        grad_norm=1.0,
        tokens_per_second=1.0,
        memory=memory,
        seconds=1.0,
    )


def test_pauses_and_the_time_after_a_crash_are_no_part_of_what_a_run_took() -> None:
    started = Started(at=2.0, total_steps=9, steps_per_epoch=9, parameters=1, device="Processor", precision="fp32")
    crashed = [Preparing(at=0.0, doing="x"), started, _step(3.0, 1, 50)]
    resumed = [
        Preparing(at=100.0, doing="x"),
        _step(102.0, 2, 70),
        Paused(at=103.0, step=2),
        Continued(at=203.0, step=2),
    ]
    end = [_step(204.0, 3, 60), Finished(at=205.0, step=3, reason="completed", seconds=3.0)]
    told = taken([*crashed, *resumed, *end])
    assert (told.seconds, told.memory, told.sessions) == (3.0 + 5.0, 70, 2)
    left = [Preparing(at=0.0, doing="x"), _step(3.0, 1, 50), Interrupted(at=4.0, step=1)]
    assert taken([*left, Preparing(at=10.0, doing="x"), _step(13.0, 2, 50)]).seconds == 4.0 + 3.0


def test_a_card_too_small_is_not_offered_and_the_cheapest_comes_first() -> None:
    big = 60_000_000_000
    quotes = renting.quotes(renting.KNOWN, 3e17, 1000.0, big)
    assert {one.card.name for one in quotes} == {"A100 80 GB", "H100 SXM", "H200"}
    assert [one.dollars for one in quotes] == sorted(one.dollars for one in quotes)
    hundred = next(one for one in quotes if one.card.name == "A100 80 GB")
    assert hundred.seconds == pytest.approx(3e17 / (0.3 * 312e12))
    assert hundred.dollars == pytest.approx((hundred.seconds + 300) / 3600 * 1.19)
    assert renting.quotes(renting.KNOWN, 1.0, 1000.0, big)[0].seconds == 4.0  # its kernels have to be launched


def test_prices_come_back_from_the_settings_and_nonsense_is_ours() -> None:
    own = replace(renting.KNOWN, date="2027-01-01", source="me", cards=renting.KNOWN.cards[:1])
    assert renting.from_text(renting.to_text(own)) == own
    assert renting.from_text("") == renting.from_text('{"cards": 3}') == renting.KNOWN
