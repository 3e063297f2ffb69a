"""How the device does its work: FLOPs against those that PyTorch counts, the peak, sensors, and what a run says."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from desktop_llm.engine import energy, flops, gauging, rate, what_learns
from desktop_llm.engine.device import Device
from desktop_llm.engine.run import run
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Gauged, Started
from desktop_llm.nets.learner import Learner, Packing
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

LEARNING = [name for name, one in TASKS.items() if one.learns]
CPU = torch.device("cpu")
WIDE: dict[str, Any] = {"hidden_size": 64, "num_attention_heads": 2, "group_by_length": False}


def _built(path: Path, task: str, **values: Any) -> tuple[Learner, Any]:
    """A learner at its start, and its encoded training rows."""
    folder = run_folders.make(path, kind=fixture_of(TASKS[task]).kind, **{**WIDE, **values})
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[task].open_learn().build(folder.job(), lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    if isinstance(learner, Packing):
        examples = learner.pack(examples)
    what_learns.settle(learner, folder.job().recipe)
    return learner, examples


def _counted(learner: Learner, examples: Any, chosen: list[int]) -> float:
    """What PyTorch counts for a step on examples of one length, so that nothing is padded."""
    batch = learner.collate(examples, chosen)
    with FlopCounterMode(display=False) as counter:
        learner.loss(batch).backward()  # type: ignore[no-untyped-call]
    return float(counter.get_total_flops())


def _of_one_length(examples: Any) -> list[int]:
    """The examples of the length that most have."""
    lengths = examples.lengths
    most = max(set(lengths.tolist()), key=lengths.tolist().count)
    return [place for place, length in enumerate(lengths) if length == most][:4]


@pytest.mark.parametrize("task", LEARNING)
def test_the_formula_says_what_pytorch_counts(tmp_path: Path, task: str) -> None:
    learner, examples = _built(tmp_path / "whole", task)
    chosen = _of_one_length(examples)
    told = flops.of(learner).of(examples.lengths[chosen])
    # each side of an encoder-decoder is taken to see half of the tokens
    sides = bool(getattr(getattr(learner.model, "config", None), "is_encoder_decoder", False))
    assert told == pytest.approx(_counted(learner, examples, chosen), rel=0.05 if sides else 0.01)
    base = tmp_path / "base"
    base.mkdir()
    learner.save(base)
    # nobody can tell which layers of two stacks are the lower ones
    for values in ({"lora_r": 4},) if sides else ({"lora_r": 4}, {"freeze_layers": 1}):
        part, examples = _built(tmp_path / next(iter(values)), task, model=str(base), **values)
        less = flops.of(part).of(examples.lengths[chosen])
        assert less == pytest.approx(_counted(part, examples, chosen), rel=0.1)
        assert less < 0.9 * told


def test_a_weight_in_4_bits_counts_with_all_of_its_numbers(tmp_path: Path) -> None:
    learner, examples = _built(tmp_path / "whole", "text_classification")
    base = tmp_path / "base"
    base.mkdir()
    learner.save(base)
    part, examples = _built(tmp_path / "part", "text_classification", model=str(base), lora_r=4)
    told = flops.of(part).of(examples.lengths)
    packed = 0
    for name, module in part.model.named_modules():
        if name.endswith("base_layer"):  # as bitsandbytes keeps it: two numbers in a byte, the shape beside them
            shape = module.weight.shape
            module.weight = torch.nn.Parameter(
                torch.zeros(shape.numel() // 2, 1, dtype=torch.uint8), requires_grad=False
            )
            module.weight.quant_state = SimpleNamespace(shape=shape)
            packed += 1
    assert packed
    assert flops.of(part).of(examples.lengths) == told


def test_a_text_counts_for_more_than_its_tokens_and_local_layers_for_less() -> None:
    whole = flops.Flops(token=10.0, text=100.0, pair=2.0, windows=((0, 3), (0, 0)))
    assert whole.of(np.array([4, 8])) == 10 * 12 + 200 + 2 * 3 * (16 + 64)
    local = flops.Flops(token=10.0, text=100.0, pair=2.0, windows=((0, 1), (5, 2)))
    assert local.of(np.array([4, 8])) == 10 * 12 + 200 + 2 * (16 + 64) + 2 * 2 * (16 + 40)


@pytest.mark.parametrize(
    ("title", "precision", "teraflops"),
    [
        ("NVIDIA H200", "bf16", 989.0),
        ("NVIDIA H100 80GB HBM3", "fp32", 494.5),
        ("NVIDIA H100 PCIe", "bf16", 756.0),
        ("NVIDIA A100-SXM4-80GB", "fp16", 312.0),
        ("NVIDIA A10", "bf16", 125.0),
        ("NVIDIA L40S", "bf16", 362.0),
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", 0.0),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16", 0.0),
        ("Quadro P400", "fp32", 0.0),
    ],
)
def test_known_cards_have_a_published_rate(title: str, precision: str, teraflops: float) -> None:
    card = Device(torch=torch.device("cuda"), precision=precision, title=title)
    assert rate.published(card) == teraflops * 1e12


def test_the_measured_rate_of_a_processor_draws_no_random_number() -> None:
    torch.manual_seed(5)
    before, began = torch.get_rng_state(), time.process_time()
    told = rate.peak(Device(torch=CPU, precision="fp32", title="Processor"))
    assert 1e9 < told < 1e15
    assert time.process_time() - began < 2.0
    assert torch.equal(torch.get_rng_state(), before)


def test_sensors_are_read_where_there_are_any(tmp_path: Path) -> None:
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "energy_uj").write_text("1000000\n")
    read = threading.Event()
    degrees = iter([40.0, 41.5])

    def thermometer() -> float:
        told = next(degrees, 43.0)
        (package / "energy_uj").write_text(f"{int(told * 1e9)}\n")
        if told == 43.0:
            read.set()
        return told

    sensors = gauging.Sensors(energy.Meter(CPU, tmp_path), thermometer, 0.01)
    assert read.wait(10.0)
    sensors.close()
    celsius, watts = sensors.told
    assert celsius == 43.0
    assert watts >= 0.0


def test_nothing_is_read_where_there_is_nothing(tmp_path: Path) -> None:
    before = threading.active_count()
    sensors = gauging.Sensors(energy.Meter(CPU, tmp_path / "none"), lambda: None, 0.01)
    assert threading.active_count() == before
    sensors.close()
    assert sensors.told == (0.0, 0.0)


def test_watts_are_joules_over_the_time_between(tmp_path: Path) -> None:
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "energy_uj").write_text("1000000\n")
    sensors = gauging.Sensors(energy.Meter(CPU, tmp_path), lambda: None, 3600.0)
    then, _ = sensors.last
    (package / "energy_uj").write_text("3000000\n")
    sensors.read()
    now, _ = sensors.last
    celsius, watts = sensors.told
    assert celsius == 0.0
    assert watts == pytest.approx(2.0 / (now - then))
    sensors.close()


def test_a_run_says_which_share_of_the_peak_it_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauging, "EVERY_SECONDS", 0.0)
    heard: list[Event] = []
    folder = run_folders.make(tmp_path, hidden_size=128, num_train_epochs=1.0)
    run(folder.path, heard.append, Control())
    started = next(one for one in heard if isinstance(one, Started))
    gauged = [one for one in heard if isinstance(one, Gauged)]
    assert started.peak > 0
    assert gauged
    assert all(0.0 < one.mfu < 3.0 for one in gauged)
    assert [one for one in folder.read_events() if isinstance(one, Gauged)] == gauged
