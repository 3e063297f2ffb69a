"""Ranges of a search: written and read back, and refused in one sentence where they cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import search as searches
from desktop_llm.jobs import search_ranges
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.jobs.search import Range, Search


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("learning_rate=1e-5..1e-3:log", Range(key="learning_rate", low=1e-5, high=1e-3, log=True)),
        ("num_hidden_layers = 2..6", Range(key="num_hidden_layers", low=2, high=6)),
        ("lr_scheduler_type=linear, cosine", Range(key="lr_scheduler_type", choices=("linear", "cosine"))),
        ("per_device_train_batch_size=8,16", Range(key="per_device_train_batch_size", choices=(8, 16))),
        ("hidden_dropout_prob=auto,0.2", Range(key="hidden_dropout_prob", choices=(None, 0.2))),
        ("use_dora=yes,no", Range(key="use_dora", choices=(True, False))),
    ],
)
def test_a_range_is_read_and_written_back(words: str, told: Range) -> None:
    assert searches.parse(words) == told
    assert searches.of_words(told.key, told.words) == told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("learning_rate", "is no range; write for example"),
        ("lerning_rate=1..2", "There is no setting “lerning_rate”; the nearest one is “learning_rate”"),
        ("learning_rate=1e-3..1e-5", "needs a lower end below its upper one, not 0.001 and 1e-05"),
        ("learning_rate=1e-3..1e-3", "needs a lower end below its upper one"),
        ("learning_rate=0..1", "“learning_rate” is at least 1e-08, not 0.0"),
        ("weight_decay=0..1:log", "both ends are above 0, not 0"),
        ("learning_rate=1e-5..nan", "needs a lower end below its upper one, not these ends"),
        ("learning_rate=1e-5..fast", "“learning_rate” takes a number, not “fast”"),
        ("learning_rate=1e-5..", "a value is missing"),
        ("learning_rate=1e-4,1e-3:log", "goes with two ends"),
        ("num_hidden_layers=2.5..6", "“num_hidden_layers” takes a whole number, not “2.5”"),
        ("num_hidden_layers=0..6", "“num_hidden_layers” is at least 1, not 0"),
        ("lr_scheduler_type=linear", "needs at least two different values"),
        ("lr_scheduler_type=linear,cosine,linear", "names a value twice"),
        ("lr_scheduler_type=linear,square", "is one of linear, cosine, constant, warmup_stable_decay, not “square”"),
        ("lr_scheduler_type=a..b", "takes no numbers"),
        ("seed=1,2", "“seed” is the same in all runs of a search"),
        ("model=scratch,there", "“model” is the same in all runs of a search"),
        ("teacher=3,5", "“teacher” is the same in all runs of a search"),
        ("distillation_unlabeled=true,false", "“distillation_unlabeled” is the same in all runs of a search"),
        ("num_processes=1,2", "“num_processes” is the same in all runs of a search"),
    ],
)
def test_what_cannot_be_a_range_is_told_in_a_sentence(words: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        searches.parse(words)
    assert said in error.value.message


def _search(**values: object) -> Search:
    told = {
        "number": 1,
        "base": Recipe(),
        "ranges": (searches.parse("learning_rate=1e-5..1e-3:log"), searches.parse("optim=adamw,muon")),
        "metric": "accuracy",
        "higher_is_better": True,
        **values,
    }
    return Search(**told)  # type: ignore[arg-type]


def test_a_search_is_kept_in_a_file(tmp_path: Path) -> None:
    told = _search(minutes=2.5, pruner="halving", created="2026-01-01T00:00:00+00:00")
    searches.check(told)
    searches.write(told, tmp_path / "search.json")
    assert searches.read(tmp_path / "search.json") == told


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "ranges": []}'])
def test_a_damaged_search_is_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "search.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        searches.read(tmp_path / "search.json")
    (tmp_path / "search.json").write_text(json.dumps({"format": 99}), encoding="utf-8")
    with pytest.raises(UserError, match="newer version"):
        searches.read(tmp_path / "search.json")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ranges": ()}, "at least one setting"),
        ({"ranges": (searches.parse("optim=adamw,muon"),) * 2}, "“optim” is given two ranges"),
        ({"trials": 0}, "Say how many trials to run, or for how many minutes"),
        ({"trials": -1}, "not -1"),
        ({"minutes": -1.0}, "not -1"),
        ({"minutes": float("nan")}, "not nan"),
        ({"pruner": "cut"}, "not “cut”"),
    ],
)
def test_what_cannot_be_searched_is_told_in_a_sentence(values: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        searches.check(_search(**values))
    assert said in error.value.message


def test_what_is_suggested_can_be_and_lies_around_the_recipe() -> None:
    for base in (
        Recipe(),
        changed(Recipe(), {"learning_rate": 2e-5, "per_device_train_batch_size": 1, "weight_decay": 0.0}),
        changed(Recipe(), {"learning_rate": 10.0, "num_hidden_layers": 1, "max_length": 8, "warmup_ratio": 1.0}),
    ):
        told = search_ranges.suggested(base)
        assert {"learning_rate", "per_device_train_batch_size"} <= {one.range.key for one in told if one.first}
        for one in told:
            value = getattr(base, one.range.key)
            assert searches.of_words(one.range.key, one.range.words) == one.range  # as it stands in the form
            assert value is None or one.range.has(value), one
