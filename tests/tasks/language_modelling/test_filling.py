"""A tiny model that fills gaps: learned, measured, resumed, taught further, and the start of a classifier."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm import atomic
from desktop_llm.engine.generator import Generator
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Noted
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.nets import masking, tokenizer
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import possible
from tests import run_folders
from tests.exported import handed_on
from tests.no_double import NoDouble
from tests.run_ends import final_of, finish
from tests.tasks.fixture import fixture_of
from tests.tasks.language_modelling.fixture import FIXTURE

TASK = TASKS["language_modelling"]


def _make(path: Path, **values: Any) -> RunFolder:
    told = {"objective": "masked", "torch_compile": False, "vocab_size": 300, **values}
    return run_folders.make(path, kind=FIXTURE.kind, **told)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[Event]]:
    """A run that has learned the fixture's words."""
    folder = _make(
        tmp_path_factory.mktemp("masked"), num_train_epochs=100.0, eval_steps=200, mlm_probability=0.3, hidden_size=64
    )
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    return folder, heard


def test_it_learns_to_fill_gaps_and_tells_how_well(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = learned
    told = final_of(heard, "test").metrics
    assert set(told) == {"pseudo_perplexity", "masked_accuracy", "loss"}
    assert told["masked_accuracy"] > 0.5
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model: Any = AutoModelForMaskedLM.from_pretrained(folder.model)
    model.train(False)
    own = AutoTokenizer.from_pretrained(folder.model)
    nats, right, count = 0.0, 0, 0
    for row in snapshot.rows(folder.snapshot, "test"):
        ids = own(row["text"], add_special_tokens=False)["input_ids"]
        first = sum(ids) % min(masking.EVERY, len(ids))
        places = list(range(first, len(ids), masking.EVERY))
        asked = [own.mask_token_id if at in places else token for at, token in enumerate(ids)]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[own.cls_token_id, *asked, own.sep_token_id]])).logits[0, 1:-1]
        losses = torch.nn.functional.cross_entropy(logits[places], torch.tensor(ids)[places], reduction="sum")
        nats += float(losses)
        right += int((logits[places].argmax(-1) == torch.tensor(ids)[places]).sum())
        count += len(places)
    assert told["loss"] == pytest.approx(nats / count, rel=1e-4)
    assert told["pseudo_perplexity"] == pytest.approx(math.exp(nats / count), rel=1e-4)
    assert told["masked_accuracy"] == pytest.approx(right / count)


def test_it_is_measured_where_there_is_no_float64(learned: tuple[RunFolder, list[Event]]) -> None:
    learner = TASK.open_learn().load(learned[0].model)
    examples = learner.encode(FIXTURE.kind.rows(4), lambda *_: None)
    with NoDouble():
        told = learner.outputs(learner.collate(examples, range(4)))
    assert isinstance(told, torch.Tensor)
    assert bool((told[:, 1] > 0).any())


def test_a_gap_is_filled_in_try_it(learned: tuple[RunFolder, list[Event]]) -> None:
    made = Generator(learned[0].model)
    told = list(made.write({"text": "the a my [MASK] with near"}, Sampling()))
    pieces, end = [one for one in told if isinstance(one, Piece)], told[-1]
    assert isinstance(end, Ending)
    assert end.tokens == 1
    assert "".join(one.text for one in pieces) == "the a my some with near"
    gap = next(one for one in pieces if one.top)
    assert gap.top[0][1] == gap.probability > gap.top[1][1]
    with pytest.raises(UserError, match=r"write \[MASK\] where"):
        list(made.write({"text": "the a my"}, Sampling()))


def test_each_token_of_a_text_is_told_as_if_it_alone_were_hidden(learned: tuple[RunFolder, list[Event]]) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder, _ = learned
    text = "the a my some with near old new and"
    model: Any = AutoModelForMaskedLM.from_pretrained(folder.model)
    model.train(False)
    own = AutoTokenizer.from_pretrained(folder.model)
    ids = own(text, return_tensors="pt")["input_ids"]
    assert ids.shape[1] <= folder.job().recipe.max_length
    wanted = []
    for place in range(1, ids.shape[1] - 1):
        hidden = ids.clone()
        hidden[0, place] = own.mask_token_id
        with torch.no_grad():
            chances = torch.softmax(model(input_ids=hidden).logits[0, place], dim=-1)
        wanted.append(float(chances[ids[0, place]]))
    *pieces, ending = Generator(folder.model).look({"text": text})
    told = [one for one in pieces if isinstance(one, Piece)]
    assert [one.probability for one in told] == pytest.approx(wanted, rel=1e-3, abs=1e-7)
    assert "".join(one.text for one in told) == text
    assert isinstance(ending, Ending)
    assert ending.tokens == len(wanted)
    long = [one for one in Generator(folder.model).look({"text": text * 9}) if isinstance(one, Piece)]
    assert "".join(one.text for one in long) == text * 9


