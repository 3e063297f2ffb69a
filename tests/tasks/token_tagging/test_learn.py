"""Tagging learned: words and windows, tags and back, a tiny model from its first step to an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import AutoModelForTokenClassification

from desktop_llm.engine.export import Order, export
from desktop_llm.engine.optimizers import count
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Finished
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets import words
from desktop_llm.tasks.token_tagging import learn
from desktop_llm.tasks.token_tagging.learn import Tagger
from tests import run_folders
from tests.tasks.token_tagging.fixture import FIXTURE, rows
from tests.tasks.token_tagging.texts import marked, span

CLASSES = FIXTURE.kind.classes


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _make(path: Path, **values: Any) -> RunFolder:
    return run_folders.make(path, kind=FIXTURE.kind, **values)


def _learner(folder: RunFolder) -> Tagger:
    torch.manual_seed(0)

    def given_rows(split: str) -> Iterable[dict[str, Any]]:
        return rows(96) if split == "train" else rows(16, seed=1)

    return learn.build(folder.job(), given_rows, None, _silent)


def _fit(learner: Tagger, examples: words.WordRows, steps: int) -> list[float]:
    batch = learner.collate(examples, range(len(examples)))
    optimizer = torch.optim.AdamW(learner.model.parameters(), lr=3e-3)
    learner.model.train()
    losses = []
    for _ in range(steps):
        loss = learner.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    learner.model.train(False)
    return losses


@given(st.integers(0, 400), st.integers(1, 60))
def test_windows_judge_every_token_once(size: int, room: int) -> None:
    told = words.windows(size, room)
    assert [place for one in told for place in range(one.first, one.last)] == list(range(size))
    for one in told:
        assert one.start <= one.first <= one.last <= one.end <= size
        assert one.end - one.start <= room


@st.composite
def _words_and_spans(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int, int]]]:
    places, at = [], 0
    for size, gap in draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2)), max_size=12)):
        places.append((at, at + size))
        at += size + gap
    spans, first = [], 0
    while first < len(places):
        last = min(len(places) - 1, first + draw(st.integers(0, 2)))
        if draw(st.booleans()):
            spans.append((places[first][0], places[last][1], draw(st.integers(0, 1))))
        first = last + 1
    return places, spans


@given(_words_and_spans())
def test_spans_of_words_come_back_from_their_tags(
    told: tuple[list[tuple[int, int]], list[tuple[int, int, int]]],
) -> None:
    places, spans = told
    tags = words.tagged(places, spans)
    back = [(places[first][0], places[last][1], number) for first, last, number in learn._runs(tags)]
    assert back == spans


def test_any_tags_mean_spans() -> None:
    assert list(learn._runs([2, 2, 0, 4, 1, 2, 4, 3])) == [(0, 1, 0), (3, 3, 1), (4, 5, 0), (6, 6, 1), (7, 7, 1)]
    assert list(learn._runs([])) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna-Lena's cat.", ["Anna", "-", "Lena", "'", "s", "cat", "."]),
        ("naïve e\u0301te\u0301 👩‍👩‍👧!🇩🇪🇫🇷", ["naïve", "e\u0301te\u0301", "👩‍👩‍👧", "!", "🇩🇪", "🇫🇷"]),
        ("北京is大", ["北", "京", "is", "大"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("  two\n\nlines ", ["two", "lines"]),
        ("서울 사람", ["서울", "사람"]),
    ],
)
def test_words_are_found_whatever_the_tokens(text: str, expected: list[str]) -> None:
    tokenizer = tokenizers.train([text], 300, 64, apart=True)
    made = words.encode(tokenizer, [(text, None)], 64, _silent)
    assert [text[start:end] for start, end in made.places.tolist()] == expected
    assert set(made.targets.tolist()) == {-1}


def test_a_few_texts_are_learned_by_heart(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    some = rows(8, seed=5)
    examples = learner.encode(some, _silent)
    batch = learner.collate(examples, range(8))
    assert batch["input_ids"].shape == (8, max(examples.lengths))
    losses = _fit(learner, examples, 60)
    assert losses[-1] < 0.1 * losses[0]
    answers = learner.predictions(learner.outputs(batch))
    assert [one.label for one in answers] == [row["label"] for row in some]
    for one in answers:
        assert [name for name, _ in one.top] == [told["label"] for told in one.label]
        assert 0 <= one.uncertainty <= 1
    assert learner.mean_loss(learner.outputs(batch), examples) < 0.2


def _marked(told: str) -> dict[str, Any]:
    """A row from a text with its spans in brackets: [food:面包]."""
    text, spans = marked(told)
    return {"text": text, "label": spans}


def test_places_are_exact_among_emoji_and_chinese(tmp_path: Path) -> None:
    """In code points, behind signs of several of them, and at their edges."""
    some = [
        _marked("😀👩‍👩‍👧 我在[travel:北京🇨🇳]吃了[food:面包🍞]，[food:茶]也好"),
        _marked("🧑🏽‍🍳[food:pain au chocolat] à [travel:Orléans]🚆"),
        _marked("[food:𠮷野家]和[travel:東京]🗼"),
        _marked("été 🏖️ in [travel:Zoë’s Café]!"),
    ]
    learner = _learner(_make(tmp_path))
    examples = learner.encode(some, _silent)
    _fit(learner, examples, 100)
    answers = learner.predictions(learner.outputs(learner.collate(examples, range(len(some)))))
    for row, answer in zip(some, answers, strict=True):
        assert answer.label == row["label"]
        assert all(row["text"][one["start"] : one["end"]].strip() for one in answer.label)
    learner.save(tmp_path)
    again = learn.load(tmp_path)
    batch = again.collate(again.encode([{"text": row["text"]} for row in some], _silent), range(len(some)))
    assert [one.label for one in again.predictions(again.outputs(batch))] == [row["label"] for row in some]


def test_a_long_text_is_read_in_windows_and_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = _learner(_make(tmp_path))
    parts = rows(30, seed=7)
    text, spans = "", []
    for row in parts:
        spans += [span(one["start"] + len(text), one["end"] + len(text), one["label"]) for one in row["label"]]
        text += row["text"] + ". "
    long = {"text": text, "label": spans}
    examples = learner.encode([*rows(4, seed=5), long], _silent)
    assert examples.lengths[-1] > 2 * 32
    batch = learner.collate(examples, range(5))
    assert batch["input_ids"].shape[1] <= 32
    assert batch["sizes"].tolist() == np.diff(examples.word_starts).tolist()
    learner.model.train(False)
    whole, loss = learner.outputs(batch), learner.loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    name, weight = next(iter(learner.model.named_parameters()))
    assert weight.grad is not None
    gradient = weight.grad.clone()
    learner.model.zero_grad()
    monkeypatch.setattr(learn, "AT_ONCE", 64)
    in_turns, again = learner.outputs(batch), learner.loss(batch)
    again.backward()  # type: ignore[no-untyped-call]
    for one, other in zip(whole, in_turns, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(loss, again)
    torch.testing.assert_close(weight.grad, gradient, atol=1e-6, rtol=1e-4, msg=name)
    monkeypatch.undo()
    _fit(learner, examples, 80)
    assert learner.predictions(learner.outputs(batch))[-1].label == spans


def test_slices_of_a_batch_add_up_to_it(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    learner.model.train(False)
    examples = learner.encode(rows(8), _silent)
    whole = learner.loss(learner.collate(examples, range(8)))
    parts = [
        learner.loss(learner.collate(examples, places)) * (len(places) / 8) for places in ([0, 3], [1, 2, 4, 5, 6, 7])
    ]
    torch.testing.assert_close(whole, parts[0] + parts[1])


def test_of_spans_that_overlap_the_longest_is_learned(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    row = {"text": "the old bread oven", "label": [span(8, 13, "food"), span(4, 18, "travel")]}
    examples = learner.encode([row], _silent)
    assert examples.targets.tolist() == [0, 4, 4, 4]  # nothing touches it, and so all of it is inside


def _said(learner: Tagger, chances: list[list[float]]) -> list[tuple[int, int, str]]:
    """The spans of words of one letter each, whose tags have these chances."""
    told = [[2.0 * place, 2.0 * place + 1, *np.log(one).tolist()] for place, one in enumerate(chances)]
    (answer,) = learner.predictions([torch.tensor(told)])
    return [(one["start"] // 2, one["end"] // 2, one["label"]) for one in answer.label]


def test_both_tags_of_a_label_speak_for_it(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    out, food = [0.96, 0.01, 0.01, 0.01, 0.01], [0.02, 0.02, 0.92, 0.02, 0.02]
    assert _said(learner, [out, [0.38, 0.3, 0.28, 0.02, 0.02], food, out]) == [(1, 2, "food")]


def test_spans_of_a_label_touch_only_where_they_did_in_what_was_learned(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    begins = [[0.02, 0.92, 0.02, 0.02, 0.02], [0.02, 0.02, 0.02, 0.92, 0.02]]
    both = [begins[0], begins[0], begins[1], begins[1]]
    assert len(_said(learner, both)) == 4  # nobody knows
    spans = [span(0, 5, "food"), span(7, 10, "food"), span(11, 15, "travel"), span(16, 20, "travel")]
    row = {"text": "bread, tea Rome Oslo", "label": spans}
    next_to_it = {"text": "Rome", "label": [span(0, 4, "travel")]}
    examples = learner.encode([row, next_to_it, {"text": "tea", "label": [span(0, 3, "food")]}], _silent)
    assert words.touching(examples) == {1}
    assert examples.targets.tolist() == [2, 0, 2, 4, 3, 4, 2]  # a beginning only right behind another one
    assert _said(learner, both) == [(0, 1, "food"), (2, 2, "travel"), (3, 3, "travel")]
    learner.encode([{"text": "tea bread", "label": [span(0, 3, "food"), span(4, 9, "food")]}], _silent)
    assert len(_said(learner, both)) == 3
    learner.save(tmp_path)
    assert _said(learn.load(tmp_path), both) == [(0, 1, "food"), (2, 2, "travel"), (3, 3, "travel")]
    _forget(tmp_path)
    assert len(_said(learn.load(tmp_path), both)) == 4


def test_texts_are_spread_by_the_rarest_of_their_labels(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path))
    food, travel = span(0, 3, "food"), span(4, 8, "travel")
    labels: list[list[dict[str, Any]] | None] = [[food], [food, travel], [], [food], [travel], None, [travel]]
    told = [{"text": "tea Rome", "label": one} for one in [*labels, [food]]]
    assert learner.encode(told, _silent).strata.tolist() == [0, 1, 2, 0, 1, 2, 1, 0]
    assert learner.encode(told[2:3], _silent).strata.tolist() == [0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_tag_that_is_never_learned_has_no_chance_for_anybody(tmp_path: Path, smoothing: float) -> None:
    learner = _learner(_make(tmp_path, label_smoothing_factor=smoothing))
    some = [
        {"text": "bread Rome, Oslo", "label": [span(0, 5, "food"), span(6, 10, "travel"), span(12, 16, "travel")]},
        {"text": "Rome Oslo", "label": [span(0, 4, "travel"), span(5, 9, "travel")]},
    ]
    examples = learner.encode(some, _silent)
    before = _fit(learner, examples, 3)
    assert before[-1] < before[0]
    learner.save(tmp_path)
    plain = AutoModelForTokenClassification.from_pretrained(tmp_path)
    batch = learner.collate(examples, range(2))
    with torch.inference_mode():
        chances = torch.softmax(plain(input_ids=batch["input_ids"]).logits, dim=-1)
    assert plain.config.id2label[1] == "B-food"
    assert float(chances[..., 1].max()) < 1e-9
    assert float(chances[..., 3].min()) > 1e-4  # the other label has beginnings
    torch.testing.assert_close(plain.classifier.weight[1], torch.zeros_like(plain.classifier.weight[1]))
    assert plain.classifier.bias[1].item() == pytest.approx(learn.NEVER, abs=0.01)  # but for its decay


def test_smoothing_reaches_the_tags_that_may_be_learned_alone(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path, label_smoothing_factor=0.1))
    some: list[dict[str, Any]] = [
        {"text": "bread Rome, Oslo", "label": [span(0, 5, "food"), span(6, 10, "travel"), span(12, 16, "travel")]},
        {"text": "Rome Oslo", "label": [span(0, 4, "travel"), span(5, 9, "travel")]},
        {"text": "nobody knows", "label": None},
    ]
    examples = learner.encode(some, _silent)
    batch = learner.collate(examples, range(3))
    learner.model.train(False)
    logits = torch.cat(learner.outputs(batch))[:, learn.PLACE :]
    kept = [place for place in range(5) if place != 1]  # B-food
    targets = torch.where(batch["labels"] > 1, batch["labels"] - 1, batch["labels"])
    wanted = functional.cross_entropy(
        logits[:, kept], targets, ignore_index=-1, reduction="sum", label_smoothing=0.1
    ) / (3 * examples.mean_words)
    torch.testing.assert_close(learner.loss(batch).detach(), wanted, rtol=1e-4, atol=1e-5)


def test_a_tag_that_was_never_learned_can_be_later(tmp_path: Path) -> None:
    apart = [{"text": "bread, Rome", "label": [span(0, 5, "food"), span(7, 11, "travel")]}]
    close = [{"text": "Rome Oslo", "label": [span(0, 4, "travel"), span(5, 9, "travel")]}]
    first = _learner(_make(tmp_path / "first"))
    first.encode(apart, _silent)
    first.save(tmp_path / "model")
    second = _learner(_make(tmp_path / "second", model=str(tmp_path / "model")))
    head: Any = second.model.classifier
    assert head.bias[1].item() == head.bias[3].item() == learn.NEVER
    second.encode(close, _silent)
    assert head.bias[1].item() == learn.NEVER
    torch.testing.assert_close(head.weight[3], head.weight[4])
    assert head.bias[3].item() == head.bias[4].item()


def _forget(folder: Path) -> None:
    """As a folder of another program, or an older one, is."""
    told = json.loads((folder / "config.json").read_text())
    assert told.pop(learn.TOUCHING) == ["travel"]
    (folder / "config.json").write_text(json.dumps(told))


def test_a_saved_folder_says_its_tags(tmp_path: Path) -> None:
    learner = _learner(_make(tmp_path / "run"))
    out = tmp_path / "model"
    out.mkdir()
    learner.save(out)
    told = json.loads((out / "config.json").read_text())["id2label"]
    assert list(told.values()) == ["O", "B-food", "I-food", "B-travel", "I-travel"]
    assert learn.load(out).classes == CLASSES


def _with_a_slip(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """The rows, but in the test split a span has the wrong label."""
    made = rows(count, seed=seed, first_id=first_id)
    if first_id == 2001:
        spans = next(row["label"] for row in made if row["label"])
        spans[0]["label"] = "food" if spans[0]["label"] == "travel" else "travel"
    return made


def test_a_run_ends_with_figures_whose_rows_can_be_opened(tmp_path: Path) -> None:
    kind = replace(FIXTURE.kind, rows=_with_a_slip)
    folder = run_folders.make(tmp_path / "run", kind=kind, num_train_epochs=10.0)
    events: list[Event] = []
    end = run(folder.path, events.append, Control())
    assert isinstance(end, Finished), end
    last = [one for one in events if isinstance(one, Evaluated) and one.final and one.split == "test"][-1]
    assert 0.6 < last.metrics["f1"] < 1
    wrong, opened = last.details["wrong"], last.details["rows"]
    assert {kind for kind, count in wrong.items() if count} == {key for key in opened if "/" not in key}
    assert all(2001 <= number <= 2016 for ids in opened.values() for number in ids)
    order = Order(format=FORMATS["huggingface"], to=tmp_path / "out", describe=lambda told: {})
    assert export(folder, order).difference < 1e-5
    answers = Predictor(tmp_path / "out").predict([{"text": "the old bread and train"}, {"text": "\u200b"}])
    assert [one["label"] for one in answers[0].label] == ["food", "travel"]
    assert answers[1].label == []


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    tagger = _any_tagger()
    answer = tagger.predictions(tagger.outputs(tagger.collate(tagger.encode([{"text": text}], _silent), [0])))[0]
    for one in answer.label:
        assert 0 <= one["start"] < one["end"] <= len(text)
        assert text[one["start"] : one["end"]].strip()


_MADE: list[Tagger] = []


def _any_tagger() -> Tagger:
    """An untrained one, made once."""
    if not _MADE:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as name:
            folder = _make(Path(name) / "run")
            assert count(_learner(folder).model) > 0
            _MADE.append(_learner(folder))
            _MADE[0].model.train(False)
    return _MADE[0]
