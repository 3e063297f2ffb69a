"""A class to choose from a list: the cap of its key, its name, how often it is used."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import keycap
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.screen import ClassInfo


class ChoiceRow(QPushButton):
    """Checked while it is the item's class; `told` is what it shows, without a count where that is below 0."""

    def __init__(self, told: ClassInfo, place: int, name: str = "label.choice") -> None:
        """`name` and `place`, from 1, make the object name."""
        super().__init__()
        self.told = told
        self._shown: ClassInfo | None = None
        self.setObjectName(f"{name}.{place}")
        self.setProperty("kind", "choice-row")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCheckable(True)
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 0, 8, 0)
        line.setSpacing(8)
        self._key = keycap(told.key.upper() or "·")
        self._key.setMinimumWidth(26)
        self._key.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._name = ElidedLabel(told.name)
        self._name.setMinimumWidth(40)
        self._count = plain_label(f"{told.count:,}", "muted")
        self._key.setFixedHeight(22)
        line.addWidget(self._key)
        line.addWidget(self._name, 1)
        line.addWidget(self._count)
        for part in (self._key, self._name, self._count):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedHeight(34)
        self.show_info(told)

    def show_info(self, told: ClassInfo) -> None:
        """The same row with other numbers."""
        if told == self._shown:
            return
        before, self._shown, self.told = self._shown, told, told
        self._key.setText(told.key.upper() or "·")
        if before is None or told.color != before.color:  # a style sheet costs more than all the rest
            self._key.setStyleSheet(f"border-left: 3px solid {told.color};")
        self._name.setText(told.name)
        self._count.setText(f"{told.count:,}" if told.count >= 0 else "")
        self.setAccessibleName(f"{told.name} ({told.key})" if told.key else told.name)
        # Tool tips guess their format: escaped inside a tag, a name stays a name.
        words = [told.name] if told.description.strip() or len(told.name) >= 24 else []
        words += [told.description.strip()] if told.description.strip() else []
        text = html.escape("\n\n".join(words))
        self.setToolTip(f'<p style="white-space: pre-wrap">{text}</p>' if text else "")

    def wanted_width(self) -> int:
        """The width in which the name is not cut."""
        parts = (self._key, self._name, self._count)
        return sum(part.sizeHint().width() for part in parts) + 32
