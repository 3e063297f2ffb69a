"""Small marks: a chip that says one thing, and the cap of a key."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from desktop_llm.widgets.card import plain_label


def chip(text: str) -> QLabel:
    """A rounded mark on soft accent."""
    return plain_label(text, "chip")


def keycap(text: str) -> QLabel:
    """The cap of a key."""
    return plain_label(text, "keycap")


def key_hint(key: str, words: str) -> QWidget:
    """A key and what it does, which stay together where the line is broken."""
    both = QWidget()
    line = QHBoxLayout(both)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(6)
    line.addWidget(keycap(key))
    line.addWidget(plain_label(words, "muted"))
    return both
