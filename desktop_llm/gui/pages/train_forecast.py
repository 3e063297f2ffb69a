"""What a run will take, on the card before the start: time, memory, disk, energy, price; and what would fit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.measuring import Asked, Measuring
from desktop_llm.gui.pages import forecast_words as words
from desktop_llm.jobs import renting
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.flow import FlowLayout

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent
    from PySide6.QtWidgets import QLabel, QPushButton

    from desktop_llm.gui.pages.train_setup import TrainSetup
    from desktop_llm.jobs.forecast import Forecast, Offer
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.verbs.training import Readiness

MOST_OFFERS = 3


class TrainForecast(Card):
    """A note, figures, and buttons that set what would fit into `setup`."""

    def __init__(self, hub: Hub, setup: TrainSetup) -> None:
        """Knows nothing yet."""
        super().__init__(hub.tr("What it will take"))
        self._hub, self._setup = hub, setup
        self.measuring = Measuring(hub, self)
        self._shown: list[Offer] = []
        self._note = plain_label("", "muted", wrap=True)
        self._note.setObjectName("train.forecast.note")
        self.body.addWidget(self._note)
        self.measure_button = button(self.tr("Measure"), "train.measure", self._on_measure)
        self.measure_button.setToolTip(
            self.tr("Some real steps, an evaluation and a checkpoint, in a process of their own; nothing is kept.")
        )
        self.head.addWidget(self.measure_button)
        self._problem = plain_label("", "warn", wrap=True)
        self._problem.setObjectName("train.forecast.problem")
        self.body.addWidget(self._problem)
        self._figures = QWidget()
        line = QHBoxLayout(self._figures)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(20)
        self._lines: dict[str, tuple[QWidget, QLabel]] = {}
        for name, title in (
            ("time", self.tr("Time")),
            ("memory", self.tr("Memory")),
            ("disk", self.tr("Disk")),
            ("energy", self.tr("Energy, about")),
            ("price", self.tr("Rented GPU, about")),
        ):
            line.addWidget(self._figure(name, title))
        line.addStretch(1)
        self.body.addWidget(self._figures)
        self._offers = FlowLayout()
        self._buttons: list[QPushButton] = []
        for place in range(MOST_OFFERS):
            one = button("", f"train.offer.{place}", partial(self._on_offer, place))
            one.hide()
            self._buttons.append(one)
            self._offers.addWidget(one)
        self.body.addLayout(self._offers)
        self.measuring.changed.connect(self._show)
        hub.settings_changed.connect(lambda _: self._show())
        hub.training.began.connect(lambda _: self.measuring.cancel(by_hand=False))
        self._show()

    def set_ready(self, recipe: Recipe, told: Readiness) -> None:
        """A recipe that could start, and what it would learn from."""
        self.measuring.ask(Asked(recipe=recipe, rows=told.rows, labels=len(told.classes)))

    def forbid(self) -> None:
        """Nothing can start."""
        self.measuring.ask(None)

    def _figure(self, name: str, title: str) -> QWidget:
        """What it is above, how much below; below the memory how full it gets."""
        both = QWidget()
        whole = QVBoxLayout(both)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        value = plain_label("–")
        value.setObjectName(f"train.forecast.{name}")
        for part in (plain_label(title, "muted"), value):
            whole.addWidget(part)
        if name == "memory":
            self._bar = QProgressBar()
            self._bar.setObjectName("train.forecast.bar")
            self._bar.setAccessibleName(self.tr("Memory against what there is"))
            self._bar.setTextVisible(False)
            self._bar.setRange(0, 100)
            whole.addWidget(self._bar)
        whole.addStretch(1)
        self._lines[name] = (both, value)
        return both

    def _put(self, name: str, text: str, tip: str = "", *, old: bool, bad: bool = False) -> None:
        both, value = self._lines[name]
        both.setVisible(bool(text))
        both.setToolTip(tip)
        value.setText(text)
        role = "muted" if old else "bad" if bad else ""
        if value.property("role") != role:
            value.setProperty("role", role)
            value.style().unpolish(value)
            value.style().polish(value)

    def _show(self) -> None:
        known, told = self.measuring.known, self.measuring.known.forecast
        self._setup.set_size_advice(known.size)
        if told is None:
            self._figures.hide()
        else:
            self._figures.show()
            self._show_figures(told, old=self.measuring.busy or bool(known.differs))
        fresh = told is not None and not known.differs
        self._show_offers(told if fresh and not self.measuring.busy else None)
        note = self._words(told, known.differs)
        self._note.setText(note)
        self._note.setToolTip(words.differs(known.differs, len(known.differs)))
        self._note.setVisible(bool(note))
        problem = "" if self.measuring.busy else self.measuring.problem
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self.measure_button.setText(self.tr("Stop measuring") if self.measuring.busy else self.tr("Measure"))
        self.measure_button.setEnabled(self.measuring.busy or self.measuring.possible)
        self.measure_button.setVisible(self.measuring.busy or not fresh)

    def _show_figures(self, told: Forecast, *, old: bool) -> None:
        """`old`: they are of what was set before, so they stand back."""
        steps = self.tr("{steps:,} steps of {ms:.0f} ms, {evaluations:,} evaluations of {seconds:.1f} s").format(
            steps=told.total_steps,
            ms=1000 * told.seconds_per_step,
            evaluations=told.evaluations,
            seconds=told.evaluation,
        )
        self._put("time", words.band(told), steps, old=old)
        peak = self.tr("The peak of the whole training process; at most nine tenths of what is free are offered.")
        self._put(
            "memory", words.of(told.memory, told.memory_there), peak, old=old, bad=told.memory > told.memory_there
        )
        self._bar.setEnabled(not old)
        self._bar.setValue(min(100, round(100 * told.memory / max(1, told.memory_there))))
        room = self.tr("Checkpoints and models at the worst moment.")
        self._put("disk", words.of(told.disk, told.disk_free), room, old=old, bad=told.disk > told.disk_free)
        self._put("energy", words.energy(told), self.tr("Of the graphics card or the processor alone."), old=old)
        self._put("price", *words.rented(told, renting.from_text(self._hub.settings.gpu_prices)), old=old)

    def _show_offers(self, told: Forecast | None) -> None:
        self._shown = []
        if told is not None and not told.fits:
            self._shown = list(told.offers)
        elif told is not None and told.largest is not None:
            self._shown = [told.largest]
        for place, made in enumerate(self._buttons):
            there = place < len(self._shown)
            made.setVisible(there)
            if there:
                short, takes = words.offer(self._shown[place])
                made.setText(f"{short} · {takes}")
                made.setAccessibleName(f"{short}: {takes}")
                made.setToolTip(words.offer_tip(self._shown[place]))

    def _words(self, told: Forecast | None, differs: tuple[str, ...]) -> str:
        if self.measuring.busy:
            doing = self.tr("{doing}…").format(doing=self.measuring.doing)
            return f"{doing} {words.differs(differs)}".strip()
        if self.measuring.problem:
            return ""
        if told is None:
            return self.tr("Not measured yet.") if self.measuring.possible else ""
        if differs:
            return words.differs(differs)
        if told.fits:
            return ""
        if told.disk > told.disk_free:
            return self.tr("The disk has not room enough; make room, or move the project.")
        if self._shown:
            return self.tr("It does not fit into memory. What would:")
        return self.tr("It does not fit into memory; take a smaller model.")

    def _on_measure(self) -> None:
        if self.measuring.busy:
            self.measuring.cancel()
        else:
            self.measuring.measure()

    def _on_offer(self, place: int) -> None:
        if place < len(self._shown):
            values: Mapping[str, Any] = self._shown[place].values
            self._setup.set_values(dict(values))

    def showEvent(self, event: QShowEvent) -> None:
        """Looked at: it may measure by itself."""
        super().showEvent(event)
        self.measuring.may_begin = True

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self.measuring.may_begin = False
