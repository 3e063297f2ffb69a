"""Steps that mend texts, at work on rows that are JSON: on what their messages say, and on nothing else in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from desktop_llm.data.cleaning.step import Dropped, Stage

SAID = frozenset(("content", "text", "value"))
"""The names under which messages, and parts of them, have their words."""


def inside(stage: Stage) -> Stage:
    """The stage for rows that are JSON; a row that is not goes through it as it is."""

    def mended(id: int, text: str) -> str | Dropped:
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            return stage(id, text)

        def mend(words: str) -> str:
            made = stage(id, words)
            return made if isinstance(made, str) else words

        now = _mended(told, mend)
        return text if now == told else json.dumps(now, ensure_ascii=False, separators=(",", ":"))

    return mended


def _mended(told: Any, mend: Callable[[str], str]) -> Any:
    if isinstance(told, list):
        return [_mended(one, mend) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        name: mend(value) if name in SAID and isinstance(value, str) else _mended(value, mend)
        for name, value in told.items()
    }
