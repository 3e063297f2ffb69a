"""The guideline beside the text: what the project says of labeling, and what each label means, as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.gui.pages.snapshot_facts import day_and_time
from desktop_llm.rows import Class, Guideline
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

WIDTH = 304
LOW = 150
UNLIMITED = (1 << 24) - 1
"""Qt's own largest size of a widget."""


class GuidelineCard(Card):
    """Signals: `edit_asked()`, `close_asked()`."""

    edit_asked = Signal()
    close_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing is written yet."""
        super().__init__(" ", " ", parent)
        self.setObjectName("label.guideline_card")
        self.set_title(self.tr("Guideline"))
        area = QScrollArea()
        area.setObjectName("label.guideline_text")
        area.setAccessibleName(self.tr("Guideline"))
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._area = area
        self.body.addWidget(area, 1)
        line = QHBoxLayout()
        for words, name, signal in (
            (self.tr("Edit…"), "label.guideline_edit", self.edit_asked),
            (self.tr("Close"), "label.guideline_close", self.close_asked),
        ):
            made = button(words, name, signal.emit)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            line.addWidget(made, 1)
        self.body.addLayout(line)

    def stand(self, *, beside: bool) -> None:
        """Beside the text, or above it where the window is narrow."""
        self.setMinimumWidth(WIDTH if beside else 0)
        self.setMaximumWidth(WIDTH if beside else UNLIMITED)
        self.setMaximumHeight(UNLIMITED if beside else LOW)

    def show_guideline(self, told: Guideline, classes: Sequence[Class]) -> None:
        """Show a version of it with the labels' descriptions of now."""
        inner = QWidget()
        lines = QVBoxLayout(inner)
        lines.setContentsMargins(0, 0, 8, 0)
        lines.setSpacing(4)
        described = [one for one in classes if one.description.strip() and not one.archived]
        if told.text.strip():
            lines.addWidget(_text(told.text))
            lines.addSpacing(8)
        for one in described:
            lines.addWidget(plain_label(one.name, "card-title", wrap=True))
            lines.addWidget(_text(one.description))
            lines.addSpacing(8)
        if not told.text.strip() and not described:
            words = self.tr("Nothing is written yet. Say with Edit… what each label means, with examples.")
            lines.addWidget(plain_label(words, "muted", wrap=True))
        lines.addStretch(1)
        self._area.setWidget(inner)
        self.set_note(self.tr("version {number:,}").format(number=told.version) if told.version else "")


class GuidelineVersion(QWidget):
    """One version as it was, with what the labels meant then: to be read beside a label that was given by it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name of the text."""
        super().__init__(parent)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(8)
        self.title = plain_label("", "muted", wrap=True)
        self.text = QPlainTextEdit()
        self.text.setObjectName(name)
        self.text.setAccessibleName(self.tr("The guideline by which the label was given"))
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        lines.addWidget(self.title)
        lines.addWidget(self.text, 1)

    def show_version(self, told: Guideline | None, names: Mapping[int, str]) -> None:
        """Show a version, None where there was none."""
        if told is None:
            self.title.setText(self.tr("No guideline is known for this entry."))
            self.text.clear()
            return
        words = self.tr("Guideline, version {number:,}, {when}").format(number=told.version, when=day_and_time(told.at))
        self.title.setText(f"{words} · {told.labeler}" if told.labeler else words)
        meanings = [f"{names[number]}\n{text.strip()}" for number, text in told.descriptions.items() if number in names]
        self.text.setPlainText("\n\n".join(one for one in (told.text.strip(), *meanings) if one))


def _text(text: str) -> QWidget:
    made = plain_label(text.strip(), wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made
