"""A model folder at a glance, and which heads it can have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_llm.catalog import folder as folders
from desktop_llm.verbs import sources
from tests.catalog.folders import BERT, LLAMA, MARIAN, make

CARD = """---
language: en
license: apache-2.0
tags: [x]
---
# A model
license: not this
"""


def test_a_look(tmp_path: Path) -> None:
    made = make(tmp_path / "tiny", LLAMA, card=CARD)
    told = folders.look(made)
    assert (told.name, told.kind, told.architecture) == ("tiny", "llama", "LlamaForCausalLM")
    assert (told.parameters, told.context, told.licence, told.problem) == (12, 2048, "apache-2.0", "")
    assert told.bytes == sum(one.stat().st_size for one in made.iterdir())


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("", ""),
        ("# Only words\nlicense: mit", ""),
        ("---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        ("\ufeff---\r\nlicense: 'mit'\r\n---\r\n", "mit"),
        ("---\nlicense: mit", ""),
    ],
)
def test_the_licence_of_the_card(tmp_path: Path, card: str, licence: str) -> None:
    assert folders.licence(make(tmp_path / "one", BERT, card=card)) == licence


@pytest.mark.parametrize(
    ("config", "can"),
    [
        (BERT, {"SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "MASKED_LM"}),
        ({**BERT, "is_decoder": True}, {"SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "MASKED_LM", "CAUSAL_LM"}),
        (LLAMA, {"SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "CAUSAL_LM"}),
        (MARIAN, {"SEQ_TO_SEQ_CAUSAL_LM"}),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, {"SEQ_TO_SEQ_CAUSAL_LM"}),
        ({"model_type": "modernbert"}, {"SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "MASKED_LM"}),
        ({"model_type": "vit"}, set()),
    ],
)
def test_the_heads_that_a_model_can_have(tmp_path: Path, config: dict[str, Any], can: set[str]) -> None:
    told = {head: folders.refusal(tmp_path, config, [head]) for head in folders.HEADS}
    assert {head for head, why_not in told.items() if not why_not} == can
    for why_not in told.values():
        assert not why_not or (why_not.endswith(".") and str(config["model_type"]) in why_not)


def test_which_tasks_a_folder_serves(tmp_path: Path) -> None:
    told = {one.task: one.why_not for one in sources.serves(folders.look(make(tmp_path / "bert", BERT)))}
    assert told["token_tagging"] == ""
    assert "does not write texts from left to right; choose a model such as GPT-2" in told["dialogue"]
    for name, config in (("llama", LLAMA), ("marian", MARIAN)):
        told = {one.task: one.why_not for one in sources.serves(folders.look(make(tmp_path / name, config)))}
        assert told["rewriting"] == ""
    damaged = make(tmp_path / "damaged", LLAMA)
    (damaged / "model.safetensors").write_bytes(b"no")
    told = {one.task: one.why_not for one in sources.serves(folders.look(damaged))}
    assert all("are damaged" in why_not for why_not in told.values())


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    assert "There is no model folder" in folders.look(tmp_path / "nowhere").problem
    assert "config.json is missing" in folders.look(tmp_path).problem


def test_how_much_is_read_at_once(tmp_path: Path) -> None:
    made = make(tmp_path / "one", BERT)
    assert folders.cut_words(made, 512) == ""
    assert "reads at most 512 tokens at once" in folders.cut_words(made, 513)
    roberta = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    assert folders.context(roberta) == 512
    assert folders.context({"model_type": "gemma3", "text_config": {"max_position_embeddings": 7}}) == 7
    assert folders.context({"model_type": "bloom"}) is None


def test_a_vocabulary_that_the_model_does_not_have(tmp_path: Path) -> None:
    assert folders.look(make(tmp_path / "one", BERT, tokens=51)).problem.startswith("The tokenizer in")
