"""What the keys of the Label page mean; the keys of labels are the project's own."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from desktop_llm.widgets.screen import Command

ACTIONS = {
    Qt.Key.Key_Return: "accept",
    Qt.Key.Key_Enter: "accept",
    Qt.Key.Key_Space: "skip",
    Qt.Key.Key_Backspace: "undo",
    Qt.Key.Key_D: "next",
    Qt.Key.Key_Down: "next",
    Qt.Key.Key_A: "previous",
    Qt.Key.Key_Up: "previous",
    Qt.Key.Key_Slash: "find",
}
HARMLESS = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier


def is_plain(event: QKeyEvent) -> bool:
    """Whether a key was pressed without Ctrl, Alt or Meta."""
    return bool(event.text()) and not event.modifiers() & ~HARMLESS


def command_of(event: QKeyEvent, commands: Sequence[Command]) -> str:
    """The command of an editor that has this key; '' where none has it."""
    if not commands:
        return ""
    pressed = QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)
    return next((one.name for one in commands if pressed in one.keys), "")


def action_of(event: QKeyEvent) -> str:
    """accept, skip, undo, redo, next, previous, find; '' for a key without a meaning of its own."""
    if event.matches(QKeySequence.StandardKey.Undo):
        return "undo"
    control = event.modifiers() == Qt.KeyboardModifier.ControlModifier
    if event.matches(QKeySequence.StandardKey.Redo) or (control and event.key() == Qt.Key.Key_Y):
        return "redo"
    if event.modifiers() & ~HARMLESS:
        return ""
    return ACTIONS.get(Qt.Key(event.key()), "")
