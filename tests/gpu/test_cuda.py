"""What a CUDA device computes: the same as a processor, the same again after a kill, in less memory where it is full.

python -m pytest tests/gpu -m gpu        # where Qt is missing: --noconftest -p no:pytestqt beside it
"""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_llm import atomic
from desktop_llm.engine import device as devices
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.preflight import measure
from desktop_llm.engine.replaying import Replay
from desktop_llm.engine.run import run
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, Gauged, Interrupted, Noted, Paused, Saved, StepDone
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.nets import head_kernel, head_loss
from desktop_llm.nets.learner import Batch, Packing
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

pytestmark = pytest.mark.gpu

WRITER = next(name for name, one in TASKS.items() if one.unsupervised)
SMALL = {"device": "cuda", "bf16": True, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(autouse=True)
def _room() -> Any:
    torch.cuda.empty_cache()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def _folder(path: Path, task: str = run_folders.TASK, count: int = 96, **values: Any) -> RunFolder:
    return run_folders.make(path, kind=fixture_of(TASKS[task]).kind, count=count, **{**SMALL, **values})


def _gradient(folder: RunFolder) -> Gradient:
    job = folder.job()
    torch.manual_seed(0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[job.task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    device = devices.choose(job.recipe)
    device.take(learner.model)
    if isinstance(learner, Packing):
        examples = learner.pack(examples)
    learner.model.train()
    return Gradient(learner, examples, device, group_by_length=False)


def _heard(folder: RunFolder, control: Control | None = None, asks: dict[int, str] | None = None) -> list[Event]:
    heard: list[Event] = []
    control = control or Control()

    def on_event(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Saved) and event.step in (asks or {}):
            control.obey((asks or {})[event.step])
        if isinstance(event, Paused):
            control.proceed()

    heard.append(run(folder.path, on_event, control))
    return heard


def _losses(heard: list[Event]) -> list[float]:
    return [one.loss for one in heard if isinstance(one, StepDone)]


def _weights(folder: RunFolder) -> str:
    return atomic.sha256(folder.model / "model.safetensors")


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("size", [50, 20_001])
def test_the_kernel_tells_loss_and_gradient_of_logits(kind: torch.dtype, size: int) -> None:
    torch.manual_seed(0)
    logits = (torch.randn(37, size + 3, device="cuda") * 3).to(kind)[:, :size]
    targets = torch.randint(size, (37,), device="cuda")
    targets[5] = head_loss.IGNORED
    plain = logits.detach().float().clone().requires_grad_()
    wanted = torch.nn.functional.cross_entropy(plain, targets, ignore_index=head_loss.IGNORED, reduction="none")
    (wanted.sum() * 0.25).backward()  # type: ignore[no-untyped-call]
    share = torch.tensor(0.25, device="cuda")
    told = head_kernel.losses_(logits.clone(), targets, None, head_loss.IGNORED)
    torch.testing.assert_close(told, wanted.detach(), rtol=1e-5, atol=1e-5)
    copy = logits.clone()
    head_kernel.losses_(copy, targets, share, head_loss.IGNORED)
    near, apart = (1e-4, 1e-6) if kind == torch.float32 else (1e-2, 1e-3)
    torch.testing.assert_close(copy.float(), plain.grad, rtol=near, atol=apart)


def test_the_heads_loss_is_that_of_all_logits_at_once() -> None:
    torch.manual_seed(0)
    made = [torch.randn(*shape, device="cuda", requires_grad=True) for shape in ((700, 64), (3000, 64))]
    targets = torch.randint(3000, (700,), device="cuda")
    found = []
    for way in ("ours", "plain"):
        hidden, weight = made
        loss = (
            head_loss.mean_loss(hidden, weight, targets)
            if way == "ours"
            else torch.nn.functional.cross_entropy(hidden @ weight.t(), targets)
        )
        found.append((loss.detach(), torch.autograd.grad(loss, made)))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-2, atol=2e-5)


def test_texts_of_a_block_are_kept_apart_as_by_a_mask(tmp_path: Path) -> None:
    gradient = _gradient(_folder(tmp_path, WRITER, num_attention_heads=4))
    learner: Any = gradient.learner
    batch = {name: value.cuda() for name, value in learner.collate(gradient._examples, range(4)).items()}
    assert "starts" in batch, "the kernel is not there: the comparison would be empty"
    found = []
    for drop in (False, True):
        told = {name: value for name, value in batch.items() if not (drop and name == "starts")}
        with gradient.device.autocast():
            loss = learner.loss(told)
        found.append((loss.detach(), torch.autograd.grad(loss, list(learner.model.parameters()))))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-3, atol=1e-3)
    ours, theirs = (torch.cat([one.flatten() for one in grads]) for _, grads in found)
    assert float(torch.nn.functional.cosine_similarity(ours, theirs, dim=0)) > 0.999


@pytest.mark.parametrize("task", [run_folders.TASK, WRITER])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_what_is_replayed_is_what_would_be_launched(tmp_path: Path, task: str, dropout: float) -> None:
    found = []
    for replays in (False, True):
        gradient = _gradient(_folder(tmp_path / str(replays), task, hidden_dropout_prob=dropout))
        gradient.replays = replays
        told = []
        for step in range(6):
            torch.manual_seed(step)
            gradient.learner.model.zero_grad(set_to_none=True)
            loss = gradient.add([np.arange(8), np.arange(8) + step % 2])
            told.append(
                (float(loss), [one.grad.clone() for one in gradient.learner.model.parameters() if one.grad is not None])
            )
        assert (gradient._replay is not None and bool(gradient._replay._recorded)) == replays
        found.append(told)
    for (loss, grads), (other, others) in zip(*found, strict=True):
        assert loss == pytest.approx(other, rel=1e-3)
        assert len(grads) == len(others)
        mine, theirs = (torch.cat([one.flatten() for one in some]) for some in (grads, others))
        if not dropout:
            assert float(torch.nn.functional.cosine_similarity(mine, theirs, dim=0)) > 0.999


def test_where_nothing_can_be_recorded_chance_falls_as_before() -> None:
    model = torch.nn.Linear(8, 8, device="cuda")

    def compute(batch: Batch) -> tuple[torch.Tensor, None]:
        told = torch.nn.functional.dropout(model(batch["input"]), 0.5).sum()
        return told * float(told.detach() > 0), None  # it waits for the device

    replay, batch = Replay(model, compute), {"input": torch.ones(4, 8, device="cuda")}
    replay.begin()
    for _ in range(2):
        assert replay.add(batch, 1.0) is None
    torch.manual_seed(7)
    torch.nn.functional.dropout(batch["input"], 0.5)  # it is no longer at its beginning
    before = torch.cuda.get_rng_state()
    replay.begin()
    assert replay.failed
    assert torch.equal(torch.cuda.get_rng_state(), before)
    torch.nn.functional.dropout(batch["input"], 0.5)
    assert not torch.equal(torch.cuda.get_rng_state(), before)


@pytest.mark.parametrize("task", [name for name, one in TASKS.items() if one.learns])
def test_every_task_learns_as_on_a_processor(tmp_path: Path, task: str) -> None:
    curves = []
    for device in ("cpu", "cuda"):
        folder = _folder(tmp_path / device, task, device=device, bf16=False, hidden_dropout_prob=0.0, max_steps=12)
        heard = _heard(folder)
        assert isinstance(heard[-1], Finished), heard[-1]
        curves.append(_losses(heard))
    assert len(curves[0]) == 12
    assert curves[1] == pytest.approx(curves[0], rel=2e-2, abs=2e-2)


@pytest.mark.parametrize("task", [run_folders.TASK, WRITER])
def test_interrupted_and_resumed_it_ends_with_the_same_bits(tmp_path: Path, task: str) -> None:
    straight = _folder(tmp_path / "straight", task, max_steps=20, save_steps=10)
    assert isinstance(_heard(straight)[-1], Finished)
    cut = _folder(tmp_path / "cut", task, max_steps=20, save_steps=10)
    assert isinstance(_heard(cut, asks={10: "leave"})[-1], Interrupted)
    assert isinstance(_heard(cut)[-1], Finished)
    assert _weights(cut) == _weights(straight)


def test_a_pause_gives_the_memory_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path, hidden_size=512, num_hidden_layers=4, max_steps=12, save_steps=6)
    heard = _heard(folder, asks={6: "pause"})
    assert isinstance(heard[-1], Finished)
    paused = next(one for one in heard if isinstance(one, Paused))
    assert paused.freed > 20 * 2**20


