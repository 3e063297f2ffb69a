"""What a labeler has done since the page was opened: how many, how long, how fast, how often the model agreed."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QProgressBar, QWidget

from desktop_llm.gui.pages.label_clock import Clock
from desktop_llm.rows import Counts
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.elided import ElidedLabel

AGREEMENT_OVER = 50
TICK_MS = 1000


class SessionCard(Card):
    """Figures, a bar, and the ways of working.

    Signals: `advance_chosen(bool)`: whether to go on after a label; `list_asked()`, `guideline_asked()`,
    `keys_asked()`: the person wants the other mode, the guideline, the keys.
    """

    advance_chosen = Signal(bool)
    list_asked = Signal()
    guideline_asked = Signal()
    keys_asked = Signal()

    def __init__(self, clock: Clock, parent: QWidget) -> None:
        """Nothing done yet; `clock` is told by the page when somebody works."""
        super().__init__(" ", " ", parent)
        self.set_title(self.tr("This session"))
        self.set_note(self.tr("labels save as you go"))
        self._clock = clock
        self._agreed: deque[bool] = deque(maxlen=AGREEMENT_OVER)
        self._details = QWidget()
        self._details.setLayout(self._figures())
        self.body.addWidget(self._details)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self.body.addWidget(self._bar)
        self.body.addLayout(self._tools())
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._show_time)

    def _figures(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(6)
        grid.setHorizontalSpacing(12)
        self._values, self._titles = {}, {}
        for place, (name, words, tip) in enumerate(
            (
                ("labeled", self.tr("Labeled"), ""),
                ("speed", self.tr("Speed"), self.tr("Rows with a label a minute of work, over the last five minutes.")),
                (
                    "time",
                    self.tr("Time"),
                    self.tr("Of work on this page; pauses of more than a minute are left out."),
                ),
                ("agreement", self.tr("Agreement"), self.tr("With the model, over the last 50 labels.")),
            )
        ):
            value = plain_label("–")
            value.setObjectName(f"label.session.{name}")
            row, column = divmod(place, 2)
            title = plain_label(words, "muted")
            for part in (title, value):
                part.setToolTip(tip)
            grid.addWidget(title, row, 3 * column)
            grid.addWidget(value, row, 3 * column + 1, Qt.AlignmentFlag.AlignRight)
            self._values[name], self._titles[name] = value, title
        for column in (1, 4):
            grid.setColumnStretch(column, 1)
        grid.setColumnMinimumWidth(2, 12)
        return grid

    def _tools(self) -> QHBoxLayout:
        self._line = line = QHBoxLayout()
        line.setSpacing(4)
        self.advance = QCheckBox(self.tr("Auto-advance"))
        self.advance.setObjectName("label.advance")
        self.advance.setAccessibleName(self.advance.text())
        self.advance.toggled.connect(self.advance_chosen)
        line.addWidget(self.advance)
        self._short = ElidedLabel("", "muted")
        self._short.setObjectName("label.session.short")
        self._short.hide()
        line.addSpacing(12)
        line.addWidget(self._short)
        line.addStretch(1)
        self.list_button = button(self.tr("List"), "label.list_mode", self.list_asked.emit, kind="quiet")
        self._guideline = button(self.tr("Guideline"), "label.guideline", self.guideline_asked.emit, kind="quiet")
        keys = button(self.tr("Keys"), "label.keys", self.keys_asked.emit, kind="quiet")
        for made in (self.advance, self.list_button, self._guideline, keys):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for made in (self.list_button, self._guideline, keys):
            line.addWidget(made)
        return line

    def add_tool(self, made: QWidget) -> None:
        """One more way to look at rows, before the others."""
        self._line.insertWidget(self._line.indexOf(self.list_button), made)

    def show_ways(self, *, advance: bool, listing: bool, can_list: bool) -> None:
        """How one works now; says nothing."""
        self.advance.blockSignals(True)
        self.advance.setChecked(advance)
        self.advance.blockSignals(False)
        self.list_button.setVisible(can_list)
        self._fold(listing)
        words = self.tr("Single") if listing else self.tr("List")
        self.list_button.setText(words)
        self.list_button.setAccessibleName(self.tr("Single rows") if listing else self.tr("List of rows"))

    def _fold(self, folded: bool) -> None:
        """To one line: in a list the rows need the room."""
        for part in (self._details, self._bar, self._title, self._note):
            part.setVisible(not folded)
        self._short.setVisible(folded)

    def show_keys(self, told: dict[str, str]) -> None:
        """The keys of the ways of working, by command."""
        for made, name, words in (
            (self.advance, "advance", self.tr("Go on to the next row after a label")),
            (self.list_button, "list", self.tr("Label many short rows in a list, or one row after the other")),
            (self._guideline, "guideline", self.tr("What each label means")),
        ):
            made.setToolTip(f"{words} ({told[name]})" if told.get(name) else words)

    def begin(self) -> None:
        """Another project: nothing is done there yet."""
        self._clock.begin()
        self._agreed.clear()
        for name in ("speed", "agreement"):
            self._values[name].setText("–")
        self._show_time()

    def count_label(self, agreed: bool | None) -> None:
        """A label was given; `agreed` with the suggestion, None without one."""
        self.count_many(1, None if agreed is None else int(agreed))

    def count_many(self, count: int, agreed: int | None) -> None:
        """A label was given to `count` rows, `agreed` of them as suggested; None: nothing was suggested."""
        self._clock.count(count)
        if agreed is not None:
            self._agreed.extend([True] * agreed + [False] * (count - agreed))
        speed = self._clock.speed()
        if speed is not None:
            self._values["speed"].setText(self.tr("{speed:.0f} / min").format(speed=speed))
        if self._agreed:
            share = sum(self._agreed) / len(self._agreed)
            self._values["agreement"].setText(f"{100 * share:.0f} %")
        self._show_time()

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
        self._show_time()

    def _show_time(self) -> None:
        minutes, seconds = divmod(int(self._clock.total), 60)
        hours, minutes = divmod(minutes, 60)
        self._values["time"].setText(f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")
        told = (self._values[name].text() for name in ("labeled", "speed", "time"))
        self._short.setText(" · ".join(one for one in told if one != "–"))

    def showEvent(self, event: QShowEvent) -> None:
        """The time runs while it is seen."""
        super().showEvent(event)
        self._show_time()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody works on a page that is not seen."""
        super().hideEvent(event)
        self._timer.stop()
        self._clock.rest()
