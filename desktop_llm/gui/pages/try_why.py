"""The tab Why?: what each word adds to the chance of a label, and how the chance changes without it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.gui.explaining import Explaining
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.try_tab import Answered, TryTab
from desktop_llm.gui.status import time_words
from desktop_llm.jobs.explanation import Explanation, points
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.weighed_text import WeighedText
from desktop_llm.widgets.work_line import WorkLine

FIGURE = 84
"""Pixels of a column with a figure."""
MOST_WORDS = 100
"""Words that the table lists, those that add most first."""


class WhyTab(TryTab):
    """The text in colours at the left, its words in a table at the right."""

    name = "why"

    def __init__(self, hub: Hub) -> None:
        """Nothing to explain yet."""
        super().__init__(hub, hub.tr("Why?"))
        self._answered: Answered | None = None
        self._told: Explanation | None = None
        self._order: list[int] = []
        """The places of the words that the table lists."""
        self._asking: Explaining | None = None
        self._wanted = ""
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_text(), 3)
        whole.addWidget(self._build_words(), 2)
        self._show()

    def take(self, answered: Answered | None) -> None:
        """Labels to choose from, the said ones first."""
        self._answered = answered
        if self._asking is not None:
            self._asking.drop()
        self._told = None
        names = [name for name, _ in answered.prediction.top] if answered is not None else []
        self.label.clear()
        self.label.addItems(names)
        if self._wanted in names:
            self.label.setCurrentIndex(names.index(self._wanted))
        self._line.say("")
        self._show()

    def begin(self) -> None:
        """Explain the chosen label."""
        answered = self._answered
        if answered is None or not self.label.count():
            return
        if self._asking is None:
            self._asking = Explaining(self.hub.inference.line, self)
            self._asking.told.connect(self._on_told)
            self._asking.failed.connect(self._on_failed)
            self._asking.doing.connect(lambda words: self._line.begin(words) if self._busy else None)
        self._told = None
        self._line.begin(self.tr("Asking the model"))
        self._asking.ask(answered.model, answered.row, self.label.currentText())
        self._show()

    @property
    def _busy(self) -> bool:
        return self._asking is not None and self._asking.busy

    def _build_text(self) -> QWidget:
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(plain_label(self.tr("Why")))
        self.label = Choice()
        self.label.setObjectName("try.why.label")
        self.label.setAccessibleName(self.tr("Label to explain"))
        self.label.setMinimumWidth(140)
        self.label.activated.connect(self._on_label)
        line.addWidget(self.label)
        self.go = button(self.tr("Explain"), "try.why.go", self.begin)
        line.addWidget(self.go)
        line.addStretch(1)
        card.body.addLayout(line)
        legend = QHBoxLayout()
        legend.setSpacing(16)
        self._for = plain_label(self.tr("■ speaks for it"), "legend-accent")
        self._against = plain_label(self.tr("■ speaks against it (underlined)"), "legend-second")
        for part in (self._for, self._against):
            legend.addWidget(part)
        legend.addStretch(1)
        card.body.addLayout(legend)
        self.text = WeighedText("try.why.text", self.tr("Text with what its words add"))
        self.text.looked_at.connect(self._on_looked_at)
        card.body.addWidget(self.text, 1)
        self.hint = plain_label("", "muted", wrap=True)
        self.hint.setObjectName("try.why.hint")
        card.body.addWidget(self.hint)
        self._rest = QWidget()
        card.body.addWidget(self._rest, 1)
        self._line = WorkLine("try.why.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        card.body.addWidget(self._line)
        return card

    def _build_words(self) -> QWidget:
        self._card = Card(self.tr("Word by word"), self.tr("in points of the chance"))
        titles = [self.tr("Word"), self.tr("Adds"), self.tr("Without it")]
        self.table = FigureTable("try.why.table", self.tr("What words add"), titles)
        for column in (1, 2):
            self.table.setColumnWidth(column, FIGURE)
        for column, tip in (
            (1, self.tr("Its share by integrated gradients: all shares sum up to what the text makes of the chance.")),
            (2, self.tr("How the chance changes where the word is left out and the model is asked again.")),
        ):
            head = self.table.horizontalHeaderItem(column)
            if head is not None:
                head.setToolTip(tip)
        self._card.body.addWidget(self.table, 1)
        return self._card

    def _show(self) -> None:
        told = self._told
        there = told is not None
        for part in (self.text, self._for, self._against, self._card):
            part.setVisible(there)
        self._rest.setVisible(not there)
        self.go.setEnabled(self._answered is not None and self.label.count() > 0 and not self._busy)
        self.label.setEnabled(self._answered is not None)
        if told is None:
            self.text.show_words("", ())
            self.table.show_rows([])
            words = self.tr(
                "Explain shows which words speak for a label and which against it, and how the answer changes without "
                "each of them."
            )
            self.hint.setText(words if self._answered is not None else self.tr("Write a text above; then ask why."))
            self.hint.setVisible(not self._busy)
            return
        self.hint.setText(told.words_of_sum + self._unread(told))
        self.hint.setProperty("role", "muted" if told.complete else "warn")
        self.hint.style().unpolish(self.hint)
        self.hint.style().polish(self.hint)
        self.hint.show()

    def _unread(self, told: Explanation) -> str:
        assert self._answered is not None
        text = self._answered.row["text"]
        if not text[told.read :].strip():
            return ""
        words = self.tr("The model reads the first {read:,} of {all:,} characters; what comes behind does not count.")
        return " " + words.format(read=told.read, all=len(text))

    def _on_label(self, place: int) -> None:
        """The likeliest label is that of every text anew; another one is wanted until somebody chooses anew."""
        self._wanted = self.label.itemText(place) if place else ""
        self.begin()

    def _on_told(self, told: Explanation) -> None:
        answered = self._answered
        if answered is None:
            return
        self._told = told
        text = answered.row["text"]
        self._line.say("")
        self.text.show_words(text, told.words)
        order = sorted(told.words, key=lambda one: -abs(one.adds))[:MOST_WORDS]
        self._order = [told.words.index(one) for one in order]
        self.table.show_rows([(text[one.start : one.end], points(one.adds), points(one.without)) for one in order])
        self._card.set_title(self.tr("{label}: {chance:.1f} %").format(label=told.label, chance=100 * told.chance))
        self._show()

    def _on_failed(self, sentence: str) -> None:
        self._line.say(sentence, "bad")
        self._show()
        self.hint.hide()

    def _on_cancel(self) -> None:
        if self._asking is not None:
            self._asking.drop()
        self._line.say("")
        self._show()

    def _on_looked_at(self, place: int) -> None:
        if place in self._order:
            self.table.selectRow(self._order.index(place))
