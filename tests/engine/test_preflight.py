"""The pre-flight measures a real run: its steps, what fits into memory, what would, and what is written."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_llm.engine import energy, fitting, flops, peak, preflight
from desktop_llm.engine import pace as paces
from desktop_llm.engine.peak import Watch
from desktop_llm.engine.trial import Trial, Work
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders


def _trial(path: Path, count: int, **values: Any) -> Trial:
    return _trial_of(run_folders.make(path, count=count, **values))


def _trial_of(folder: RunFolder) -> Trial:
    return Trial(folder, lambda: 0.0, lambda *_: None)


def test_steps_evaluations_and_checkpoints_are_those_of_the_run(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, num_train_epochs=10.0, save_steps=30, eval_steps=50)
    said: list[str] = []
    told = preflight.measure(folder.path, lambda doing, *_: said.append(doing))
    assert (told.total_steps, told.evaluations, told.checkpoints) == (120, 3, 5)
    assert told.rows == {"train": 96, "validation": 16, "test": 16, "unlabeled": 0}
    parts = told.preparing + 120 * told.seconds_per_step + 3 * told.evaluation + 5 * told.checkpoint
    assert parts < told.seconds < 3 * parts
    assert told.low < told.seconds < told.high
    assert told.fits
    assert told.offers == ()
    assert told.flops > 6 * 96 * 10 * 3 * 32 * 32  # of the attention alone, at three tokens a text
    assert "Measuring steps" in said
    assert not any(folder.checkpoints.glob("*"))


def test_what_is_computed_is_what_the_run_will_say_of_itself(tmp_path: Path) -> None:
    whole = _trial(tmp_path / "whole", 96, max_length=64, num_train_epochs=1.0)
    works = [whole.work(group) for group in whole.groups]
    told = preflight._computed(whole, works)
    lengths = whole.examples["train"].lengths
    real = sum(flops.of(whole.learner).of(lengths[batch]) for group in whole.groups for batch in group)
    assert real <= told < 1.5 * real  # what is padded is computed, too
    base = tmp_path / "base"
    base.mkdir()
    whole.learner.save(base)
    # what is frozen has no gradient of its own
    part = _trial(tmp_path / "part", 96, max_length=64, num_train_epochs=1.0, model=str(base), lora_r=2)
    assert preflight._computed(part, works) < 0.9 * told


def test_rows_that_are_drawn_more_often_are_measured_more_often(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, num_train_epochs=10.0)
    splits = {split: list(snapshot.rows(folder.snapshot, split)) for split in snapshot.SPLITS}
    snapshot.write(folder.snapshot, splits, [1.9] * 48 + [0.1] * 48)
    drawn = np.concatenate([batch for group in _trial_of(folder).groups for batch in group])
    assert len(drawn) == 960
    assert 0.9 < float((drawn < 48).mean()) < 1.0


def test_of_several_processes_the_share_of_one_is_measured(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path / "two", num_processes=2, num_train_epochs=10.0)
    told = preflight.measure(folder.path)
    assert told.total_steps == 60  # twice as many texts a step
    assert told.device == "2 × Processor"
    assert {len(batch) for group in _trial_of(folder).groups for batch in group} == {8}
    with pytest.raises(UserError, match="fsdp"):
        _trial(tmp_path / "parts", 96, num_processes=2, fsdp="full_shard")


def test_what_fits_is_found_where_a_recipe_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = _trial(tmp_path, count=400, per_device_train_batch_size=64, max_length=64)
    works = [trial.work(group) for group in trial.groups]
    longest = max(range(len(works)), key=lambda place: works[place].largest)
    whole = fitting.climb(trial, trial.groups[longest], Watch(torch.device("cpu")))
    assert whole.fits
    assert whole.places == works[longest].largest
    pace = paces.measure(trial, trial.groups[:6], [whole.tried[-1:]], lambda: 0.0)
    # a place that takes a megabyte, and room for a third of the batch
    tight = fitting.Memory(
        peak=whole.places * 1_000_000,
        places=whole.places,
        per_place=1_000_000.0,
        limit=whole.places * 1_000_000 // 3,
        tried=whole.tried,
        whole=False,
    )
    offers = fitting.offers(trial, tight, pace)
    assert offers
    assert all(one.memory <= tight.limit for one in offers)
    first = offers[0]
    assert first.kind == "accumulation"
    size, rounds = first.values["per_device_train_batch_size"], first.values["gradient_accumulation_steps"]
    assert size * rounds == 64
    assert size <= 32
    monkeypatch.setattr(peak, "there", lambda device: 1)
    refused = fitting.climb(trial, trial.groups[longest], Watch(torch.device("cpu")))
    if peak.forget(torch.device("cpu")):  # where the peak cannot be counted anew, only the real batch tells
        assert not refused.whole
        assert not refused.fits


def test_the_largest_batch_keeps_to_the_memory_and_to_the_texts_of_a_step(tmp_path: Path) -> None:
    trial = _trial(tmp_path, count=400, per_device_train_batch_size=4, gradient_accumulation_steps=8)
    works = [trial.work(group) for group in trial.groups]
    most = max(work.largest for work in works)
    pace = paces.measure(trial, trial.groups[:6], [trial.worst(trial.groups[0])[-1:]], lambda: 0.0)

    def memory(limit: int) -> fitting.Memory:
        tried = trial.worst(trial.groups[0])
        return fitting.Memory(peak=most * 1000, places=most, per_place=1000.0, limit=limit, tried=tried)

    wide = fitting.largest(trial, memory(10**12), pace)
    assert wide is not None
    assert wide.values == {"per_device_train_batch_size": 32, "gradient_accumulation_steps": 1}
    narrow = fitting.largest(trial, memory(wide.memory - 1), pace)
    assert narrow is not None
    assert narrow.values["per_device_train_batch_size"] < 32
    assert narrow.memory <= wide.memory - 1
    assert fitting.largest(trial, memory(most * 1000), pace) is None


@pytest.mark.parametrize(("size", "rounds"), [(8, 3), (5, 5)])
def test_a_step_learns_from_exactly_as_many_texts_whatever_is_offered(tmp_path: Path, size: int, rounds: int) -> None:
    trial = _trial(tmp_path, count=400, per_device_train_batch_size=size, gradient_accumulation_steps=rounds)
    most = max(trial.work(group).largest for group in trial.groups)
    tried = trial.worst(trial.groups[0])
    pace = paces.measure(trial, trial.groups[:3], [tried[-1:]], lambda: 0.0)

    def memory(limit: int) -> fitting.Memory:
        return fitting.Memory(peak=most * 1000, places=most, per_place=1000.0, limit=limit, tried=tried)

    wide = fitting.largest(trial, memory(10**12), pace)
    assert wide is not None
    assert wide.kind == "enough"  # the texts of a step end it, not the memory
    assert wide.values == {"per_device_train_batch_size": size * rounds, "gradient_accumulation_steps": 1}
    narrow = fitting.largest(trial, memory(wide.memory - 1), pace)
    smaller = fitting.offers(trial, memory(most * 500), pace)[0]
    assert smaller.kind == "accumulation"
    for one in (narrow, smaller) if narrow is not None else (smaller,):
        assert one.kind != "enough"
        assert one.values["per_device_train_batch_size"] * one.values["gradient_accumulation_steps"] == size * rounds


def test_where_rows_end_the_batch_the_memory_is_not_blamed(tmp_path: Path) -> None:
    trial = _trial(tmp_path, count=400, per_device_train_batch_size=4)
    tried = trial.worst(trial.groups[0])
    pace = paces.measure(trial, trial.groups[:3], [tried[-1:]], lambda: 0.0)
    roomy = fitting.Memory(peak=1000, places=1, per_place=1.0, limit=10**12, tried=tried)
    offer = fitting.largest(trial, roomy, pace)
    assert offer is not None
    assert (offer.kind, offer.values["per_device_train_batch_size"]) == ("enough", 32)
    tight = fitting.largest(trial, replace(roomy, limit=offer.memory - 1), pace)
    assert tight is not None
    assert tight.kind == "batch"


def test_a_pace_counts_steps_and_places_and_growth_ends(tmp_path: Path) -> None:
    works = [Work(((4, 10),), 40, 40), Work(((4, 10), (2, 20)), 80, 40)] * 5
    pace = paces.Pace(step=1.0, place=0.1, overhead=10.0, spread=0.05, count=4, grown=1000, shapes=1)
    assert math.isclose(pace.seconds(works, 10), 10 * (1.0 + 0.1 * (50 + 100) / 2))
    assert 0 < pace.growth(works) < 1000

    def growth(shapes: int) -> int:
        return pace.growth([Work(((4, length),), 40, 40) for length in range(1, shapes + 1)])

    assert growth(1) == 0
    assert growth(400) - growth(200) < 0.2 * growth(200)


def test_joules_come_from_the_packages_and_not_from_their_parts(tmp_path: Path) -> None:
    for name, joules in (("intel-rapl:0", 5), ("intel-rapl:1", 7), ("intel-rapl:0:0", 100)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{joules}000000\n")
    meter = energy.Meter(torch.device("cpu"), tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("9500000\n")
    assert meter.joules() == 4.5
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("1\n")  # its counter began anew
    assert meter.joules() is None
    assert energy.Meter(torch.device("cpu"), tmp_path / "nothing").joules() is None


def test_the_peak_of_a_part_and_of_all() -> None:
    watch = Watch(torch.device("cpu"))
    block = torch.ones(64, 1024, 1024)  # 256 MB, on pages of their own
    high = peak.peak(torch.device("cpu"))
    del block
    if not watch.part():
        pytest.skip("this system counts the peak of a whole process only")
    assert watch.now() < high - 128 * 2**20
    assert watch.most() > 0.99 * high  # the system counts pages by the dozen


def test_steps_are_measured_as_they_are_learned_with_dropout(tmp_path: Path) -> None:
    trial = _trial(tmp_path, 16, hidden_dropout_prob=0.3)
    trial.step(trial.groups[0])
    assert trial.learner.model.training
