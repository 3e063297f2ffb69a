"""Buttons of three ranks: primary (the next step of a page), plain, and quiet (a link among text)."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QPushButton, QWidget


def button(
    text: str,
    name: str,
    clicked: Callable[[], object] | None = None,
    *,
    kind: str = "plain",
    tip: str = "",
    parent: QWidget | None = None,
) -> QPushButton:
    """A button with its stable object name; `kind` is primary, plain, quiet or danger."""
    made = QPushButton(text.replace("&", "&&"), parent)
    made.setObjectName(name)
    made.setAccessibleName(text)
    made.setProperty("kind", kind)
    if tip:
        made.setToolTip(tip)
    if clicked is not None:
        made.clicked.connect(lambda: clicked())
    return made


def rank(made: QPushButton, kind: str) -> None:
    """Give a button another rank."""
    if made.property("kind") != kind:
        made.setProperty("kind", kind)
        made.style().unpolish(made)
        made.style().polish(made)
