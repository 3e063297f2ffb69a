"""The model in the loop on the Label page: a button that says how it stands, and what opens below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.looping import EVERY_RANGE, Looping
from desktop_llm.gui.pages import server_dialog
from desktop_llm.gui.pages.suggesting import with_model
from desktop_llm.verbs.loop_results import Mistakes, Wanted
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import Choice, WholeNumber, row_title
from desktop_llm.widgets.plot import SeriesPlot

if TYPE_CHECKING:
    from desktop_llm.loop.curve import Advice

WIDTH, CURVE_HEIGHT = 400, 150
FOLDER = "…"
MORE = 200
"""Labels that one looks ahead by."""
TOLD_CLASSES = 3
OVER = 100
"""Labels over which agreement is counted."""


class LoopPanel(QWidget):
    """Signals: `order_asked()`: the person chose in which order the model puts the texts."""

    order_asked = Signal()

    def __init__(self, hub: Hub, looping: Looping, parent: QWidget) -> None:
        """Opens below `parent`'s button; closed at first."""
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("label.loop.panel")
        self.setAccessibleName(self.tr("Model in the loop"))
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self._hub, self._looping = hub, looping
        self._card = Card(" ", " ")
        self._card.set_title(self.tr("Model in the loop"))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._card)
        self._build()
        looping.changed.connect(self.refresh)
        looping.doubts_found.connect(self._on_doubts)
        looping.advised.connect(self._on_advised)
        looping.failed.connect(self._say)

    def refresh(self) -> None:
        """Show what is chosen and how it stands."""
        choice = self._looping.choice
        self._card.set_note(self._looping.state)
        self.on.blockSignals(True)
        self.on.setChecked(choice.on)
        self.on.blockSignals(False)
        self._quietly(self.order, choice.wanted)
        self._quietly(self.encoder, choice.encoder)
        self.every.blockSignals(True)
        self.every.setValue(choice.every)
        self.every.blockSignals(False)
        for part in (self.mistakes, self.advise, self.trained):
            part.setEnabled(not self._looping.busy)
        self._show_curve()

    def fit(self) -> None:
        """As high as what is shown; words that wrap and a plot that comes make that known late."""
        for layout in (self._card.layout(), self.layout()):
            if layout is not None:
                layout.invalidate()
                layout.activate()
        self.resize(WIDTH, self._card.heightForWidth(WIDTH))

    def showEvent(self, event: QShowEvent) -> None:
        """The runs that there are by now."""
        self._list_encoders()
        self._offer_training()
        self.refresh()
        super().showEvent(event)

    # building

    def _build(self) -> None:
        body = self._card.body
        self.on = QCheckBox(self.tr("Suggest labels while I label"))
        self.on.setObjectName("label.loop.on")
        self.on.setAccessibleName(self.on.text())
        self.on.toggled.connect(self._on_toggled)
        body.addWidget(self.on)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        self.encoder = self._choice("label.loop.encoder", self.tr("Learns from"), [])
        self.order = self._choice(
            "label.loop.order",
            self.tr("Next texts"),
            [
                (self.tr("Unsure ones, varied"), "uncertain"),
                (self.tr("All kinds of texts"), "diverse"),
                (self.tr("Where two models disagree"), "disagreement"),
                (self.tr("At random"), "random"),
            ],
        )
        self.every = WholeNumber()
        self.every.setObjectName("label.loop.every")
        self.every.setAccessibleName(self.tr("Learns again after"))
        self.every.setRange(*EVERY_RANGE)
        self.every.setSingleStep(5)
        self.every.setSuffix(self.tr(" labels"))
        self.every.setKeyboardTracking(False)
        self.every.setToolTip(self.tr("Few: it follows you sooner, and works more often beside you."))
        for box in (self.encoder, self.order, self.every):
            form.addRow(row_title(box.accessibleName()), box)
        body.addLayout(form)
        self.encoder.activated.connect(self._on_encoder)
        self.order.activated.connect(self._on_order)
        self.every.valueChanged.connect(lambda value: self._looping.choose(every=value))
        self._curve = SeriesPlot("label.loop.curve")
        self._curve.setAccessibleName(self.tr("Estimated accuracy and agreement over the labels so far"))
        self._curve.setFixedHeight(CURVE_HEIGHT)
        self._curve.add_series(self.tr("accuracy, estimate (%)"), "accent")
        self._curve.add_series(self.tr("agreement (%)"), "second")
        self._accuracy = plain_label("", "legend-accent")
        self._agreement = plain_label("", "legend-second")
        legend = QHBoxLayout()
        legend.addWidget(self._accuracy)
        legend.addStretch(1)
        legend.addWidget(self._agreement)
        body.addLayout(legend)
        body.addWidget(self._curve)
        line = QHBoxLayout()
        line.setSpacing(8)
        self.mistakes = button(self.tr("Find doubtful labels"), "label.loop.mistakes", self._on_find)
        self.advise = button(self.tr("Look ahead"), "label.loop.advise", lambda: self._looping.advise(MORE))
        self.advise.setToolTip(self.tr("What {more} more labels would bring.").format(more=MORE))
        line.addWidget(self.mistakes)
        line.addWidget(self.advise)
        line.addStretch(1)
        body.addLayout(line)
        self.trained = button("", "label.loop.trained", self._on_find_by_training)
        self.trained.setToolTip(self.tr("Labels that the model never came to believe while it was trained."))
        self.server = button(self.tr("Ask a server…"), "label.loop.server", self._on_server)
        self.server.setToolTip(self.tr("Suggestions by a model that is served, here or elsewhere."))
        for part in (self.trained, self.server):
            further = QHBoxLayout()
            further.addWidget(part)
            further.addStretch(1)
            body.addLayout(further)
        self._run: int | None = None
        self._answer = plain_label("", "muted", wrap=True)
        self._answer.setObjectName("label.loop.answer")
        body.addWidget(self._answer)

    def _choice(self, name: str, title: str, entries: list[tuple[str, str]]) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.let_narrow()
        for words, value in entries:
            box.addItem(words, value)
        return box

    def _list_encoders(self) -> None:
        project, chosen = self._hub.project, self._looping.choice.encoder
        self.encoder.clear()
        self.encoder.addItem(self.tr("The words of the texts"), "")
        for number in with_model(project) if project is not None else []:
            self.encoder.addItem(self.tr("Run {number}").format(number=number), str(number))
        if chosen and self.encoder.findData(chosen) < 0:
            self.encoder.addItem(chosen.rsplit("/", 1)[-1], chosen)
        self.encoder.addItem(self.tr("A model folder…"), FOLDER)

    def _offer_training(self) -> None:
        from desktop_llm.verbs import training_doubts

        project = self._hub.project
        self._run = training_doubts.newest(project) if project is not None else None
        words = self.tr("Doubtful labels from run {number}’s training").format(number=self._run)
        self.trained.setText(words)
        self.trained.setAccessibleName(words)
        self.trained.setVisible(self._run is not None)

    # showing

    def _quietly(self, box: Choice, value: object) -> None:
        box.setCurrentIndex(max(0, box.findData(value)))  # `activated` is told of people alone

    def _show_curve(self) -> None:
        points = self._looping.curve
        sure = [(one.labels, 100 * one.accuracy) for one in points if one.accuracy is not None]
        agreed = _agreement(points)
        self._curve.clear()
        for name, values in ((self.tr("accuracy, estimate (%)"), sure), (self.tr("agreement (%)"), agreed)):
            self._curve.append(name, [one[0] for one in values], [one[1] for one in values])
        self._curve.setVisible(len(sure) + len(agreed) > 1)
        self._accuracy.setText(self.tr("Accuracy, estimate: {share:.0f} %").format(share=sure[-1][1]) if sure else "")
        self._agreement.setText(
            self.tr("Agreement: {share:.0f} %").format(share=agreed[-1][1]) if agreed else self.tr("Agreement: –")
        )
        self.fit()

    def _say(self, words: str) -> None:
        self._answer.setText(words)
        self.fit()

    def _on_doubts(self, found: Mistakes) -> None:
        words = self.tr("{likely:,} of {labels:,} labels are likely mistakes; {queue:,} to look at again.")
        if found.run is not None:
            words = self.tr("{likely:,} of {labels:,} labels were never believed; {queue:,} to look at again.")
        elif not found.likely:
            words = self.tr("None of {labels:,} labels is likely to be a mistake.")
        if found.left_out:
            words += " " + self.tr("Classes left out, as they have too few labels: {left_out:,}.")
        told = {"likely": found.likely, "labels": found.labels, "left_out": found.left_out}
        self._say(words.format(queue=len(found.doubts), **told))
        if (found.likely or found.run is not None) and found.doubts and self.isVisible():
            self.hide()
            self._hub.page_asked.emit("label", {"order": "doubted"})

    def _on_advised(self, found: Advice) -> None:
        said = self.tr("{more:,} more labels: from {now:.0f} % to {then:.0f} % (between {low:.0f} and {high:.0f}).")
        gains = sorted(found.by_class, key=lambda name: found.by_class[name].now - found.by_class[name].then)
        most = [name for name in gains[:TOLD_CLASSES] if found.by_class[name].then - found.by_class[name].now > 0.005]
        words = said.format(more=found.more, **{name: 100 * value for name, value in _shares(found).items()})
        if most:
            words += " " + self.tr("Most for {names}.").format(names=", ".join(f"“{name}”" for name in most))
        self._say(words)

    # hearing

    def _on_toggled(self, on: bool) -> None:
        self._looping.choose(on=on)
        if on:
            self.order_asked.emit()

    def _on_order(self, _: int) -> None:
        wanted: Wanted = self.order.currentData()
        self._looping.choose(wanted=wanted)
        self.order_asked.emit()

    def _on_encoder(self, _: int) -> None:
        chosen = self.encoder.currentData()
        if chosen == FOLDER:
            chosen = QFileDialog.getExistingDirectory(self.parentWidget(), self.tr("A model folder"))
            if not chosen:
                self.refresh()
                return
        self._looping.choose(encoder=chosen)
        self._list_encoders()
        self.refresh()

    def _on_find_by_training(self) -> None:
        if self._run is not None:
            self._say(self.tr("Looking…"))
            self._looping.find_by_training(self._run)

    def _on_server(self) -> None:
        self.hide()
        server_dialog.open_dialog(self._hub, self.parentWidget() or self)

    def _on_find(self) -> None:
        self._say(self.tr("Looking…"))
        self._looping.find_mistakes()


