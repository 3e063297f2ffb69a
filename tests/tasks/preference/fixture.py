"""Pairs of which the polite answer is the better one, for the tests that all tasks share."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tests.run_folders import FILLER, Kind
from tests.tasks.fixture import TaskFixture

OUTSIDE = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
import torch
folder, prompts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForCausalLM.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
told = []
with torch.no_grad():
    for prompt in prompts:
        given = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True,
                                              tokenize=False)
        given = tokenizer(given, add_special_tokens=False)["input_ids"]
        both = [prompt + " please", prompt + " now"]
        sums, counts = [], []
        for answer in both[:: 1 if len(prompt) % 2 else -1]:
            said = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            ids = torch.tensor([[*given, *said]])
            logits = model(input_ids=ids[:, :-1]).logits[0, len(given) - 1 :]
            sums.append(-float(torch.nn.functional.cross_entropy(logits, ids[0, len(given) :], reduction="sum")))
            counts.append(len(said))
        told.append([*sums, *counts, 0, 0, 0])
print(json.dumps(told))
"""


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """What is to be repeated, politely; on which side that is follows from its length."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        word = source.choice(FILLER)
        first = len(word) % 2 == 1
        both = [f"{word} please", f"{word} now"]
        made.append(
            {
                "id": first_id + place,
                "prompt": word,
                "a": both[0] if first else both[1],
                "b": both[1] if first else both[0],
                "label": "a" if first else "b",
            }
        )
    return made


def figures(row: dict[str, Any]) -> Mapping[str, float]:
    """The better answer is certain, as it was, the other one, too."""
    sign = 1.0 if row["label"] == "a" else -1.0
    return {"a": 0.0, "b": 0.0, "tokens_a": 2.0, "tokens_b": 2.0, "began_a": 0.0, "began_b": 0.0, "margin": sign}


FIXTURE = TaskFixture(
    kind=Kind(task="preference", rows=rows, classes=()),
    cell=" Answer_B ",
    outside=OUTSIDE,
    narrows=False,
    figures=figures,
    best={"chosen_logps": 0.0},
)
