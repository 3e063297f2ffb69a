"""Integrated gradients: a model whose answer is known, completeness for models of several builds, what is left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from desktop_llm.engine.explaining import left_out
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import explanation
from desktop_llm.nets import attribution
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Explaining
from desktop_llm.nets.sequence_model import Parts
from desktop_llm.tasks.text_classification.learn import Classifier
from tests import run_folders

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TEXT = "the old train with some bread near a new bridge"


class Squares(torch.nn.Module):
    """Says of a text the sum of its embeddings' squares, and of the second class nothing."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(vocabulary, 3)

    def get_input_embeddings(self) -> torch.nn.Module:
        """The table."""
        return self.table


class Known(Classifier):
    """A classifier whose chances are those squares."""

    def logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The sum of the squares."""
        told = self.model.get_input_embeddings()(batch["input_ids"]).square().sum(dim=(1, 2))
        return torch.stack([told, torch.zeros_like(told)], dim=1)

    def chances(self, logits: torch.Tensor) -> torch.Tensor:
        """As they are."""
        return logits


def _parts(model: torch.nn.Module, longest: int = 32) -> Parts:
    texts = [row["text"] for row in run_folders.rows(60)]
    tokenizer = tokenizers.train(iter(texts), 300, longest)
    return Parts(model, tokenizer, ("food", "travel"), longest)  # type: ignore[arg-type]


def _built(kind: str) -> Classifier:
    """A model with large random weights, whose chances are far from straight lines."""
    torch.manual_seed(3)
    pad = _parts(torch.nn.Module()).tokenizer.pad_token_id
    common = {"vocab_size": 300, "pad_token_id": pad, "num_labels": 2, **SIZES}
    made: PreTrainedModel
    if kind == "bert":
        made = BertForSequenceClassification(BertConfig(**common))
    elif kind == "roberta":
        made = RobertaForSequenceClassification(RobertaConfig(max_position_embeddings=64, **common))
    else:
        made = LlamaForSequenceClassification(LlamaConfig(**common))  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for one in made.parameters():
            if one.ndim == 2:
                one.copy_(torch.randn_like(one) * 0.3)
    made.train(False)
    return Classifier(_parts(made))


def test_a_sum_of_squares_is_shared_out_exactly() -> None:
    torch.manual_seed(0)
    learner = Known(_parts(Squares(300)))
    assert isinstance(learner, Explaining)
    pieces = learner.pieces({"text": TEXT})
    told = attribution.shares(learner, pieces.ids, pieces.special, 0)
    table = learner.model.get_input_embeddings().weight.detach().double().numpy()  # type: ignore[operator]
    pad = learner.tokenizer.pad_token_id
    # along a straight line the integral of 2e is e² − b², for every number of an embedding by itself
    wanted = np.square(table[list(pieces.ids)]).sum(axis=1) - np.square(table[pad]).sum()
    wanted[np.asarray(pieces.special)] = 0.0
    assert told.adds == pytest.approx(wanted, abs=1e-5)
    assert told.steps == attribution.FIRST_STEPS
    nothing = attribution.shares(learner, pieces.ids, pieces.special, 1)
    assert nothing.adds == pytest.approx(np.zeros(len(pieces.ids)))


@pytest.mark.parametrize("kind", ["bert", "roberta", "llama"])
def test_shares_sum_up_to_the_difference_whatever_the_build(kind: str) -> None:
    """RoBERTa counts places by what is padding, Llama answers at the last token that is none: neither may move."""
    learner = _built(kind)
    pieces = learner.pieces({"text": TEXT})
    tried: list[int] = []
    told = attribution.shares(learner, pieces.ids, pieces.special, 1, on_steps=tried.append)
    gap = abs(told.adds.sum() - (told.chance - told.empty))
    assert gap <= explanation.tolerance(told.chance, told.empty)
    assert abs(told.chance - told.empty) > 0.01
    assert tried[0] == attribution.FIRST_STEPS
    assert tried[-1] == told.steps
    other = attribution.shares(learner, pieces.ids, pieces.special, 0)
    assert other.adds == pytest.approx(-told.adds, abs=1e-3)  # of two classes, what speaks for one speaks against one
    with torch.no_grad():
        again = learner.chances(learner.logits({"input_ids": torch.tensor([list(pieces.ids)])}))
    assert float(again[0, 1]) == pytest.approx(told.chance, abs=1e-6)


def test_steps_are_doubled_up_to_an_end_and_the_gap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "TOLERANCE", 0.0)
    monkeypatch.setattr(explanation, "LEAST_TOLERANCE", 0.0)
    monkeypatch.setattr(attribution, "MOST_STEPS", 128)
    learner, tried = _built("bert"), list[int]()
    pieces = learner.pieces({"text": TEXT})
    told = attribution.shares(learner, pieces.ids, pieces.special, 1, on_steps=tried.append)
    assert tried == [32, 64, 128]
    assert told.steps == 128


def test_it_stops_when_nobody_wants_it_and_leaves_the_model_as_it_was() -> None:
    learner, asked = _built("bert"), 0
    pieces = learner.pieces({"text": TEXT})
    before = attribution.shares(learner, pieces.ids, pieces.special, 1).adds

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(Cancelled):
        attribution.shares(learner, pieces.ids, pieces.special, 1, should_stop=stop)
    assert asked == 3
    assert attribution.shares(learner, pieces.ids, pieces.special, 1).adds == pytest.approx(before)


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("one two three", "two", "one three"),
        ("one two", "one", "two"),
        ("one two", "two", "one"),
        ("Where?", "?", "Where"),
        ("a (b) c", "b", "a () c"),
        ("one\ntwo three", "two", "one three"),
        ("房间很干净", "很", "房间干净"),
        ("alone", "alone", ""),
    ],
)
def test_a_word_is_left_out_with_its_space(text: str, word: str, left: str) -> None:
    start = text.index(word)
    assert left_out(text, start, start + len(word)) == left


def test_a_model_in_onnx_says_that_it_has_no_gradients() -> None:
    class Answering(torch.nn.Module):
        """Has weights, and no embeddings that could be asked for."""

    learner = Classifier(_parts(Answering()))
    with pytest.raises(UserError, match="no gradients"):
        attribution.shares(learner, [1, 2], [False, False], 0)
