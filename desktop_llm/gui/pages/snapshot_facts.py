"""The card about one run's frozen data: what it is made of, the hash that proves it, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QWidget

from desktop_llm.jobs.snapshot import PARTS, UNLABELED
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.form import row_title

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.snapshots import Frozen


def day_and_time(at: str) -> str:
    """An ISO time as people here read it."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return at


class FactsCard(Card):
    """Signals: `compare_asked()`, `save_asked()`; `copied()`: the hash is in the clipboard."""

    compare_asked = Signal()
    save_asked = Signal()
    copied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until a run is shown."""
        super().__init__(" ", " ", parent)
        self._form = form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self._facts: dict[str, ElidedLabel] = {}
        for name, title in (
            ("model", self.tr("Started from")),
            ("created", self.tr("Frozen")),
            ("train", self.tr("Train")),
            ("validation", self.tr("Validation")),
            ("test", self.tr("Test")),
            (UNLABELED, self.tr("Without label")),
            ("labels", self.tr("Labels")),
        ):
            fact = ElidedLabel()
            fact.setObjectName(f"snapshots.fact.{name}")
            self._facts[name] = fact
            form.addRow(row_title(title), fact)
        form.setRowVisible(self._facts[UNLABELED], False)
        self.body.addLayout(form)
        self.body.addWidget(plain_label(self.tr("SHA-256 of all its rows"), "muted"))
        line = QHBoxLayout()
        line.setSpacing(8)
        self.hash = QLineEdit()
        self.hash.setObjectName("snapshots.hash")
        self.hash.setAccessibleName(self.tr("SHA-256 of all its rows"))
        self.hash.setReadOnly(True)
        self._copy = button(self.tr("Copy"), "snapshots.copy", self._on_copy)
        line.addWidget(self.hash, 1)
        line.addWidget(self._copy)
        self.body.addLayout(line)
        self._state = plain_label("", "muted", wrap=True)
        self._state.setObjectName("snapshots.state")
        self.body.addWidget(self._state)
        self.body.addStretch(1)
        below = QHBoxLayout()
        below.setSpacing(8)
        self._save = button(self.tr("Save as…"), "snapshots.save", self.save_asked.emit)
        self._compare = button(
            self.tr("Compare with today"), "snapshots.compare", self.compare_asked.emit, kind="primary"
        )
        below.addStretch(1)
        below.addWidget(self._save)
        below.addWidget(self._compare)
        self.body.addLayout(below)
        self.let(busy=True)

    def show_run(self, run: Run) -> None:
        """What the project knows of the run; its rows are still to be read."""
        self.set_title(self.tr("Data of run {number}").format(number=run.number))
        classes = run.schema.get("classes", ())
        self.set_note("")
        told = {
            "model": run.model_title,
            "created": day_and_time(run.created),
            "labels": f"{len(classes):,}: " + ", ".join(map(str, classes)) if classes else "–",
        }
        for name in PARTS:
            told[name] = self.tr("{count:,} rows").format(count=int(run.snapshot.get(name, 0)))
        self._form.setRowVisible(self._facts[UNLABELED], bool(run.snapshot.get(UNLABELED)))
        for name, words in told.items():
            self._facts[name].setText(words)
        self._show_hash(str(run.snapshot.get("sha256", "")))
        self._tell(self.tr("Reading the rows…"), "muted")

    def show_frozen(self, told: Frozen) -> None:
        """What was found when the rows were read."""
        if told.damage:
            self._tell(told.damage, "bad")
            return
        self._show_hash(told.sha256)
        self._tell(self.tr("Whole: the rows have this hash, as they had when the run began."), "good")

    def show_problem(self, words: str) -> None:
        """Why the rows are not known."""
        self._tell(words, "muted")

    def let(self, *, busy: bool, whole: bool = False) -> None:
        """What can be done now: nothing while `busy`, and nothing with rows that are not `whole`."""
        for widget in (self._save, self._compare):
            widget.setEnabled(whole and not busy)
        self._copy.setEnabled(bool(self.hash.text()))

    def _show_hash(self, text: str) -> None:
        self.hash.setText(text)
        self.hash.setCursorPosition(0)
        self.hash.setToolTip(text)

    def _tell(self, words: str, role: str) -> None:
        self._state.setText(words)
        self._state.setProperty("role", role)
        self._state.style().unpolish(self._state)
        self._state.style().polish(self._state)
        self._state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.hash.text())
        self.copied.emit()
