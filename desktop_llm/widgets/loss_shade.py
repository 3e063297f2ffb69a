"""The colour behind a token by its loss: none where it was expected, the stronger the more of a surprise it was."""

from __future__ import annotations

from PySide6.QtGui import QColor

from desktop_llm.widgets import theme

FULL = 8.0
"""Nats from which on all tokens are coloured alike: one chance in three thousand."""
STRONGEST = 0.5
"""How much of the colour the text behind it bears at most and can still be read."""


def shade(nats: float) -> QColor:
    """For what is written in the text's own colour, in the palette of the moment."""
    made = QColor(theme.current().second)
    made.setAlphaF(STRONGEST * min(1.0, max(0.0, nats) / FULL))
    return made
