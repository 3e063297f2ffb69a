"""A tiny language model that classifies by a prompt: its chances are those of transformers alone, class by class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_llm.engine.export import Order, export
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.shrink import Cut, shrink
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Noted
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.jobs.model_note import NOTE
from desktop_llm.nets import onednn
from desktop_llm.nets.distillation import Lesson
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import training
from tests import run_folders
from tests.nets import templates
from tests.outside import Outside
from tests.run_ends import finish
from tests.run_folders import Kind

TASK = TASKS["text_classification"]
ASKS = "Which of {labels} is it?"
CLASSES = ("food", "food lost", "travel", "travel by train", "旅行")
"""Some begin as others do."""
BOTH = pytest.mark.parametrize("name", ["chatml", "mistral", ""], ids=["template", "space", "plain"])


def _rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    told = run_folders.rows(count, seed=seed, first_id=first_id)
    return [{**row, "label": CLASSES[place % len(CLASSES)]} for place, row in enumerate(told)]


FIVE = Kind(task=TASK.name, rows=_rows, classes=CLASSES)


def _make(path: Path, model: Path, kind: Kind = FIVE, **values: Any) -> RunFolder:
    told = {"eval_steps": 10_000, "torch_compile": False, "task_type": "CAUSAL_LM", "instruction": ASKS, **values}
    return run_folders.make(path, kind=kind, model=str(model), **told)


def _built(folder: RunFolder) -> Any:
    return TASK.open_learn().build(folder.job(), lambda _: [], None, lambda *_: None)


def _alone(folder: Path, texts: list[str], classes: tuple[str, ...] = CLASSES) -> torch.Tensor:
    """Log-probabilities of all names behind the prompts of texts, by transformers alone, one by one, without cache."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    told = []
    for text in texts:
        asked = [{"role": "user", "content": f"Which of {', '.join(classes)} is it?\n\n{text}"}]
        opening = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        given = tokenizer(opening, add_special_tokens=False)["input_ids"]
        sums = []
        for name in classes:
            talk = [*asked, {"role": "assistant", "content": name}]
            whole = tokenizer.apply_chat_template(talk, tokenize=False).rstrip()
            said = tokenizer(whole[len(opening) :], add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([[*given, *said]]), use_cache=False).logits[0].float()
            chances = torch.log_softmax(logits[len(given) - 1 : -1], dim=-1)
            sums.append(chances[torch.arange(len(said)), torch.tensor(said)].sum())
        told.append(torch.stack(sums))
    return torch.stack(told)


def _with_template(base: Path) -> Path:
    """A folder without a chat template gets that of a run that starts from it."""
    from desktop_llm.nets.prompting import PLAIN

    if not (base / "chat_template.jinja").is_file():
        (base / "chat_template.jinja").write_text(PLAIN, encoding="utf-8")
    return base


@BOTH
def test_chances_are_those_of_transformers_alone_name_by_name(tmp_path: Path, name: str) -> None:
    base = templates.llama(tmp_path / "base", name, max_position_embeddings=256, initializer_range=0.3)
    learner = _built(_make(tmp_path / "run", base))
    learner.model.train(False)
    rows = [{"text": "the train to the harbour"}, {"text": "soup"}, {"text": "my old cheese with bread and apple"}]
    examples = learner.encode(rows, lambda *_: None)
    batch = learner.collate(examples, range(3))
    assert learner.joins
    ours = learner.outputs(batch)
    wanted = _alone(_with_template(base), [row["text"] for row in rows])
    torch.testing.assert_close(ours, wanted, atol=2e-4, rtol=1e-4)
    learner.joins = False
    torch.testing.assert_close(learner.outputs(batch), wanted, atol=2e-4, rtol=1e-4)
    said = learner.predictions(ours)
    for one, sums in zip(said, wanted, strict=True):
        chances = dict(zip(CLASSES, torch.softmax(sums, dim=0).tolist(), strict=True))
        assert dict(one.top) == pytest.approx(chances, abs=1e-4)
        assert sum(chance for _, chance in one.top) == pytest.approx(1.0)
        assert one.label == max(chances, key=lambda name: chances[name])


@pytest.mark.skipif(not torch._C._has_mkldnn, reason="this PyTorch comes without oneDNN")
@pytest.mark.parametrize("tied", [True, False])
def test_packed_for_a_server_it_answers_the_same(tmp_path: Path, tied: bool) -> None:
    base = templates.llama(tmp_path / "base", max_position_embeddings=256, tie_word_embeddings=tied)
    learner = _built(_make(tmp_path / "run", base))
    learner.model.train(False)
    batch = learner.collate(learner.encode([{"text": "the train"}, {"text": "soup"}], lambda *_: None), range(2))
    before = learner.outputs(batch)
    onednn.use(learner.model)
    onednn.pack(learner.model)
    torch.testing.assert_close(learner.outputs(batch), before, atol=1e-4, rtol=1e-4)


