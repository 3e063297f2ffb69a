"""The live side of training: figures on tiles, the loss large, small plots below."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QSlider, QVBoxLayout, QWidget

from desktop_llm.gui.pages.train_device import GAUGES, TrainDevice
from desktop_llm.gui.pages.train_samples import TrainSamples
from desktop_llm.gui.status import time_words
from desktop_llm.jobs.events import Evaluated, Event, Gauged, Sampled, Started, StepDone
from desktop_llm.tasks.task import Metric, Task
from desktop_llm.widgets.card import Card, Tile, plain_label
from desktop_llm.widgets.plot import SeriesPlot, short

WIDE = 560
"""From so many pixels on the small cards stand in one line."""
SMALL = ("metric", "learning_rate", "grad_norm", "tokens_per_second", "device")
STEPS = SMALL[1:4]
"""What each step tells of itself."""


class TrainLive(QWidget):
    """Takes events, or the curves of an earlier run. Signal: `problem_met(UserError)`."""

    problem_met = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(parent)
        self._task: Task | None = None
        self._total = 0
        self._per_epoch = 1
        self._began: tuple[float, int] | None = None
        self._best: tuple[float, int] | None = None
        self._last: StepDone | None = None
        self._share = 0.0
        self.fraction = 0.0
        self.left = ""
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        self._tiles = QGridLayout()
        self._tiles.setSpacing(12)
        self.tiles = {
            "metric": Tile(self.tr("Validation")),
            "loss": Tile(self.tr("Loss")),
            "speed": Tile(self.tr("Speed")),
            "progress": Tile(self.tr("Progress")),
        }
        for name, tile in self.tiles.items():
            tile.setObjectName(f"train.tile.{name}")
        whole.addLayout(self._tiles)
        whole.addWidget(self._loss_card(), 3)
        self.samples = TrainSamples()
        self._small = self._small_cards()
        whole.addLayout(self._small, 2)
        whole.addWidget(self.samples)
        for plot in self.plots.values():
            plot.problem_met.connect(self.problem_met)
        self._columns = 0
        self._arrange(len(SMALL))

    def scrolled(self) -> QScrollArea:
        """Itself in an area that scrolls where a window is too low for it."""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self)
        return area

    def set_task(self, task: Task) -> None:
        """The main metric is the task's."""
        self._task = task
        self._show_metric(task.main())

    def clear(self) -> None:
        """For another run."""
        for plot in self.plots.values():
            plot.clear()
        self.device.clear()
        self.samples.clear()
        for tile in self.tiles.values():
            tile.show_figure("–")
        self._total, self._began, self._best, self._last, self.fraction, self.left = 0, None, None, None, 0.0, ""
        self._share = 0.0

    def take(self, batch: Sequence[Event]) -> None:
        """Draw a batch of events."""
        steps = [event for event in batch if isinstance(event, StepDone)]
        for event in batch:
            if isinstance(event, Started):
                self._total, self._per_epoch = event.total_steps, event.steps_per_epoch
                self._began = (time.monotonic(), event.resumed_at)
            elif isinstance(event, Evaluated) and event.split == "validation" and not event.final:
                self._take_figures(event.step, dict(event.metrics))
            elif isinstance(event, Sampled):
                self.samples.show_samples(event.samples, event.step)
            elif isinstance(event, Gauged):
                self._take_gauges(event)
        if steps:
            places = [event.step for event in steps]
            self.plots["loss"].append("training", places, [event.loss for event in steps])
            for name in STEPS:
                self.plots[name].append(name, places, [float(getattr(event, name)) for event in steps])
            self.device.append("memory", places, [float(event.memory) for event in steps])
            self._show_step(steps)

    def end(self) -> None:
        """The run has ended, perhaps before its last step: nothing is left to wait for."""
        self.left = ""
        if self._last is not None:
            self._show_progress(self._last)

    def show_curves(self, curves: dict[str, list[tuple[int, float]]], total: int) -> None:
        """Draw the curves of an earlier run."""
        self.clear()
        self._total = total
        for name, points in curves.items():
            places, values = [step for step, _ in points], [value for _, value in points]
            if name == "loss":
                self.plots["loss"].append("training", places, values)
                self.tiles["loss"].show_figure(short(values[-1]), self.tr("at step {step:,}").format(step=places[-1]))
                self.tiles["progress"].show_figure(
                    self.tr("step {step:,}").format(step=places[-1]), self.tr("of {total:,}").format(total=total)
                )
            elif name in GAUGES:
                self.device.append(name, places, values)
            elif name in self.plots:
                self.plots[name].append(name, places, values)
        measured = [name.removeprefix("validation/") for name in curves if name.startswith("validation/")]
        metric = self._task.main(measured).name if self._task is not None else ""
        for step, value in curves.get(f"validation/{metric}", []):
            losses = dict(curves.get("validation/loss", []))
            self._take_figures(step, {metric: value, "loss": losses.get(step, math.nan)})
        speeds = [value for _, value in curves.get("tokens_per_second", [])]
        if speeds:
            shares = [value for _, value in curves.get("mfu", [])]
            words = self.tr("in the middle")
            middle = 100 * sorted(shares)[len(shares) // 2] if shares else 0.0
            share = " · " + self.tr("{share:.0f} % of peak").format(share=middle) if middle else ""
            self.tiles["speed"].show_figure(f"{short(sorted(speeds)[len(speeds) // 2])} tok/s", words + share, words)

    def _loss_card(self) -> Card:
        card = Card(self.tr("Loss"), "")
        self.plots: dict[str, SeriesPlot] = {}
        plot = SeriesPlot("train.plot.loss")
        plot.add_series("training", "accent", smoothed=True)
        plot.add_series("validation", "second", dots=True)
        self.plots["loss"] = plot
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName("train.smoothing")
        slider.setAccessibleName(self.tr("Smoothing"))
        slider.setRange(0, 99)
        slider.setFixedWidth(72)
        slider.valueChanged.connect(lambda value: plot.set_smoothing(value / 100))
        slider.setValue(80)
        legend = QHBoxLayout()
        for words, role in ((self.tr("training"), "accent"), (self.tr("validation"), "second")):
            mark = plain_label("━ " + words, f"legend-{role}")
            legend.addWidget(mark)
        card.head.addLayout(legend)
        self._slider_title = plain_label(self.tr("smoothing"), "muted")
        card.head.addWidget(self._slider_title)
        card.head.addWidget(slider)
        plot.setMinimumHeight(140)
        card.body.addWidget(plot, 1)
        return card

    def _small_cards(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(12)
        titles = {
            "metric": self.tr("Validation"),
            "learning_rate": self.tr("Learning rate"),
            "grad_norm": self.tr("Gradient norm"),
            "tokens_per_second": self.tr("Tokens/s"),
        }
        self._cards: dict[str, Card] = {}
        for name, title in titles.items():
            card, plot = Card(title), SeriesPlot(f"train.plot.{name}")
            plot.add_series(name, "second" if name == "metric" else "accent", dots=name == "metric")
            plot.setMinimumHeight(90)
            card.set_tight()
            card.body.addWidget(plot, 1)
            self.plots[name], self._cards[name] = plot, card
        self.device = TrainDevice()
        self._cards["device"] = self.device
        self.plots |= self.device.plots
        return grid

    def _arrange(self, columns: int) -> None:
        """Put so many small cards side by side, and as many tiles as there are or fit."""
        if columns == self._columns:
            return
        self._columns = columns
        for grid, parts, most in ((self._tiles, self.tiles, len(self.tiles)), (self._small, self._cards, columns)):
            for place, part in enumerate(parts.values()):
                grid.addWidget(part, *divmod(place, min(columns, most)))
            for column in range(len(parts)):
                grid.setColumnStretch(column, 1 if column < min(columns, most) else 0)

    def _show_metric(self, metric: Metric) -> None:
        self._cards["metric"].set_title(metric.title)
        title, first = metric.title, metric.title.partition(" ")[0]
        kept = first[1:] != first[1:].lower()
        name = title if kept else title[:1].lower() + title[1:]  # “BLEU”, but “micro F1”
        self.tiles["metric"].set_caption(self.tr("Validation {name}").format(name=name))

    def _take_figures(self, step: int, metrics: dict[str, float]) -> None:
        self.plots["loss"].append("validation", [step], [metrics.get("loss", math.nan)])
        metric = self._task.main(metrics) if self._task is not None else None
        value = metrics.get(metric.name) if metric is not None else None
        if metric is None or value is None:
            return
        self._show_metric(metric)
        self.plots["metric"].append("metric", [step], [value])
        sign = 1 if metric.higher_is_better else -1
        if self._best is None or sign * value > sign * self._best[0]:
            self._best = (value, step)
        assert self._best is not None
        shown = f"{100 * value:.1f} %" if metric.percent else f"{value:.3f}"
        best = f"{100 * self._best[0]:.1f} %" if metric.percent else f"{self._best[0]:.3f}"
        note = self.tr("best {value} at step {step:,}").format(value=best, step=self._best[1])
        self.tiles["metric"].show_figure(shown, note)

    def _take_gauges(self, event: Gauged) -> None:
        for name in ("mfu", "celsius", "watts"):
            if getattr(event, name):
                self.device.append(name, [event.step], [getattr(event, name)])
        self._share = event.mfu

    def _show_step(self, steps: Sequence[StepDone]) -> None:
        last = steps[-1]
        tokens = sum(event.tokens_per_second for event in steps) / len(steps)
        self.tiles["loss"].show_figure(short(last.loss), self.tr("gradient {norm}").format(norm=short(last.grad_norm)))
        words = self.tr("{ms:.0f} ms a step").format(ms=1000 * last.seconds)
        share = " · " + self.tr("{share:.0f} % of peak").format(share=100 * self._share) if self._share else ""
        self.tiles["speed"].show_figure(f"{short(tokens)} tok/s", words + share, words)
        self.fraction = last.step / max(1, self._total)
        if self._began is not None:
            since, first = self._began
            spent = time.monotonic() - since
            done, waiting = max(1, last.step - first), self._total - last.step
            self.left = time_words(spent * waiting / done) if done > 3 and waiting > 0 else ""
        self._last = last
        self._show_progress(last)

    def _show_progress(self, last: StepDone) -> None:
        epochs = self._total / max(1, self._per_epoch)
        notes = [
            self.tr("epoch {epoch:.1f} of {epochs:.0f}").format(epoch=last.epoch, epochs=epochs),
            self.tr("epoch {epoch:.1f}/{epochs:.0f}").format(epoch=last.epoch, epochs=epochs),
        ]
        if self.left:
            left = self.tr("{time} left").format(time=self.left)
            notes = [*(f"{note} · {left}" for note in notes), left]
        self.tiles["progress"].show_figure(f"{100 * self.fraction:.0f} %", *notes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two beside each other where there is little room."""
        super().resizeEvent(event)
        wide = event.size().width() >= WIDE
        self._arrange(len(SMALL) if wide else 2)
        self._slider_title.setVisible(wide)

    def minimumSizeHint(self) -> QSize:
        """Any width will do; the height that the cards need."""
        return QSize(0, super().minimumSizeHint().height())
