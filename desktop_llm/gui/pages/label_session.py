"""What a labeler has done since the page was opened: how many, how fast, how often the model agreed."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QProgressBar, QWidget

from desktop_llm.rows import Counts
from desktop_llm.widgets.card import Card, plain_label

SPEED_OVER = 60.0
AGREEMENT_OVER = 50


class SessionCard(Card):
    """Three figures and a bar."""

    def __init__(self, parent: QWidget) -> None:
        """Nothing done yet."""
        super().__init__(" ", " ", parent)
        self.set_title(self.tr("This session"))
        self.set_note(self.tr("labels save as you go"))
        self._when: deque[float] = deque(maxlen=1000)
        self._agreed: deque[bool] = deque(maxlen=AGREEMENT_OVER)
        grid = QGridLayout()
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self._values, self._titles = {}, {}
        for row, (name, words) in enumerate(
            (
                ("labeled", self.tr("Labeled")),
                ("speed", self.tr("Speed")),
                ("agreement", self.tr("Model agreement, last 50")),
            )
        ):
            value = plain_label("–")
            value.setObjectName(f"label.session.{name}")
            title = plain_label(words, "muted")
            grid.addWidget(title, row, 0)
            self._titles[name] = title
            grid.addWidget(value, row, 2, Qt.AlignmentFlag.AlignRight)
            self._values[name] = value
        self.body.addLayout(grid)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self.body.addWidget(self._bar)

    def count_label(self, agreed: bool | None) -> None:
        """A label was given; `agreed` with the suggestion, None without one."""
        now = time.monotonic()
        self._when.append(now)
        if agreed is not None:
            self._agreed.append(agreed)
        recent = [one for one in self._when if now - one <= SPEED_OVER]
        if len(recent) > 1:
            speed = (len(recent) - 1) * 60 / max(1.0, now - recent[0])
            self._values["speed"].setText(self.tr("{speed:.0f} a minute").format(speed=speed))
        if self._agreed:
            share = sum(self._agreed) / len(self._agreed)
            self._values["agreement"].setText(f"{100 * share:.0f} %")

    def show_agreement(self, shown: bool) -> None:
        """Whether there is a model that could agree."""
        for part in (self._values["agreement"], self._titles["agreement"]):
            part.setVisible(shown)

    def show_counts(self, counts: Counts) -> None:
        """The project's numbers."""
        self._values["labeled"].setText(
            self.tr("{labeled:,} of {total:,}").format(labeled=counts.labeled, total=counts.total)
        )
        self._bar.setValue(round(1000 * counts.labeled / max(1, counts.total)))
