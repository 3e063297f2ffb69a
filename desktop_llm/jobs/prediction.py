"""What a model says about one row, in a form that any task, the store and the window understand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer.

    `label` is the task's label in names (as in a snapshot row); `probability` of that label in 0…1;
    `uncertainty` in 0…1, 1 where the model knows nothing; `top` the likeliest labels with their probabilities;
    `figures` what the task's score is made from beside the label. A project keeps no figures.
    """

    label: Any
    probability: float
    uncertainty: float
    top: tuple[tuple[str, float], ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


def to_json(prediction: Prediction) -> dict[str, Any]:
    """The prediction as a JSON object."""
    told = {
        "label": prediction.label,
        "probability": prediction.probability,
        "uncertainty": prediction.uncertainty,
        "top": [[name, value] for name, value in prediction.top],
    }
    return {**told, "figures": dict(prediction.figures)} if prediction.figures else told


def from_json(told: Mapping[str, Any]) -> Prediction:
    """A prediction from its JSON object. Raises KeyError or TypeError when it is none."""
    return Prediction(
        label=told["label"],
        probability=float(told["probability"]),
        uncertainty=float(told["uncertainty"]),
        top=tuple((str(name), float(value)) for name, value in told.get("top", ())),
        figures={str(name): float(value) for name, value in told.get("figures", {}).items()},
    )
