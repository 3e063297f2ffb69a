"""The list of cleaning steps: each with what it does, a box to choose it, and its settings once it is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.data.cleaning.step import Step
from desktop_llm.data.cleaning.steps import STEPS
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import DataForm

WIDTH = 340
AT_FIRST = ("html", "mojibake", "control", "invisible", "unicode", "whitespace", "empty", "exact_duplicates")


class CleanSteps(QScrollArea):
    """Signals: `changed()`: other steps, or other settings."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """The steps that hardly ever harm are chosen."""
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFixedWidth(WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        card = Card(self.tr("Steps"), self.tr("in this order"))
        self._boxes: dict[str, QCheckBox] = {}
        self._forms: dict[str, DataForm] = {}
        self._kinds: dict[str, type[Step]] = {}
        self._quiet = True
        for step in STEPS:
            self._add(card, step)
        card.body.addStretch(1)
        self.setWidget(card)
        self._quiet = False

    def steps(self) -> list[Step]:
        """The chosen steps with their settings. Raises ValueError that names a setting which is none."""
        return [
            kind(**(self._forms[name].values() if name in self._forms else {}))
            for name, kind in self._kinds.items()
            if self._boxes[name].isChecked()
        ]

    def state(self) -> dict[str, Any]:
        """What is chosen, as JSON; settings that are none are left as they are by default."""
        try:
            return {step.name: asdict(step) for step in self.steps()}
        except ValueError:
            return {name: {} for name, box in self._boxes.items() if box.isChecked()}

    def restore(self, told: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self._quiet = True
        for step in STEPS:
            self._boxes[step.name].setChecked(step.name in told)
            values = told.get(step.name)
            if isinstance(values, Mapping) and step.name in self._forms:
                known = {one.name for one in fields(step)}
                if known.issuperset(values):
                    self._forms[step.name].set_values(type(step)(**values))
        self._quiet = False

    def _add(self, card: Card, step: Step) -> None:
        words = QCoreApplication.translate("CleaningSteps", step.title)
        box = QCheckBox(words.replace("&", "&&"))
        box.setObjectName(f"clean.step.{step.name}")
        box.setAccessibleName(words)
        box.setChecked(step.name in AT_FIRST)
        card.body.addWidget(box)
        inside = QWidget()
        below = QVBoxLayout(inside)
        below.setContentsMargins(26, 0, 0, 6)
        below.setSpacing(6)
        does = QCoreApplication.translate("CleaningSteps", step.does)
        box.setAccessibleDescription(does)
        below.addWidget(plain_label(does, "muted", wrap=True))
        keys = [one.name for one in fields(step)]
        if keys:
            form = DataForm(type(step), keys, step, f"clean.{step.name}")
            form.changed.connect(lambda *_: self._tell())
            form.setVisible(box.isChecked())
            box.toggled.connect(form.setVisible)
            below.addWidget(form)
            self._forms[step.name] = form
        card.body.addWidget(inside)
        box.toggled.connect(lambda _: self._tell())
        self._boxes[step.name], self._kinds[step.name] = box, type(step)

    def _tell(self) -> None:
        if not self._quiet:
            self.changed.emit()
