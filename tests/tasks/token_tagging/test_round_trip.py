"""Places of spans from a file through labels, training and answers into files again: exact, whatever the characters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.jobs.recipe import changed
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, predicting, saving, training
from desktop_llm.verbs.headless import train
from tests import run_folders
from tests.tasks.token_tagging.texts import CLASSES, FORMATS, held, imported, marked, normal

MARKED = (
    " \r\n[person:👩‍👩‍👧] wohnt in [place:München]\r\nbei [person:Zoe\u0308]!",  # joined emoji, CRLF, a mark
    "[person:𝒳𝒴]和[person:𠮷田]去[place:北京]🇨🇳，[place:🗼東京]",  # surrogate pairs, a flag
    "\t[person:नि] in [place:הָעִיר] 👍🏽 [place:ﬁeld]\r\n\r\n",  # signs of vowels, a skin tone, a ligature
    "e\u0301te\u0301 à [place:Cafe\u0301 ❤️]🧑🏽‍🍳: [person:Ngô]\r\n\r\nfin",
    "nothing 🧑🏽‍🍳 नि \r\n here",
)
BY_HAND = "😀 [person:Ana] 🇩🇪🇫🇷 [place:서울]"
"""Comes without spans, and gets them here."""
VALUES = {**run_folders.TINY, "num_train_epochs": 200.0, "max_length": 64, "load_best_model_at_end": False}


def _told(text: str, spans: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(text[one["start"] : one["end"]], one["label"]) for one in spans]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The texts, imported from a file that has offsets in its own raw texts, and the last of them labeled by hand."""
    rows = [{"text": text, "spans": spans} for text, spans in map(marked, MARKED)]
    last, spans = marked(BY_HAND)
    file = tmp_path / "raw.jsonl"
    lines = [json.dumps(row, ensure_ascii=bool(place % 2)) for place, row in enumerate([*rows, {"text": last}])]
    file.write_text("\n".join(lines), encoding="utf-8")
    task = TASKS["token_tagging"]
    with closing(Project.create(tmp_path / "Names", task.name)) as made:
        assert importing.run(made, importing.plan(task, file), split="train").rejected == ()
        made.classes.ensure(CLASSES)
        numbers = {one.name: one.id for one in made.classes.all()}
        (waiting,) = [one.id for one in made.items.page(Filter(), 0, 100) if one.value is None]
        made.labels.set(waiting, task.labels.to_value(spans, numbers))
        yield made


def test_places_are_the_same_from_the_file_to_the_answer_and_into_files(project: Project, tmp_path: Path) -> None:
    there = held(project)
    wanted = {}
    for text, spans in map(marked, (*MARKED, BY_HAND)):
        wanted[normal(text)] = [(told.replace("\r\n", "\n"), label) for told, label in _told(text, spans)]
    assert {text: _told(text, spans or []) for text, spans in there.items()} == wanted

    number, folder = training.prepare(project, changed(TASKS["token_tagging"].recipe, VALUES))
    assert train(project, number, lambda told, words: None, lambda leave: None) == 0
    # asked about the raw texts, as a file has them, the model names places of the row that is made of each
    answers = [one for one in predicting.predict(folder.model, str(tmp_path / "raw.jsonl")) if isinstance(one, tuple)]
    assert {row["text"]: answer.label for row, answer in answers} == there

    for form in FORMATS:
        file = tmp_path / f"out-{form}"
        saving.save(project, Filter(), file, form)
        assert imported(tmp_path / f"back-{form}", file) == there, form
