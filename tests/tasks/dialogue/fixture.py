"""Short conversations that a tiny model can learn, for the tests that all tasks share."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.run_folders import FILLER, Kind
from tests.tasks.fixture import TaskFixture

OUTSIDE = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
import torch
folder, talks = sys.argv[1], [json.loads(one) for one in json.loads(sys.argv[2])]
model = AutoModelForCausalLM.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
told = []
with torch.no_grad():
    for talk in talks:
        given = tokenizer.apply_chat_template(talk[:-1], add_generation_prompt=True, tokenize=False)
        given = tokenizer(given, add_special_tokens=False)["input_ids"]
        said = tokenizer(talk[-1]["content"], add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[*given, *said, tokenizer.eos_token_id]])
        logits = model(input_ids=ids[:, :-1]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[len(given) - 1 :], ids[0, len(given) :])
        asked = torch.tensor([given])
        room = min(64, model.config.max_position_embeddings - len(given))
        written = model.generate(asked, attention_mask=torch.ones_like(asked), max_new_tokens=room, do_sample=False,
                                 pad_token_id=tokenizer.eos_token_id)[0, len(given) :].tolist()
        written = written[: written.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in written else written
        told.append([float(loss), len(said) + 1, 1, *written])
print(json.dumps(told))
"""


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """What comes after a word, and the answer, which is always the same."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        at = source.randrange(len(FILLER))
        after = [FILLER[(at + step) % len(FILLER)] for step in range(1, 3)]
        talk = [{"role": "user", "content": FILLER[at]}, {"role": "assistant", "content": " ".join(after)}]
        made.append({"id": first_id + place, "messages": json.dumps(talk), "label": talk})
    return made


def perfect(row: dict[str, Any]) -> tuple[Any, Any]:
    """The conversation, and that its answer was foretold and written."""
    return row["label"], {"nats": 0.0, "tokens": 3, "answer": row["label"][-1]["content"]}


FIXTURE = TaskFixture(
    kind=Kind(task="dialogue", rows=rows, classes=()),
    cell=[{"role": "user", "content": "two  words "}, {"role": "assistant", "content": "好"}],
    outside=OUTSIDE,
    narrows=False,
    perfect=perfect,
    best={"perplexity": 1.0},
)
