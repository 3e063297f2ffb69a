"""A pause gives a GPU's memory back: model and optimizer move to the computer's memory and come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine.run import run
from desktop_llm.engine.stepper import Stepper
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, Paused, Saved
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from tests import run_folders

GROUP = [np.arange(8)]


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _stepper(folder: RunFolder) -> tuple[Stepper, torch.nn.Module]:
    job = folder.job()
    torch.manual_seed(0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[job.task].open_learn().build(job, lambda _: rows, None, _silent)
    examples, device = learner.encode(rows, _silent), devices.choose(job.recipe)
    device.take(learner.model)
    return Stepper(learner, examples, job.recipe, device, 10), learner.model


def _places(stepper: Stepper, model: torch.nn.Module) -> set[str]:
    tensors = [*model.state_dict().values(), *stepper.states().tensors.values()]
    return {tensor.device.type for tensor in tensors}


def _steps(folder: RunFolder, *, pause: bool) -> tuple[dict[str, torch.Tensor], int, set[str]]:
    stepper, model = _stepper(folder)
    stepper.step(GROUP, 1)
    freed, places = 0, set[str]()
    if pause:
        freed = stepper.release()
        places = _places(stepper, model)
        assert stepper.states().tensors
        stepper.take_back()
    stepper.step(GROUP, 2)
    told = {**model.state_dict(), **stepper.states().tensors}
    return {name: tensor.detach().cpu().clone() for name, tensor in told.items()}, freed, places


def _same(tmp_path: Path, device: str) -> tuple[int, set[str]]:
    folder = run_folders.make(tmp_path, device=device, hidden_dropout_prob=0.0)
    straight, _, _ = _steps(folder, pause=False)
    paused, freed, places = _steps(folder, pause=True)
    assert straight.keys() == paused.keys()
    assert len(straight) > 20
    assert all(torch.equal(straight[name], paused[name]) for name in straight)
    return freed, places


def test_on_a_processor_a_pause_moves_nothing_and_changes_nothing(tmp_path: Path) -> None:
    assert _same(tmp_path, "cpu") == (0, {"cpu"})


@pytest.mark.gpu
def test_a_pause_empties_the_gpu_and_changes_nothing(tmp_path: Path) -> None:
    freed, places = _same(tmp_path, "cuda")
    assert freed > 0
    assert places == {"cpu"}


def _paused_run(folder: RunFolder, at: int) -> tuple[Event, list[Paused]]:
    heard: list[Paused] = []
    control = Control()

    def hear(event: Event) -> None:
        if isinstance(event, Saved) and event.step == at:
            control.pause()
        if isinstance(event, Paused):
            heard.append(event)
            control.proceed()

    return run(folder.path, hear, control), heard


@pytest.mark.gpu
def test_a_run_paused_on_a_gpu_goes_on_with_the_same_loss(tmp_path: Path) -> None:
    ends = []
    for at in (0, 10):
        folder = run_folders.make(tmp_path / str(at), device="cuda", save_steps=5)
        end, paused = _paused_run(folder, at or -1)
        assert isinstance(end, Finished)
        assert [one.freed > 0 for one in paused] == ([True] if at else [])
        ends.append(end.metrics["loss"])
    assert ends[0] == pytest.approx(ends[1], rel=1e-3)
