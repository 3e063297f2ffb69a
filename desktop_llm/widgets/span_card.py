"""The text whose spans are being marked, with a line about what is selected or active, and the keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.chip import chip
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.screen import ClassInfo, ShownItem
from desktop_llm.widgets.span_editor import SpanEditor
from desktop_llm.widgets.text_card import TextCard

SHOWN_LETTERS = 120


class SpanCard(TextCard):
    """An editor of spans inside of the card of a text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to mark yet."""
        self.spans = SpanEditor()
        self.spans.setObjectName("label.spans")
        self.spans.setAccessibleName(self.spans.tr("Text with its spans"))
        super().__init__(parent, own=self.spans)
        self._names: dict[int, str] = {}
        line = QHBoxLayout()
        line.setSpacing(8)
        self._brush = chip("")
        self._brush.setObjectName("label.brush")
        self._words = ElidedLabel("", "muted")
        self._words.setObjectName("label.span")
        self.remove = button(self.tr("Remove"), "label.span.remove", self.spans.remove, kind="quiet")
        line.addWidget(self._brush, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._words, 1)
        line.addWidget(self.remove)
        about = QWidget()
        about.setLayout(line)
        line.setContentsMargins(0, 0, 0, 0)
        about.setFixedHeight(self.remove.sizeHint().height())
        self.body.insertWidget(self.body.count() - 1, about)
        self._about = about
        self._replaced = 0
        self.spans.moved.connect(self._show_state)
        self.spans.replaced.connect(self._on_replaced)
        self._show_state()

    def show_names(self, classes: tuple[ClassInfo, ...]) -> None:
        """What the labels are called."""
        self._names = {one.id: one.name for one in classes}
        self._show_state()

    def show_item(self, item: ShownItem | None) -> None:
        """Show place, source and further cells of a row; its text is the editor's."""
        super().show_item(item)
        self._about.setVisible(item is not None)

    def _on_replaced(self, count: int) -> None:
        self._replaced = count

    def _show_state(self) -> None:
        """Say what keys are about now."""
        spans = self.spans
        self._brush.setVisible(spans.brush is not None)
        if spans.brush is not None:
            self._brush.setText(self.tr("Brush: {name}").format(name=self._names.get(spans.brush, "?")))
        start, end = spans.selected
        if spans.active is not None:
            words = f"{_short(spans.piece(spans.active))} — {self._names.get(spans.active[2], '?')}"
            if self._replaced:
                replaced = self.tr("in place of {count:,} that it overlapped")
                words += f" ({replaced.format(count=self._replaced)})"
        elif start < end:
            words = self.tr("Selected: {text}. A label's key marks it.").format(text=_short(spans.text[start:end]))
        elif spans.brush is not None:
            words = self.tr("Whatever is selected gets this label; Esc puts it down.")
        else:
            words = self.tr("Select text by mouse, or with Shift and arrows; then press a label's key.")
        self._replaced = 0
        self._words.setText(words)
        spans.setAccessibleDescription(words)
        self.remove.setVisible(spans.active is not None)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= SHOWN_LETTERS else line[:SHOWN_LETTERS] + '…'}”"
