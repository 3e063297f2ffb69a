"""Acceptance on real texts, through the commands: English bank questions, Chinese hotel reviews.

The two long ones run with `-m slow`; each prints its figures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import projects
from tests.cli.conftest import Command

pytestmark = pytest.mark.real_data


@pytest.fixture
def bank(command: Command, shared_data: Path, tmp_path: Path) -> Path:
    """A project of banking77: 10,003 questions of 77 kinds to learn from, 3,080 to measure on."""
    path, data = tmp_path / "bank", shared_data / "text_classification"
    command("new", path, "--task", projects.TASK)
    for file, more in (("banking77-train.csv", ()), ("banking77-test.csv", ("--split", "test"))):
        report = command("import", path, data / file, *more, "--json").objects[-1]
        assert (report["rejected"], report["conflicts"]) == (0, 0)
    return path


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Shows figures although the test's output is kept."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


def _accuracy(command: Command, tell: Callable[[str], None], path: Path, *settings: str) -> float:
    words = [word for one in settings for word in ("--set", one)]
    began = time.monotonic()
    said = command("train", path, *words, "--json")
    assert said.code == 0
    started = next(one for one in said.objects if one.get("kind") == "started")
    told = command("evaluate", path, 1, "--split", "test", "--json").objects[-1]["metrics"]
    tell(
        f"{started['parameters']:,} parameters, {said.objects[-1]['step']:,} steps in {started['precision']}: "
        f"accuracy {told['accuracy']:.4f}, macro F1 {told['macro_f1']:.4f}, {time.monotonic() - began:.0f} s"
    )
    return float(told["accuracy"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_bank_questions_from_a_model_folder(
    command: Command, tell: Callable[[str], None], bank: Path, minilm_folder: Path
) -> None:
    assert _accuracy(command, tell, bank, f"model={minilm_folder}", "num_train_epochs=6", "device=cpu") >= 0.91


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_bank_questions_from_scratch(command: Command, tell: Callable[[str], None], bank: Path) -> None:
    assert _accuracy(command, tell, bank, "device=cpu") >= 0.75


def test_chinese_reviews_are_imported_and_learned_from(command: Command, shared_data: Path, tmp_path: Path) -> None:
    path, file = tmp_path / "酒店", shared_data / "text_classification" / "hotel-reviews-zh-gb18030.csv"
    command("new", path, "--task", projects.TASK)
    report = command("import", path, file, "--json").objects[-1]
    assert report["encoding"] == "gb18030"
    assert report["imported"] + report["duplicates"] == 2500
    assert report["rejected"] == 0
    size = {"vocab_size": 2000, "hidden_size": 64, "num_hidden_layers": 1, "max_length": 32}
    settings = projects.settings(**size, num_train_epochs=2, per_device_train_batch_size=32)
    assert command("train", path, *settings).code == 0
    told = command("evaluate", path, 1, "--json").objects[-1]
    assert told["metrics"]["macro_f1"] >= 0.65
    answer = command("predict", path, 1, "房间很干净，服务员也非常热情，下次还会再来", "--json").objects[0]
    assert answer["label"] == "1"