def test_where_memory_runs_out_less_is_computed_at_once(tmp_path: Path) -> None:
    torch.cuda.set_per_process_memory_fraction(400 * 2**20 / torch.cuda.get_device_properties(0).total_memory)
    folder = _folder(
        tmp_path,
        count=4096,
        hidden_size=256,
        num_hidden_layers=8,
        per_device_train_batch_size=2048,
        per_device_eval_batch_size=64,
        max_steps=4,
        group_by_length=False,
    )
    heard = _heard(folder)
    assert isinstance(heard[-1], Finished), getattr(heard[-1], "details", "")[-1500:]
    assert any("memory was full" in one.message for one in heard if isinstance(one, Noted))


def test_compiled_it_learns_as_launched(tmp_path: Path) -> None:
    curves = []
    for compiled in (False, True):
        folder = _folder(tmp_path / str(compiled), WRITER, torch_compile=compiled, max_steps=12, max_length=64)
        heard = _heard(folder)
        assert isinstance(heard[-1], Finished), heard[-1]
        notes = " ".join(one.message for one in heard if isinstance(one, Noted))
        assert ("was compiled in" in notes) == compiled, notes
        curves.append(_losses(heard))
    assert curves[0] == pytest.approx(curves[1], rel=2e-2)


@pytest.mark.parametrize(
    "values",
    [
        {"optim": "muon"},
        {"optim": "adafactor"},
        {"ema_decay": 0.9},
        {"bf16": False, "fp16": True},
        {"gradient_checkpointing": True},
        {"gradient_accumulation_steps": 3},
    ],
    ids=str,
)
def test_each_way_ends(tmp_path: Path, values: dict[str, Any]) -> None:
    heard = _heard(_folder(tmp_path, max_steps=12, **values))
    assert isinstance(heard[-1], Finished), heard[-1]
    assert all(math.isfinite(one) for one in _losses(heard))


def test_the_card_tells_how_it_does(tmp_path: Path) -> None:
    heard = _heard(_folder(tmp_path, hidden_size=768, num_hidden_layers=8, count=400, num_train_epochs=40.0))
    gauged = [one for one in heard if isinstance(one, Gauged)]
    assert gauged
    assert gauged[-1].celsius > 0
    assert any(one.watts > 0 for one in gauged)
    assert 0 < gauged[-1].mfu < 1


def test_the_pre_flight_measures_the_cards_memory(tmp_path: Path) -> None:
    values: dict[str, Any] = {"hidden_size": 512, "num_hidden_layers": 6, "count": 256, "num_train_epochs": 2.0}
    forecast = measure(_folder(tmp_path / "before", **values).path, lambda *_: None)
    gc.collect()  # what it measured with holds on to itself
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    end = _heard(_folder(tmp_path / "run", **values))[-1]
    assert isinstance(end, Finished)
    assert forecast.memory == pytest.approx(end.memory, rel=0.1)