class LoopButton(QObject):
    """The button in the page's head. Signal: `order_asked()`, as the panel's."""

    order_asked = Signal()

    def __init__(self, hub: Hub, page: QWidget) -> None:
        """Hidden where the task's labels cannot be learned so."""
        super().__init__(page)
        self._page, self._looping = page, hub.looping
        self.button = button("", "label.loop", self.open)
        self._hub = hub
        self.panel: LoopPanel | None = None
        """Made when it is first opened: its plot is slow to make."""
        self._looping.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Say whether it is on."""
        self.button.setVisible(self._looping.possible)
        words = self.tr("Model: on") if self._looping.choice.on else self.tr("Model: off")
        self.button.setText(words)
        self.button.setAccessibleName(self.tr("Model in the loop: on") if self._looping.choice.on else words)
        self.button.setToolTip(self._looping.state or self.tr("A model that learns while you label."))

    def open(self) -> None:
        """Show the panel below the button."""
        if self.panel is None:
            self.panel = LoopPanel(self._hub, self._looping, self._page)
            self.panel.order_asked.connect(self.order_asked)
        self.panel.refresh()
        self.panel.fit()
        below = self.button.mapToGlobal(QPoint(self.button.width() - self.panel.width(), self.button.height() + 4))
        self.panel.move(below)
        self.panel.show()
        self.panel.on.setFocus()


def _agreement(points: Any) -> list[tuple[int, float]]:
    """At each refit, how often people agreed in the last OVER labels that had a guess, in per cent."""
    made = []
    for last in range(len(points)):
        asked = agreed = 0
        for one in reversed(points[: last + 1]):
            asked, agreed = asked + one.asked, agreed + one.agreed
            if asked >= OVER:
                break
        if asked and points[last].asked:
            made.append((points[last].labels, 100 * agreed / asked))
    return made


def _shares(found: Advice) -> dict[str, float]:
    one = found.overall
    return {"now": one.now, "then": one.then, "low": one.low, "high": one.high}
