"""What a page shows when it has nothing to show: one sentence and the next step."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label


class EmptyState(QWidget):
    """Signals: `asked()`: the person takes the next step."""

    asked = Signal()

    def __init__(self, title: str, sentence: str, button_text: str, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the button's object name; an empty `button_text` leaves it out."""
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setSpacing(8)
        whole.addStretch(2)
        self._title = plain_label(title, "empty-title")
        self._sentence = plain_label(sentence, "muted", wrap=True)
        for label in (self._title, self._sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            whole.addWidget(label)
        whole.addSpacing(8)
        self.button = button(button_text, name, self.asked.emit, kind="primary")
        if not button_text:
            self.button.hide()
        whole.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        whole.addStretch(3)

    def tell(self, title: str, sentence: str, button_text: str) -> None:
        """Say something else; an empty `button_text` hides the button."""
        self._title.setText(title)
        self._sentence.setText(sentence)
        if button_text:
            self.button.setText(button_text.replace("&", "&&"))
            self.button.setAccessibleName(button_text)
        self.button.setVisible(bool(button_text))
