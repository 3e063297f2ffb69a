"""Keys as Qt tells them, in the words of the key map."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from desktop_llm import keymap

ALONE = (
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
    Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock,
    Qt.Key.Key_unknown,
)
HARMLESS = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier


def is_plain(event: QKeyEvent) -> bool:
    """Whether a key was pressed without Ctrl, Alt or Meta."""
    return bool(event.text()) and not event.modifiers() & ~HARMLESS


def pressed(event: QKeyEvent) -> str:
    """The key with its modifiers; '' for a modifier alone."""
    if event.key() in ALONE:
        return ""
    return keymap.normal(QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText))
