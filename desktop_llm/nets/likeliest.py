"""Of several classes the likeliest, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from desktop_llm.jobs.prediction import Prediction

TOP = 5


def likeliest(outputs: torch.Tensor, classes: Sequence[str]) -> list[Prediction]:
    """Logits float32 [n, classes] to answers; uncertainty is one minus the margin between the first two."""
    chances = torch.softmax(outputs, dim=-1)
    best = torch.topk(chances, min(TOP, len(classes)), dim=-1)
    answers = []
    for values, places in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        runner_up = values[1] if len(values) > 1 else 0.0
        answers.append(
            Prediction(
                label=classes[places[0]],
                probability=values[0],
                uncertainty=min(1.0, max(0.0, 1.0 - (values[0] - runner_up))),
                top=tuple((classes[place], value) for place, value in zip(places, values, strict=True)),
            )
        )
    return answers
