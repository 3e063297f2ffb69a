"""The cards about who labels: one's own name and the others', which rows two people label, and bundles to exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import WholeNumber, row_title
from desktop_llm.widgets.work_line import WorkLine

NAMED = 8
REST_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Who has labeled how much; the share, 0…1, that is labeled twice; rows that wait. `unfinished`: not all known."""

    labelers: Mapping[str, int]
    share: float
    unfinished: bool
    waiting: int
    disputed: int
    total: int


class NamesCard(Card):
    """Signals: `named(str)`: the person goes by this name."""

    named = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Nobody is known yet but this name."""
        super().__init__(" ", "", parent)
        self.set_title(self.tr("Who labels"))
        self.name = QLineEdit(name)
        self.name.setObjectName("people.name")
        self.name.setAccessibleName(self.tr("Your name"))
        self.name.setPlaceholderText(self.tr("kept with each of your labels"))
        self.name.editingFinished.connect(self._on_named)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.addRow(row_title(self.tr("Your name")), self.name)
        self.body.addLayout(form)
        self._warning = plain_label(
            self.tr("Without a name your labels cannot be told from those of others without one."), "warn", wrap=True
        )
        self._warning.setObjectName("people.no_name")
        self.body.addWidget(self._warning)
        self._who = plain_label("", "muted", wrap=True)
        self._who.setObjectName("people.who")
        self.body.addWidget(self._who)
        self.show_name(name)

    def show_name(self, name: str) -> None:
        """One goes by this name."""
        if not self.name.hasFocus() or not self.name.isModified():
            self.name.setText(name)
        self._warning.setVisible(not name)

    def show_labelers(self, told: Mapping[str, int]) -> None:
        """Who has labeled how much, the most first."""
        most = sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))
        named = [f"{name or self.tr('no name')} ({count:,})" for name, count in most[:NAMED]]
        words = ", ".join(named)
        if len(most) > NAMED:
            words = self.tr("{named} and {more:,} more").format(named=words, more=len(most) - NAMED)
        nobody = self.tr("Nobody has labeled here yet.")
        self._who.setText(self.tr("Labels so far: {named}").format(named=words) if most else nobody)

    def _on_named(self) -> None:
        self.name.setModified(False)
        self.named.emit(" ".join(self.name.text().split()))


class TwiceCard(Card):
    """Signals: `share_chosen(float)`, 0…1; `label_asked()`, `decide_asked()`: show these rows in Label."""

    share_chosen = Signal(float)
    label_asked = Signal()
    decide_asked = Signal()

    def __init__(self, line: WorkLine, parent: QWidget | None = None) -> None:
        """`line` tells of a share that is being set."""
        super().__init__(" ", "", parent)
        self.set_title(self.tr("Labeled by two people"))
        self._total = 0
        self._quiet = False
        self.share = WholeNumber()
        self.share.setObjectName("people.share")
        self.share.setAccessibleName(self.tr("Share of rows that two people label"))
        self.share.setRange(0, 100)
        self.share.setSingleStep(5)
        self.share.setSuffix(" %")
        self.share.setKeyboardTracking(False)
        self.share.valueChanged.connect(lambda _: self._on_changed())
        # the steps on the way to a number are not meant
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(lambda: self.share_chosen.emit(self.share.value() / 100))
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.addRow(row_title(self.tr("Share of rows")), self.share)
        self.body.addLayout(form)
        self._meaning = plain_label("", "muted", wrap=True)
        self._meaning.setObjectName("people.share.meaning")
        self.body.addWidget(self._meaning)
        self.body.addWidget(line)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        self._lines: dict[str, tuple[QWidget, QPushButton]] = {}
        self._waiting, self._disputed = plain_label("", wrap=True), plain_label("", wrap=True)
        label = button(self.tr("Label them"), "people.label", self.label_asked.emit)
        decide = button(self.tr("Decide"), "people.decide", self.decide_asked.emit)
        for row, (name, words, made) in enumerate(
            (("waiting", self._waiting, label), ("disputed", self._disputed, decide))
        ):
            words.setObjectName(f"people.{name}")
            grid.addWidget(words, row, 0)
            grid.addWidget(made, row, 1)
            self._lines[name] = (words, made)
        self.body.addLayout(grid)
        self._say()

    def show_facts(self, told: Facts, *, writable: bool) -> None:
        """What is so now."""
        self._total, self._quiet = told.total, True
        if not self._rest.isActive():
            self.share.setValue(round(100 * told.share))
        self.share.setEnabled(writable)
        self._quiet = False
        waiting = self.tr("One row waits for your second label.")
        if told.waiting != 1:
            waiting = self.tr("{count:,} rows wait for your second label.").format(count=told.waiting)
        disputed = self.tr("One row has labels that differ.")
        if told.disputed != 1:
            disputed = self.tr("{count:,} rows have labels that differ.").format(count=told.disputed)
        self._waiting.setText(waiting)
        self._disputed.setText(disputed)
        self._lines["waiting"][1].setEnabled(writable and told.waiting > 0)
        self._lines["disputed"][1].setEnabled(writable and told.disputed > 0)
        self._say()

    def forget(self) -> None:
        """Another project: what was about to be chosen was for the one before."""
        self._rest.stop()

    def _on_changed(self) -> None:
        self._say()
        if not self._quiet:
            self._rest.start()

    def _say(self) -> None:
        share = self.share.value()
        if not share:
            words = self.tr("No row is asked of a second person, so nothing can be said of how far people agree.")
        else:
            words = self.tr(
                "About {count:,} of {total:,} rows go to a second person, who does not see the first label. Which "
                "rows follows from their texts: the same ones in every copy."
            ).format(count=round(self._total * share / 100), total=self._total)
        self._meaning.setText(words)


class ExchangeCard(Card):
    """Signals: `send_asked()`, `take_asked()`."""

    send_asked = Signal()
    take_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Two buttons."""
        super().__init__(" ", "", parent)
        self.set_title(self.tr("Work with colleagues"))
        words = self.tr("Each has a copy of the project. Bundles, files that you hand over, bring copies together.")
        self.body.addWidget(plain_label(words, "muted", wrap=True))
        line = QHBoxLayout()
        line.setSpacing(8)
        self._take = button(self.tr("Take in a bundle…"), "people.take", self.take_asked.emit)
        line.addWidget(button(self.tr("Send to a colleague…"), "people.send", self.send_asked.emit))
        line.addWidget(self._take)
        line.addStretch(1)
        self.body.addLayout(line)

    def let(self, *, writable: bool) -> None:
        """Whether anything can be taken in."""
        self._take.setEnabled(writable)
