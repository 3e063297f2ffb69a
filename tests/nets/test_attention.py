"""How an encoder attends while it learns is how it attends while it answers, in numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from desktop_llm.nets import attention
from tests import run_folders


@pytest.mark.parametrize("padded", [False, True])
def test_learning_and_answering_see_the_same(tmp_path: Path, padded: bool) -> None:
    from desktop_llm.tasks import TASKS

    folder = run_folders.make(tmp_path, count=24, hidden_dropout_prob=0.0)
    job = folder.job()
    classes = job.schema["classes"]
    rows = [
        {"id": 1, "text": "the a my some with near", "label": classes[0]},
        {"id": 2, "text": "the a", "label": classes[1]},
    ]
    learner = TASKS[job.task].open_learn().build(job, lambda split: rows, None, lambda *_: None)
    examples = learner.encode(rows if padded else rows[:1], lambda *_: None)
    batch = learner.collate(examples, range(len(rows) if padded else 1))
    model = learner.model
    assert isinstance(model, PreTrainedModel)
    model.train()
    learner.loss(batch).backward()  # type: ignore[no-untyped-call]
    assert model.config._attn_implementation == "eager"
    learned = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad()
    model.train(False)
    learner.loss(batch).backward()  # type: ignore[no-untyped-call]
    assert model.config._attn_implementation == "sdpa"
    for name, one in model.named_parameters():
        if name in learned:
            assert one.grad is not None
            torch.testing.assert_close(one.grad, learned[name], rtol=1e-4, atol=1e-6)
    assert learned


def test_long_texts_are_learned_by_the_kernel(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    model = BertModel(config).train()
    for long, wanted in ((attention.SHORT, "eager"), (attention.SHORT + 1, "sdpa")):
        attention.use_fitting(model, torch.zeros(1, long, dtype=torch.int64))
        assert model.config._attn_implementation == wanted