def test_without_unused_tokens_its_names_are_still_read_as_they_were(tmp_path: Path) -> None:
    """No text has the tokens of these names, nor has the prompt."""
    kind = Kind(task=TASK.name, rows=run_folders.rows, classes=("Hello there", "The sky is blue"))
    base = templates.llama(tmp_path / "base", max_position_embeddings=256, initializer_range=0.3)
    learner = _built(_make(tmp_path / "run", base, kind, instruction="?"))
    learner.save(tmp_path / "whole")
    (tmp_path / "whole" / NOTE).write_text(json.dumps({"task": TASK.name}), encoding="utf-8")
    rows = run_folders.rows(20)
    told = shrink(tmp_path / "whole", TASK.name, Cut(tokens=True), tmp_path / "own", texts=lambda: rows, held_out=[])
    assert told.tokens < told.tokens_before
    before, after = (Predictor(tmp_path / name).learner for name in ("whole", "own"))
    assert [len(one) for one in _names(after)] == [len(one) for one in _names(before)]
    # other tokens are no longer among those that are chosen from: names are as far from each other as they were
    sums = [one.outputs(one.collate(one.encode(rows, lambda *_: None), range(20))) for one in (before, after)]
    assert [one.label for one in after.predictions(sums[1])] == [one.label for one in before.predictions(sums[0])]


def _names(learner: Any) -> list[list[int]]:
    return list(learner._prompting.answers(learner.classes))


@BOTH
def test_only_the_names_tokens_are_learned(tmp_path: Path, name: str) -> None:
    base = templates.llama(tmp_path / "base", name, max_position_embeddings=256)
    learner = _built(_make(tmp_path / "run", base, max_length=128))
    learner.model.train(False)
    rows = _rows(5)
    batch = learner.collate(learner.encode(rows, lambda *_: None), range(5))
    wanted = _alone(_with_template(base), [row["text"] for row in rows])
    mean = -float(wanted[torch.arange(5), torch.arange(5)].mean())
    assert float(learner.loss(batch).detach()) == pytest.approx(mean, rel=1e-4)
    slices = [learner.collate(learner.encode(rows, lambda *_: None), [place]) for place in range(5)]
    assert np.mean([float(learner.loss(one).detach()) for one in slices]) == pytest.approx(mean, rel=1e-4)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[Event]]:
    """A run that has learned two topics by the words for them."""
    path = tmp_path_factory.mktemp("prompted")
    base = templates.llama(path / "base", max_position_embeddings=256)
    values = {"learning_rate": 5e-3, "num_train_epochs": 8.0, "max_length": 96}
    folder = _make(path / "run", base, run_folders.FIRST, count=160, **values)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    return folder, heard


