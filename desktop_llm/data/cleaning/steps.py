"""The one list of cleaning steps, in the order in which they run whatever order they are chosen in.

Texts are mended before they are judged, and judged before they are compared: only so does a second run find nothing
left to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from desktop_llm.data.cleaning.boilerplate import Boilerplate
from desktop_llm.data.cleaning.characters import Control, Invisible, Unicode, Whitespace
from desktop_llm.data.cleaning.duplicates import ExactDuplicates
from desktop_llm.data.cleaning.filters import Empty, Language, Length
from desktop_llm.data.cleaning.markup import Html, Mojibake
from desktop_llm.data.cleaning.similar import NearDuplicates
from desktop_llm.data.cleaning.step import Step

STEPS: tuple[Step, ...] = (
    Html(),
    Mojibake(),
    Control(),
    Invisible(),
    Unicode(),
    Whitespace(),
    Boilerplate(),
    Empty(),
    Length(),
    Language(),
    ExactDuplicates(),
    NearDuplicates(),
)
_PLACES = {step.name: place for place, step in enumerate(STEPS)}


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps in the order they run. Raises ValueError when one comes twice."""
    chosen = sorted(steps, key=lambda step: _PLACES[step.name])
    if len({step.name for step in chosen}) < len(chosen):
        raise ValueError("a cleaning step was chosen twice")
    return tuple(chosen)
