"""The head of a trained model taken over by other classes: known ones keep their rows, new ones get new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from desktop_llm.nets import head_rows

WIDE: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 50,
    "max_position_embeddings": 20,
}
BEFORE = ("a", "b", "c")


def _config(kind: type[BertConfig] | type[RobertaConfig], classes: tuple[str, ...]) -> BertConfig | RobertaConfig:
    names = dict(enumerate(classes))
    return kind(**WIDE, id2label=names, label2id={name: place for place, name in names.items()})


@pytest.fixture(params=[(BertForSequenceClassification, BertConfig), (RobertaForSequenceClassification, RobertaConfig)])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, PreTrainedModel, type[BertConfig]]:
    """A folder with a model of three classes, and that model."""
    made, kind = request.param
    model: PreTrainedModel = made(_config(kind, BEFORE))
    with torch.no_grad():
        for parameter in _head(model).parameters():
            parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(tmp_path)
    return tmp_path, model, kind


def _head(model: PreTrainedModel) -> torch.nn.Linear:
    head: Any = model.classifier
    linear = [part for part in head.modules() if isinstance(part, torch.nn.Linear)]
    return linear[-1]


@pytest.mark.parametrize("after", [("c", "a", "b"), ("b", "x", "a"), ("a", "b", "c", "d"), ("c",), ("x", "y")])
def test_rows_follow_their_classes(
    saved: tuple[Path, PreTrainedModel, type[BertConfig]], after: tuple[str, ...]
) -> None:
    folder, model, kind = saved
    loaded = AutoModelForSequenceClassification.from_pretrained(
        folder, config=_config(kind, after), ignore_mismatched_sizes=True
    )
    new = head_rows.take_over(loaded, folder, BEFORE, after)
    assert new == [name for name in after if name not in BEFORE]
    for place, name in enumerate(after):
        weight, bias = _head(loaded).weight.detach()[place], _head(loaded).bias.detach()[place]
        if name in BEFORE:
            assert torch.equal(weight, _head(model).weight[BEFORE.index(name)])
            assert torch.equal(bias, _head(model).bias[BEFORE.index(name)])
        else:
            assert all(not torch.equal(weight, one) for one in _head(model).weight)
            assert 0 < float(weight.abs().max()) < 1
            assert float(bias) == 0


def test_the_same_classes_or_ones_that_nobody_named_are_left_as_they_are(
    saved: tuple[Path, PreTrainedModel, type[BertConfig]],
) -> None:
    folder, model, _ = saved
    before = _head(model).weight.detach().clone()
    assert head_rows.take_over(model, folder, BEFORE, BEFORE) == []
    assert head_rows.take_over(model, folder, ("LABEL_0", "LABEL_1", "LABEL_2"), ("x", "y", "z")) == []
    assert torch.equal(_head(model).weight, before)


def test_names_stand_in_the_order_of_their_rows() -> None:
    assert head_rows.names({2: "c", 0: "a", 1: "b"}) == BEFORE
    assert head_rows.names(None) == ()
