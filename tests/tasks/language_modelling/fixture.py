"""Short texts of few words, for the tests that all tasks share."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, Kind
from tests.tasks.fixture import TaskFixture

OUTSIDE = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
import torch
folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForCausalLM.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
told = []
with torch.no_grad():
    for text in texts:
        end = tokenizer.eos_token_id
        ids = torch.tensor([[end, *tokenizer(text, add_special_tokens=False)["input_ids"], end]])
        logits = model(input_ids=ids[:, :-1]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:])
        top = torch.softmax(logits[-1], -1).topk(5)
        told.append([float(loss), ids.shape[1] - 1, *top.indices.tolist(), *top.values.tolist()])
print(json.dumps(told))
"""


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts that go through the same words in the same order, from anywhere on."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        begin, size = source.randrange(len(FILLER)), source.randint(3, 12)
        words = [FILLER[(begin + at) % len(FILLER)] for at in range(size)]
        made.append({"id": first_id + place, "text": " ".join(words), "label": None})
    return made


def perfect(row: dict[str, Any]) -> tuple[Any, Any]:
    """The row, and that it took nothing to foretell it."""
    return row, {"nats": 0.0, "tokens": 3}


FIXTURE = TaskFixture(
    kind=Kind(task="language_modelling", rows=rows, classes=()),
    cell="whatever",
    outside=OUTSIDE,
    narrows=False,
    perfect=perfect,
    best={"perplexity": 1.0},
)
