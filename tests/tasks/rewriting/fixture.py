"""Texts that become longer ones by a rule which a tiny model can learn, for the tests that all tasks share."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, Kind
from tests.tasks.fixture import TaskFixture

OUTSIDE = """
import json, sys
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
import torch
folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
told = []
with torch.no_grad():
    for text in texts:
        given = tokenizer(text, return_tensors="pt")
        wanted = tokenizer(text_target=" ".join(text.split()[::-1] * 2), return_tensors="pt")["input_ids"]
        loss = model(**given, labels=wanted).loss
        written = model.generate(**given)[0, 1:].tolist()
        if tokenizer.eos_token_id in written:
            written = written[: written.index(tokenizer.eos_token_id)]
        told.append([float(loss), wanted.shape[1], 1, *written])
print(json.dumps(told))
"""


def becomes(text: str) -> str:
    """Its words from the last to the first, twice."""
    return " ".join(text.split()[::-1] * 2)


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Two or three words, and what becomes of them."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        text = " ".join(source.choices(FILLER, k=2 + place % 2))
        made.append({"id": first_id + place, "source": text, "label": becomes(text)})
    return made


FIXTURE = TaskFixture(
    kind=Kind(task="rewriting", rows=rows, classes=()),
    cell="  two   words ",
    outside=OUTSIDE,
    narrows=False,
    best={"bleu": 100.0, "chrf": 100.0},
)
