"""The dialog that writes a bundle for a colleague: which rows, under which name, into which file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_llm.data.bundle import ENDING
from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.projects import folder_name
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice, row_title
from desktop_llm.widgets.work_line import WorkLine, fit_height

if TYPE_CHECKING:
    from desktop_llm.verbs.bundles import Head

WIDTH = 520
Offer = tuple[int, int, dict[str, Filter]]


class SendDialog(QDialog):
    """Stays open until the file is written, and says where it is."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """For the project that is open."""
        super().__init__(parent)
        self._hub = hub
        self._work: Task | None = None
        self._path = Path()
        self.setObjectName("bundle.send")
        self.setWindowTitle(self.tr("Send to a colleague"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        words = self.tr(
            "One file with rows, labels and all that was said about them. Your colleague takes it in, labels, and "
            "sends one back; nothing of either side is lost when they come together."
        )
        whole.addWidget(plain_label(words, wrap=True))
        whole.addLayout(self._build_form())
        self._line = WorkLine("bundle.send.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        whole.addWidget(self._line)
        buttons = QHBoxLayout()
        self._close = button(self.tr("Close"), "bundle.send.close", self.reject)
        self._go = button(self.tr("Write the file…"), "bundle.send.go", self._on_go, kind="primary")
        buttons.addStretch(1)
        for made in (self._close, self._go):
            made.setAutoDefault(False)
            buttons.addWidget(made)
        whole.addLayout(buttons)
        self._read()
        fit_height(self)

    def _build_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.rows = Choice()
        self.rows.setObjectName("bundle.send.rows")
        self.rows.setAccessibleName(self.tr("Rows"))
        self.rows.let_narrow()
        self.name = QLineEdit(self._hub.settings.labeler)
        self.name.setObjectName("bundle.send.name")
        self.name.setAccessibleName(self.tr("Your name"))
        self.name.setPlaceholderText(self.tr("so that your labels can be told from others’"))
        self.name.editingFinished.connect(self._on_named)
        form.addRow(row_title(self.tr("Rows")), self.rows)
        form.addRow(row_title(self.tr("Your name")), self.name)
        return form

    def suggested(self) -> str:
        """The file's name: of which project, from whom."""
        project = self._hub.project
        parts = [project.name if project is not None else "", self._hub.settings.labeler]
        return folder_name(" – ".join(part for part in parts if part)) + ENDING

    def write(self, path: Path) -> None:
        """Write the bundle to `path`."""
        project, labeler = self._hub.project, self._hub.settings.labeler
        if project is None or self._work is not None:
            return
        told: Filter = self.rows.currentData() or Filter()
        path = path if path.suffix.casefold() == ENDING else path.with_name(path.name + ENDING)

        def work(task: Task) -> Head:
            from desktop_llm.verbs import bundles

            return bundles.write(
                project, path, told=told, labeler=labeler, on_progress=task.progress, should_stop=task.should_stop
            )

        title = self.tr("Writing a bundle")
        self._line.begin(title)
        self._path = path
        self._work = self._hub.background.run(
            work,
            on_done=self._on_written,
            on_error=self._on_error,
            on_progress=self._line.show_progress,
            title=title,
        )
        self._work.ended.connect(self._on_ended)
        self._let()

    def _read(self) -> None:
        """What can be sent."""
        project = self._hub.project
        if project is None:
            return

        def read(_: Task) -> Offer:
            return project.items.count(Filter()), project.items.count(Filter(show="unlabeled")), project.filters.all()

        self._reading = self._hub.background.run(read)
        self._reading.ended.connect(self._on_read)

    def _on_read(self, task: Task) -> None:
        if task.result is None:
            return
        total, unlabeled, saved = task.result
        self.rows.addItem(self.tr("All {count:,} rows").format(count=total), Filter())
        self.rows.addItem(self.tr("The {count:,} without a label").format(count=unlabeled), Filter(show="unlabeled"))
        for name, told in saved.items():
            self.rows.addItem(self.tr("Kept filter: {name}").format(name=name), told)

    def _on_named(self) -> None:
        name = " ".join(self.name.text().split())
        if name != self._hub.settings.labeler:
            self._hub.save_settings(labeler=name)

    def _on_go(self) -> None:
        self._on_named()
        kind = self.tr("Bundle (*{ending})").format(ending=ENDING)
        chosen, _ = QFileDialog.getSaveFileName(self, self.windowTitle(), self.suggested(), kind)
        if chosen:
            self.write(Path(chosen))

    def _on_error(self, error: UserError) -> None:
        self._line.say(error.message, "bad")

    def _on_written(self, head: Head) -> None:
        words = self.tr("{rows:,} rows with {events:,} entries of their history are in “{path}”.")
        self._line.say(words.format(rows=head.rows, events=head.events, path=self._path), "good")

    def _on_ended(self, task: Task) -> None:
        self._work = None
        if task.cancelled and task.error is None:
            self._on_written(task.result)  # it was over before it heard of the cancel
        elif task.cancelled:
            self._line.say(self.tr("Stopped; no file was written."))
        self._let()

    def _let(self) -> None:
        for part in (self._go, self.rows, self.name):
            part.setEnabled(self._work is None)
        fit_height(self)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def reject(self) -> None:
        """Close; what is being written is given up."""
        self._on_cancel()
        super().reject()
