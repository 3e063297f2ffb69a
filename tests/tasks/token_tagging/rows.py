"""Small texts whose spans a tiny model learns in seconds."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, WORDS
from tests.tasks.token_tagging.texts import span


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