def test_it_learns_and_a_saved_folder_answers_the_same(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = learned
    final = {one.split: one for one in heard if isinstance(one, Evaluated) and one.final}
    assert final["test"].metrics["accuracy"] >= 0.8
    assert 0.0 < final["test"].metrics["loss"] < 0.6
    assert set(final["test"].metrics) == {one.name for one in TASK.metrics}
    rows = list(snapshot.rows(folder.snapshot, "test"))
    told = Predictor(folder.model).evaluate(rows, ["food", "travel"])
    assert told.logits is not None
    assert told.logits.shape == (16, 2)
    assert told.scores.metrics == pytest.approx(final["test"].metrics, abs=1e-4)
    wanted = _alone(folder.model, [str(row["text"]) for row in rows[:3]], ("food", "travel"))
    np.testing.assert_allclose(told.logits[:3], wanted.numpy(), atol=1e-3)
    config = json.loads((folder.model / "config.json").read_text(encoding="utf-8"))
    assert config["instruction"] == ASKS
    assert config["id2label"] == {"0": "food", "1": "travel"}
    again = training.default_recipe(TASK, str(folder.model), 100)
    assert (again.task_type, again.instruction) == ("CAUSAL_LM", ASKS)


def test_a_small_head_learns_from_one_that_is_asked(learned: tuple[RunFolder, list[Event]], tmp_path: Path) -> None:
    teacher = learned[0].model
    folder = run_folders.make(tmp_path / "run", teacher=str(teacher), distillation_weight=1.0, max_steps=2)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    said = np.load(next(folder.teacher.rglob("*.npy")))
    rows = list(snapshot.rows(folder.snapshot, "train"))
    outputs = Predictor(teacher).outputs(rows)
    assert isinstance(outputs, torch.Tensor)
    np.testing.assert_allclose(said, torch.log_softmax(outputs, dim=-1).numpy(), atol=0.01, rtol=0.01)


def test_a_teacher_that_reads_less_than_prompt_and_name_is_refused(tmp_path: Path) -> None:
    base = templates.llama(tmp_path / "base", max_position_embeddings=256)
    learner = _built(_make(tmp_path / "run", base, max_length=64))
    short = templates.llama(tmp_path / "short", max_position_embeddings=80)
    teacher = _built(_make(tmp_path / "other", short, instruction="?", max_length=16))
    assert 64 < 80 < learner.widest
    with pytest.raises(UserError, match="The teacher reads 80 tokens at once, the run "):
        learner.accompany(teacher, Lesson(temperature=2.0, weight=0.5))


def test_a_teacher_that_chooses_by_a_head_is_refused(tmp_path: Path) -> None:
    learner = _built(_make(tmp_path / "run", templates.llama(tmp_path / "base", max_position_embeddings=256)))
    other = run_folders.make(tmp_path / "other")
    head = TASK.open_learn().build(
        other.job(), lambda split: snapshot.rows(other.snapshot, split), None, lambda *_: None
    )
    with pytest.raises(UserError, match="learns word by word from one that does; choose such a run"):
        learner.accompany(head, Lesson(temperature=2.0, weight=0.5))


@pytest.mark.parametrize("name", ["huggingface", "gguf-f16"])
def test_it_is_handed_on_with_its_prompt(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path, name: str, outside: Outside
) -> None:
    from desktop_llm.verbs import export_example

    folder, _ = learned
    kind = FORMATS[name]
    config = json.loads((folder.model / "config.json").read_text(encoding="utf-8"))
    script = export_example.script(TASK, folder.job().recipe, kind, config)
    out = tmp_path / "out"
    told = export(folder, Order(format=kind, to=out, describe=lambda _: {"example.py": script}))
    assert told.same >= 0.98 * told.answers > 0
    texts = ["the bread", "my old train"]
    printed = outside(Path("example.py"), *texts, folder=out)
    said = Predictor(folder.model).predict([{"text": text} for text in texts])
    shown = [line.split(" ", 2) for line in printed.splitlines()[-2:]]
    assert [(one[0], one[2]) for one in shown] == [
        (str(one.label), text) for one, text in zip(said, texts, strict=True)
    ]
    bound = 1e-3 if name == "huggingface" else 2e-2
    assert [float(one[1]) for one in shown] == pytest.approx([one.probability for one in said], abs=bound)
    if name == "huggingface":
        assert [one.label for one in Predictor(out).predict([{"text": text} for text in texts])] == [
            one.label for one in said
        ]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_the_merged_model_answers_as_its_adapter_does(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = templates.llama(tmp_path / "base", "", max_position_embeddings=256)
    folder = _make(tmp_path / "run", base, lora_r=4, learning_rate=2e-2, max_steps=8)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    ids = torch.tensor([[*range(5, 40)]])
    before = AutoModelForCausalLM.from_pretrained(base)
    merged: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    with torch.no_grad():
        start = before(input_ids=ids).logits
        ours = merged(input_ids=ids).logits
        theirs = PeftModel.from_pretrained(before, str(folder.adapter))(input_ids=ids).logits
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert float((ours - start).abs().max()) > 0.05
    rows = list(snapshot.rows(folder.snapshot, "test"))[:3]
    told = Predictor(folder.model).outputs(rows)
    wanted = _alone(folder.model, [str(row["text"]) for row in rows])
    torch.testing.assert_close(torch.as_tensor(np.stack(list(told))), wanted, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("wrong", ["same", "empty", "room", "encoder"])
def test_what_cannot_be_asked_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    classes = {"same": ("food", "food "), "empty": ("food", " ")}.get(wrong, ("food", "travel"))
    kind = Kind(task=TASK.name, rows=run_folders.rows, classes=classes)
    values = {"instruction": "the a my " * 90} if wrong == "room" else {}
    base = templates.llama(tmp_path / "base")
    if wrong == "encoder":
        from transformers import BertConfig, BertForMaskedLM

        sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
        BertForMaskedLM(BertConfig(vocab_size=500, num_attention_heads=2, **sizes)).save_pretrained(base)
    end, _ = finish(_make(tmp_path / "run", base, kind, max_steps=2, **values))
    assert isinstance(end, Failed)
    words = {
        "same": "The labels “food” and “food ” are the same tokens to this model",
        "empty": "A label without a name cannot be written as an answer",
        "room": "and the model reads 128 at most; shorten “instruction”",
        "encoder": "which does not write texts from left to right",
    }
    assert words[wrong] in end.message
    assert end.message.count(". ") == 0


def test_a_text_that_is_too_long_is_cut_and_that_is_told(tmp_path: Path) -> None:
    base = templates.llama(tmp_path / "base", max_position_embeddings=256)

    def made(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        return [*_rows(count, seed=seed, first_id=first_id), {"id": 9000 + seed, "text": "old " * 400, "label": "food"}]

    end, heard = finish(_make(tmp_path / "run", base, Kind(task=TASK.name, rows=made, classes=CLASSES), max_steps=2))
    assert isinstance(end, Finished), end
    said = [one.message for one in heard if isinstance(one, Noted)]
    assert any("texts are longer than the 32 tokens that are read of each beside the prompt" in one for one in said)
