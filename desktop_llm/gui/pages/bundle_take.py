"""The dialog that takes a colleague's bundle: first a look at it, then its rows and labels, then what came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_llm import paths
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.bundle_words import BundleWords
from desktop_llm.gui.pages.projects import folder_name
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.form import row_title
from desktop_llm.widgets.work_line import WorkLine, fit_height

if TYPE_CHECKING:
    from desktop_llm.verbs.bundles import Head, Taken

WIDTH = 560


class TakeDialog(QDialog):
    """Of one bundle: into the open project, or (`new`) as a project of its own."""

    def __init__(self, hub: Hub, file: Path, parent: QWidget, *, new: bool = False) -> None:
        """Looks at the file at once."""
        super().__init__(parent)
        self._hub, self._file, self._new = hub, file, new
        self._words = BundleWords(self)
        self._head: Head | None = None
        self._taken: Taken | None = None
        self._work: Task | None = None
        self.setObjectName("bundle.take")
        self.setWindowTitle(self.tr("Open a colleague’s bundle") if new else self.tr("Take in a bundle"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        whole.addLayout(self._build_facts())
        self._note = plain_label("", wrap=True)
        self._note.setObjectName("bundle.take.note")
        whole.addWidget(self._note)
        self._line = WorkLine("bundle.take.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        whole.addWidget(self._line)
        whole.addLayout(self._build_buttons())
        self._look()

    def _build_facts(self) -> QFormLayout:
        self._form = form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._facts: dict[str, ElidedLabel] = {}
        for name, title in self._words.facts():
            fact = ElidedLabel(str(self._file) if name == "file" else "")
            fact.setObjectName(f"bundle.take.{name}")
            self._facts[name] = fact
            form.addRow(row_title(title), fact)
            form.setRowVisible(fact, name == "file")
        self.name = QLineEdit(self)
        self.name.setObjectName("bundle.take.name")
        self.name.setAccessibleName(self.tr("Name of the project"))
        self.name.textChanged.connect(lambda _: self._let())
        self.name.hide()
        if self._new:
            form.addRow(row_title(self.tr("Name of the project")), self.name)
            form.setRowVisible(self.name, False)
        return form

    def _build_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addStretch(1)
        go = self.tr("Make the project") if self._new else self.tr("Take in")
        self._close = button(self.tr("Close"), "bundle.take.close", self.reject)
        self._decide = button(self.tr("Decide"), "bundle.take.decide", self._on_decide, kind="primary")
        self._go = button(go, "bundle.take.go", self.take, kind="primary")
        for made in (self._close, self._decide, self._go):
            made.setAutoDefault(False)
            line.addWidget(made)
        self._decide.hide()
        self._let()
        return line

    def take(self) -> None:
        """Take in what was looked at."""
        if not self._go.isEnabled() or self._work is not None:
            return
        work = self._making() if self._new else self._taking()
        title = self.tr("Making the project") if self._new else self.tr("Taking in a bundle")
        self._line.begin(title)
        self._work = self._hub.background.run(
            work,
            on_done=self._on_taken,
            on_error=self._on_error,
            on_progress=self._line.show_progress,
            title=title,
        )
        self._work.ended.connect(self._on_ended)
        self._let()

    def _taking(self) -> Callable[[Task], Taken]:
        project, file = self._hub.project, self._file

        def work(task: Task) -> Taken:
            from desktop_llm.verbs import bundles

            if project is None:
                raise UserError("The project was closed.")
            return bundles.take(project, file, on_progress=task.progress, should_stop=task.should_stop)

        return work

    def _making(self) -> Callable[[Task], Taken]:
        path, name, file = self._path(), " ".join(self.name.text().split()), self._file

        def work(task: Task) -> Taken:
            from desktop_llm.verbs import bundles

            return bundles.make(path, file, name, on_progress=task.progress, should_stop=task.should_stop)

        return work

    def _path(self) -> Path:
        return paths.projects_dir() / folder_name(self.name.text())

    def _look(self) -> None:
        file = self._file

        def look(_: Task) -> Head:
            from desktop_llm.verbs import bundles

            return bundles.look(file)

        self._looking = self._hub.background.run(look, on_done=self._show_head, on_error=self._on_error)

    def _show_head(self, head: Head) -> None:
        self._head = head
        for name, words in self._words.told(head).items():
            self._facts[name].setText(words)
            self._form.setRowVisible(self._facts[name], True)
        if self._new:
            self.name.setText(head.project)
            self._form.setRowVisible(self.name, True)
        note = self._words.why_not(head, self._hub.project, new=self._new)
        if note:
            self._head = None
            self._line.say(note, "bad")
        elif not self._new:
            self._note.setText(self._words.note(head, self._hub))
        self._let()

    def _on_error(self, error: UserError) -> None:
        self._line.say(error.message, "bad")
        self._let()

    def _on_taken(self, taken: Taken) -> None:
        self._taken = taken
        if self._new:
            self._hub.show_message(self._words.came(taken)[0])
            self._hub.open_project(self._path(), then_page="data")
            self.accept()
            return
        self._note.setText("")
        self._line.say("\n".join(self._words.came(taken)), "")
        self._decide.setVisible(taken.disputed > 0)
        self._go.hide()
        self._hub.changed.emit(taken.changes)
        self._let()

    def _on_ended(self, task: Task) -> None:
        self._work = None
        if task.cancelled and task.error is None:
            self._on_taken(task.result)  # it was over before it heard of the cancel
        elif isinstance(task.error, Cancelled):
            words = self.tr("Stopped: what was taken by then stays; take it in again for the rest.")
            self._line.say(self.tr("Stopped; no project was made.") if self._new else words)
        if task.error is not None and not self._new:
            self._hub.changed.emit(Changes(items=True, labels=True, classes=True))
        self._let()

    def _let(self) -> None:
        named = not self._new or bool(folder_name(self.name.text()))
        self._go.setEnabled(self._head is not None and self._work is None and named)
        self.name.setEnabled(self._work is None)
        if self._new and self._head is not None:
            self._note.setText(self.tr("Will be the folder {path}").format(path=self._path()) if named else "")
        self._note.setVisible(bool(self._note.text()))
        fit_height(self)

    def _on_decide(self) -> None:
        self.accept()
        self._hub.page_asked.emit("label", {"show": "disputed"})

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def reject(self) -> None:
        """Close; what is being taken is stopped first, and the dialog stays to say how far it came."""
        if self._work is not None and not self._work.cancelled:
            self._work.cancel()
            return
        self._looking.cancel()
        super().reject()