def test_it_can_be_exported_and_is_the_start_of_other_runs(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path
) -> None:
    folder = learned[0]
    assert handed_on(folder, tmp_path / "out").difference < 1e-5
    values = {"max_steps": 2, "learning_rate": 1e-5, "max_length": 100}
    end, heard = finish(_make(tmp_path / "further", model=str(tmp_path / "out"), **values))
    assert isinstance(end, Finished), end
    assert any("reads at most 32 tokens" in one.message for one in heard if isinstance(one, Noted))
    assert end.metrics["loss"] < final_of(learned[1], "validation").metrics["loss"] + 0.2
    kind = fixture_of(TASKS["text_classification"]).kind
    sorting = run_folders.make(tmp_path / "sorting", kind=kind, model=str(folder.model), max_steps=2)
    assert isinstance(finish(sorting)[0], Finished)


def test_leaving_and_resuming_ends_with_the_same_bits(tmp_path: Path) -> None:
    values = {"save_steps": 4, "max_steps": 9, "hidden_dropout_prob": 0.1, "whole_word_mask": True}
    whole, parted = (_make(tmp_path / name, **values) for name in ("whole", "parted"))
    finish(whole)
    assert isinstance(finish(parted, leave_at=4)[0], Interrupted)
    assert isinstance(finish(parted)[0], Finished)
    assert len({atomic.sha256(one.model / "model.safetensors") for one in (whole, parted)}) == 1


def test_a_model_that_writes_does_not_fill_and_the_other_way_round(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path
) -> None:
    writes = _make(tmp_path / "writes", objective="causal", max_steps=1)
    assert isinstance(finish(writes)[0], Finished)
    end, _ = finish(_make(tmp_path / "one", model=str(writes.model)))
    assert isinstance(end, Failed)
    assert "does not fill gaps" in end.message
    end, _ = finish(_make(tmp_path / "other", objective="causal", model=str(learned[0].model)))
    assert isinstance(end, Failed)
    assert "set “objective” to masked" in end.message


def test_a_recipe_that_cannot_be_says_why() -> None:
    masked = changed(Recipe(), {"objective": "masked", "tokenizer_type": "characters", "vocab_size": 257})
    with pytest.raises(UserError, match="counts only where “objective” is causal"):
        possible.check_given(masked, ["objective", "tokenizer_type"], TASK.groups)
    with pytest.raises(UserError, match="counts only where “objective” is masked"):
        possible.check_given(changed(Recipe(), {"mlm_probability": 0.3}), ["mlm_probability"], TASK.groups)
    with pytest.raises(UserError, match="has no part in a run of this task"):
        possible.check_given(masked, ["objective"])
    with pytest.raises(UserError, match="at least 261"):
        possible.check(masked)
    with pytest.raises(UserError, match="learns as a whole"):
        changed(Recipe(), {"objective": "masked", "model": "/a", "lora_r": 8})
    assert TASK.deciding("", changed(Recipe(), {"objective": "masked"})).name == "pseudo_perplexity"
    assert TASK.deciding("", Recipe()).name == "perplexity"
    with pytest.raises(UserError, match="choose one of pseudo_perplexity, masked_accuracy, loss"):
        TASK.deciding("perplexity", changed(Recipe(), {"objective": "masked"}))
    with pytest.raises(UserError, match="choose one of perplexity, bits_per_byte, nats_per_character, loss"):
        TASK.deciding("masked_accuracy", Recipe())
    assert TASK.main(["loss", "masked_accuracy", "pseudo_perplexity"]).name == "pseudo_perplexity"


TEXTS = ["unbelievable stories about houses"] * 5


@pytest.mark.parametrize("whole_words", [False, True])
def test_so_many_are_hidden_and_as_bert_has_it(whole_words: bool) -> None:
    made = tokenizer.train(TEXTS, 280, 64)
    told = masking.masking(made, len(made), 0.25, whole_words=whole_words)
    torch.manual_seed(0)
    own = torch.tensor(made(TEXTS[0], add_special_tokens=False)["input_ids"])
    ids = torch.cat([torch.tensor([made.cls_token_id]), own, torch.tensor([made.sep_token_id])]).repeat(400, 1)
    hidden = told.hide(ids)
    assert hidden["hidden"].shape == hidden["targets"].shape == (400, round(0.25 * ids.shape[1]))
    assert torch.equal(ids.gather(1, hidden["hidden"]), hidden["targets"])
    shown = hidden["input_ids"].gather(1, hidden["hidden"])
    masks = float((shown == made.mask_token_id).float().mean())
    same = float((shown == hidden["targets"]).float().mean())
    assert 0.75 < masks < 0.85
    assert 0.07 < same < 0.14
    rest = torch.ones_like(ids, dtype=torch.bool).scatter(1, hidden["hidden"], False)
    assert torch.equal(hidden["input_ids"][rest], ids[rest])
    assert int(hidden["hidden"].min()) >= 1
    if whole_words:  # a word is hidden from its first token on, or the last one that fits is cut
        begins = ~told.continues[ids] if told.continues is not None else ids > 0
        first = hidden["hidden"][:, :1]
        assert bool(begins.gather(1, first).all())


def test_a_block_of_nothing_to_hide_is_left_alone() -> None:
    made = tokenizer.train(TEXTS, 280, 64)
    told = masking.masking(made, len(made), 0.5, whole_words=False)
    ids = torch.tensor([[made.cls_token_id, made.sep_token_id] * 3])
    hidden = told.hide(ids)
    assert torch.equal(hidden["input_ids"], ids)
    assert bool((hidden["targets"] == IGNORED).all())
