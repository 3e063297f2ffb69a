"""Small texts whose spans a tiny model learns in seconds, for the tests that all tasks share."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, WORDS, Kind
from tests.tasks.fixture import TaskFixture
from tests.tasks.token_tagging.texts import span

OUTSIDE = """
import json, sys
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer
folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForTokenClassification.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
told = []
for text in texts:
    encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        logits = model(**encoded).logits[0].tolist()
    words, at = {}, 0
    for word in text.split():
        at = text.index(word, at)
        words[at] = at + len(word)
        at += len(word)
    found = []
    for one, (start, end) in zip(logits, offsets):
        begin = start + (end > start and text[start] == " ")
        if end > begin and begin in words:
            found.append([begin, words[begin], *one])
    told.append(found)
print(json.dumps(told))
"""


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts of a few words, each with one or two spans of one or two words of a topic; some texts have none."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        text, spans = "", []
        for _ in range(source.randint(2, 5)):
            text += source.choice(FILLER) + " "
            if source.random() < 0.5:
                topic = source.choice(("food", "travel"))
                words = " ".join(source.choice(WORDS[topic]) for _ in range(source.randint(1, 2)))
                spans.append(span(len(text), len(text) + len(words), topic))
                text += words + " and "
        made.append({"id": first_id + place, "text": text + "so", "label": spans})
    return made


FIXTURE = TaskFixture(
    kind=Kind(task="token_tagging", rows=rows, classes=("food", "travel")),
    cell=[{"start": 4, "end": 9, "label": "  two   words "}, {"start": 0, "end": 2, "label": "one"}],
    outside=OUTSIDE,
)
