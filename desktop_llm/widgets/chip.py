"""Small marks: a chip that says one thing, and the cap of a key."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from desktop_llm.widgets.card import plain_label


def chip(text: str) -> QLabel:
    """A rounded mark on soft accent."""
    return plain_label(text, "chip")


def keycap(text: str) -> QLabel:
    """The cap of a key."""
    return plain_label(text, "keycap")
