"""Before a run starts: how many texts it would learn from, what keeps it from starting, what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop_llm.widgets.card import Card, plain_label

if TYPE_CHECKING:
    from desktop_llm.verbs.training import Readiness


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainBefore", text)


class TrainBefore(Card):
    """Figures, and below them a problem or an advice."""

    def __init__(self) -> None:
        """Empty until `show_readiness`."""
        super().__init__(_tr("Before you start"))
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        self._figures: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        for row, (name, words) in enumerate(
            (
                ("train", _tr("Texts to learn from")),
                ("held", _tr("Held out: validation, test")),
                ("classes", _tr("Labels")),
            )
        ):
            value = plain_label("–")
            value.setObjectName(f"train.before.{name}")
            title = plain_label(words, "muted")
            grid.addWidget(title, row, 0)
            self._titles[name] = title
            grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignRight)
            self._figures[name] = value
        grid.setColumnStretch(0, 1)
        self._grid = QWidget()
        grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setLayout(grid)
        self.body.addWidget(self._grid)
        self._line = plain_label("", "muted", wrap=True)
        self._line.hide()
        self.body.addWidget(self._line)
        self._problem = self._sentence("train.problem", "warn")
        self._advice = self._sentence("train.advice", "muted")

    def set_low(self, low: bool) -> None:
        """With little room, the figures in one line."""
        self._grid.setHidden(low)
        self._line.setVisible(low)

    def clear(self) -> None:
        """Another project: nothing is known yet."""
        for value in self._figures.values():
            value.setText("–")
        self._line.setText("–")

    def offer_classes(self, offered: bool) -> None:
        """Whether texts have labels that can be counted."""
        for part in (self._titles["classes"], self._figures["classes"]):
            part.setVisible(offered)

    def show_readiness(self, told: Readiness) -> None:
        """What the run would learn from."""
        train = f"{told.splits.get('train', 0):,}"
        if told.unlabeled:
            train = _tr("{train}, and {count:,} without a label").format(train=train, count=told.unlabeled)
        self._figures["train"].setText(train)
        self._figures["held"].setText(f"{told.splits.get('validation', 0):,}, {told.splits.get('test', 0):,}")
        self._figures["classes"].setText(f"{len(told.classes):,}")
        words = _tr("{train} to learn from, {held:,} held out").format(
            train=train, held=told.splits.get("validation", 0) + told.splits.get("test", 0)
        )
        labels = _tr("{count:,} labels").format(count=len(told.classes))
        self._line.setText(f"{words} · {labels}" if self._figures["classes"].isVisibleTo(self._grid) else words)
        _say(self._problem, "")
        _say(self._advice, told.advice)

    def show_problem(self, message: str) -> None:
        """Why nothing can start, or what became of an earlier run."""
        _say(self._problem, message)
        _say(self._advice, "")

    def forbid(self, message: str) -> None:
        """Nothing can start, and nothing be measured."""
        self.show_problem(message)

    def _sentence(self, name: str, role: str) -> QLabel:
        label = plain_label("", role, wrap=True)
        label.setObjectName(name)
        label.hide()
        self.body.addWidget(label)
        return label


def _say(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
