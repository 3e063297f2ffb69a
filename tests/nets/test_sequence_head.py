"""Texts for a head of whole texts: read one by one; what is too long is told to those who train, and kept by none."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from desktop_llm.engine.predict import Predictor
from desktop_llm.nets.learner import Learner
from desktop_llm.nets.sequence_head import FAR, SequenceHead
from desktop_llm.tasks import TASKS
from tests import run_folders

LENGTH = 32
"""Tokens that are read of a text at most."""


class _Row(dict[str, Any]):
    """A row that can be seen to be gone."""


def _built(path: Path) -> Learner:
    torch.manual_seed(0)
    job = run_folders.make(path, max_length=LENGTH).job()
    return TASKS[job.task].open_learn().build(job, lambda split: run_folders.rows(32), None, lambda *_: None)


def test_rows_may_be_more_than_the_memory_holds(tmp_path: Path) -> None:
    learner = _built(tmp_path)
    assert isinstance(learner, SequenceHead)
    most = 0

    def rows() -> Iterator[_Row]:
        nonlocal most
        for row in run_folders.rows(64):
            made = _Row(row)
            made["text"] += " bread" * FAR * LENGTH
            refs.append(weakref.ref(made))
            most = max(most, sum(one() is not None for one in refs))
            yield made

    refs: list[weakref.ref[_Row]] = []
    assert len(learner.encode(rows(), lambda *_: None)) == 64
    gc.collect()
    assert most <= 3
    assert [note.partition(" texts are far longer")[0] for note in learner.notes] == ["64"]


def test_a_model_that_is_asked_often_gathers_no_notes(tmp_path: Path) -> None:
    learner = _built(tmp_path / "run")
    learner.narrow([learner.encode(run_folders.rows(4), lambda *_: None)])
    out = tmp_path / "model"
    out.mkdir()
    learner.save(out)
    (out / "desktop_llm.json").write_text(f'{{"task": "{run_folders.TASK}"}}', encoding="utf-8")
    predictor = Predictor(out)
    for _ in range(2):
        predictor.predict([{"text": "bread " * FAR * LENGTH}])
    assert isinstance(predictor.learner, SequenceHead)
    assert predictor.learner.notes == []
