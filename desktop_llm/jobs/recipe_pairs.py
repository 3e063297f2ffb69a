"""The part of a recipe that says how a model learns from pairs of answers of which one is better."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.jobs.recipe_texts import TextKeys
from desktop_llm.jobs.recipe_weights import hyper

GROUP = "pairs"
DPO, EVEN, ORPO = "sigmoid", "sigmoid_norm", "orpo"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairKeys(TextKeys):
    """Metadata as in `Recipe`, whose keys these are. They are called as in TRL."""

    loss_type: str = hyper(
        DPO,
        "Method",
        "DPO: the better answer is to become likelier than the worse one, measured from the model that the run begins "
        "with. Even lengths: the same by the token, so that longer answers count no more. ORPO: without the model at "
        "the start; it learns the better answers as it compares them.",
        GROUP,
        choices=((DPO, "DPO"), (EVEN, "DPO, even lengths"), (ORPO, "ORPO")),
    )
    beta: float = hyper(
        0.1,
        "Beta",
        "DPO: how closely the model keeps to what it was; less lets it go further. 0.01 to 0.5, with even lengths 1 to "
        "10. ORPO: how much comparing counts beside learning the better answers.",
        GROUP,
        minimum=0.0001,
        maximum=100.0,
    )
