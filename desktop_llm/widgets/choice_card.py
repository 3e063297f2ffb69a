"""A button as large as a card: a title, and a line that says more. For choosing among a few things."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_llm.widgets.card import plain_label


class ChoiceCard(QPushButton):
    """A push button with two texts, both plain. Checkable where it is one of several choices."""

    def __init__(self, title: str, sentence: str, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("kind", "choice")
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 10, 12, 10)
        whole.setSpacing(2)
        self._title = plain_label(title, "card-title")
        self._sentence = plain_label(sentence, "muted", wrap=True)
        for label in (self._title, self._sentence):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.setMinimumWidth(40)
            whole.addWidget(label)
        whole.addStretch(1)

    def texts(self) -> tuple[str, str]:
        """Title and sentence as shown."""
        return self._title.text(), self._sentence.text()

    def set_present(self, present: bool) -> None:
        """Grey it where what it stands for is not there."""
        self.setEnabled(present)
        self._title.setProperty("role", "card-title" if present else "muted")
        self._title.style().unpolish(self._title)
        self._title.style().polish(self._title)

    def sizeHint(self) -> QSize:
        """As large as its texts."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Never smaller than its texts at the width there is."""
        layout = self.layout()
        return layout.minimumSize() if layout is not None else super().minimumSizeHint()

    def heightForWidth(self, width: int) -> int:
        """The sentence wraps."""
        layout = self.layout()
        return layout.heightForWidth(width) if layout is not None else super().heightForWidth(width)
