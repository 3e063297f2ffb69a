"""What a tagger takes from what it learns, as which signs part words and which labels touch, and that it stays."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from desktop_llm.tasks.token_tagging import learn
from desktop_llm.tasks.token_tagging.learn import Tagger
from tests import run_folders
from tests.tasks.token_tagging.fixture import FIXTURE, rows
from tests.tasks.token_tagging.texts import span

SOME = [{"text": "at J.R they ate bread.", "label": [span(3, 6, "travel"), span(16, 21, "food")]}] * 40


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _learner(path: Path) -> Tagger:
    return learn.build(run_folders.make(path, kind=FIXTURE.kind).job(), lambda split: rows(96), None, _silent)


def test_signs_that_part_no_words_are_told_with_them_also_later(tmp_path: Path) -> None:
    learner = _learner(tmp_path / "run")
    examples = learner.encode(SOME, _silent)
    assert examples.places[:6].tolist() == [[0, 2], [3, 6], [7, 11], [12, 15], [16, 21], [21, 22]]
    assert examples.targets[:6].tolist() == [0, 4, 0, 0, 2, 0]
    learner.save(tmp_path)
    again = learn.load(tmp_path)
    later = again.encode([{"text": "so A.B. said", "label": None}], _silent)
    assert later.places.tolist() == [[0, 2], [3, 6], [6, 7], [8, 12]]
    outputs = again.outputs(again.collate(later, [0]))
    assert outputs[0][:, : learn.PLACE].tolist() == later.places.tolist()


@pytest.mark.parametrize("adapted", [0, 4])
@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_goes_on_reads_words_as_at_its_start(tmp_path: Path, adapted: int, known: bool) -> None:
    first = _learner(tmp_path / "first")
    first.encode(SOME, _silent)
    for name in ("model", "checkpoint"):
        first.save(tmp_path / name)
    note = tmp_path / "checkpoint" / "config.json"
    told = json.loads(note.read_text())
    if not known:  # as an older version began it
        del told[learn.CROSSED], told[learn.FOLLOWS]
        note.write_text(json.dumps(told))
    job = run_folders.make(tmp_path / "second", kind=FIXTURE.kind, model=str(tmp_path / "model"), lora_r=adapted).job()
    second = learn.build(job, lambda split: [], tmp_path / "checkpoint", _silent)
    examples = second.encode(SOME if not known else SOME[:1], _silent)
    assert examples.places[:3].tolist() == ([[0, 2], [3, 6], [7, 11]] if known else [[0, 2], [3, 4], [4, 5]])
    assert getattr(second.model.config, learn.CROSSED) == (told[learn.CROSSED] if known else [])
    assert getattr(second.model.config, learn.TOUCHING) == told[learn.TOUCHING]
    assert getattr(second.model.config, learn.FOLLOWS) == (told[learn.FOLLOWS] if known else [])


def test_two_labels_share_no_name_where_they_never_did_also_later(tmp_path: Path) -> None:
    learner = _learner(tmp_path / "run")
    names = [{"text": "saw Ann May Lee", "label": [span(4, 15, "travel")]}] * 40
    learner.encode(names, _silent)
    assert getattr(learner.model.config, learn.FOLLOWS) == [("travel", "travel", 80)]
    said = torch.tensor([[0.0, 3.0, -9, -30, -9, -30, 4], [4.0, 7.0, -9, -30, 1, -30, 0]])
    whole = [span(0, 7, "travel")]
    (answer,) = learner.predictions([said])
    assert answer.label == whole
    assert answer.probability == pytest.approx(1 / (1 + math.e), abs=1e-4)
    assert answer.uncertainty == 1.0  # alone the second word would have the other label
    learner.save(tmp_path)
    again = learn.load(tmp_path)
    assert again.predictions([said])[0].label == whole
    other = _learner(tmp_path / "other")
    both = [span(0, 3, "travel"), span(4, 7, "food")]
    other.encode([*names, *[{"text": "Ann May", "label": both}] * 80], _silent)
    assert other.predictions([said])[0].label == both


@pytest.mark.parametrize("name", ["dtype", "_auto_class", "model_type", 'Ünï 🙂 "x"'])
def test_a_label_may_be_called_as_a_key_of_the_config(tmp_path: Path, name: str) -> None:
    """Of a dictionary there the library turns what is at “dtype” into words, and leaves out other keys of its own."""
    kind = replace(FIXTURE.kind, classes=(name, "food"))
    learner = learn.build(run_folders.make(tmp_path / "run", kind=kind).job(), lambda split: rows(96), None, _silent)
    spans = [span(4, 15, name), span(16, 21, "food")]
    learner.encode([{"text": "saw Ann May Lee bread", "label": spans}] * 40, _silent)
    learner.save(tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())
    assert told[learn.FOLLOWS] == [[name, name, 80], [name, "food", 40]]
    assert getattr(learn.load(tmp_path).model.config, learn.FOLLOWS) == told[learn.FOLLOWS]
