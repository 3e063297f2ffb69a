"""The words of the schema: what one label means, and the project's guideline; kept when the field is left."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes, Class
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.elided import ElidedLabel


class _Field(QPlainTextEdit):
    """Signals: `left()`: the person has gone on to something else."""

    left = Signal()

    def __init__(self, name: str, title: str, hint: str) -> None:
        """Tab goes on to the next control."""
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """What was written is kept."""
        super().focusOutEvent(event)
        self.left.emit()


class _Words(QWidget):
    """Signals: `kept()`: something else was written and is on disk; `problem_met(sentence)`."""

    kept = Signal()
    problem_met = Signal(str)

    def __init__(self, hub: Hub) -> None:
        """For the open project."""
        super().__init__()
        self._hub = hub
        self._lines = QVBoxLayout(self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(8)

    def _write(self, write: Callable[[], Changes]) -> None:
        try:
            changes = write()
        except UserError as error:
            self.problem_met.emit(error.message)
            return
        if changes.classes:
            self._hub.changed.emit(changes)
            self.kept.emit()


class Meaning(_Words):
    """What the chosen label means, with examples."""

    def __init__(self, hub: Hub) -> None:
        """No label is chosen."""
        super().__init__(hub)
        self._chosen: Class | None = None
        self._title = ElidedLabel("", "card-title")
        hint = self.tr("When does a text get this label, and when not?\n\nExamples:\n“…”\n“…”")
        self.text = _Field("classes.meaning", self.tr("What the label means, with examples"), hint)
        self.text.left.connect(self.keep)
        note = plain_label(self.tr("Shown while labeling, and kept with a version."), "muted", wrap=True)
        for part in (self._title, self.text, note):
            self._lines.addWidget(part)

    def show_class(self, one: Class | None) -> None:
        """Another label is chosen; what was written of the one before is kept."""
        self.keep()
        same = one is not None and self._chosen is not None and one.id == self._chosen.id
        self._chosen = one
        self._title.setText("" if one is None else self.tr("Meaning of “{name}”").format(name=one.name))
        self.text.setEnabled(one is not None)
        if not same or not self.text.hasFocus():
            self.text.setPlainText("" if one is None else one.description)

    def keep(self) -> None:
        """Keep what is written."""
        project, one, text = self._hub.project, self._chosen, self.text.toPlainText()
        if project is not None and one is not None and text != one.description:
            self._write(lambda: project.guidelines.describe(one.id, text, self._hub.settings.labeler))


class GuidelineText(_Words):
    """How to label in this project."""

    def __init__(self, hub: Hub) -> None:
        """Empty before `reload`."""
        super().__init__(hub)
        self._lines.setContentsMargins(0, 12, 0, 0)
        self._known = ""
        hint = self.tr("What is this about? What to do with texts that fit no label, or several?")
        self.text = _Field("classes.guideline", self.tr("Guideline of the project"), hint)
        self.text.left.connect(self.keep)
        self._note = plain_label("", "muted", wrap=True)
        self._lines.addWidget(self.text)
        self._lines.addWidget(self._note)

    def reload(self) -> None:
        """Show the newest version."""
        project = self._hub.project
        if project is None:
            return
        told = project.guidelines.get()
        self._known = told.text
        if self.text.toPlainText() != told.text:
            self.text.setPlainText(told.text)
        words = self.tr("Version {number:,}. Every change makes a new version; each label says by which it was given.")
        first = self.tr("Nothing is written yet. Every change makes a new version.")
        self._note.setText(words.format(number=told.version) if told.version else first)

    def keep(self) -> None:
        """Keep what is written."""
        project, text = self._hub.project, self.text.toPlainText()
        if project is not None and text != self._known:
            self._write(lambda: project.guidelines.write(text, self._hub.settings.labeler))
            self.reload()
