"""The dialog that writes a bundle for a colleague: which rows, under which name, into which file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QWidget

from desktop_llm.data.bundle import ENDING
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.projects import folder_name
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.rows import Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice, row_title
from desktop_llm.widgets.work_line import fit_height

if TYPE_CHECKING:
    from desktop_llm.verbs.bundles import Head

WIDTH = 520
Offer = tuple[int, int, dict[str, Filter]]


class SendDialog(WorkDialog):
    """Stays open until the file is written, and says where it is."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """For the project that is open."""
        super().__init__(hub, parent, "bundle.send", self.tr("Send to a colleague"), WIDTH)
        self._path = Path()
        words = self.tr(
            "One file with rows, labels and all that was said about them. Your colleague takes it in, labels, and "
            "sends one back; nothing of either side is lost when they come together."
        )
        self.whole.addWidget(plain_label(words, wrap=True))
        self.whole.addLayout(self._build_form())
        self.add_line()
        self._close = button(self.tr("Close"), "bundle.send.close", self.reject)
        self._go = button(self.tr("Write the file…"), "bundle.send.go", self._on_go, kind="primary")
        self.add_buttons(self._close, self._go)
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

        self._path = path
        self.begin(self.tr("Writing a bundle"), work, self._on_written)

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

    def _on_written(self, head: Head) -> None:
        words = self.tr("{rows:,} rows with {events:,} entries of their history are in “{path}”.")
        self._line.say(words.format(rows=head.rows, events=head.events, path=self._path), "good")

    def _stopped_words(self) -> str:
        return self.tr("Stopped; no file was written.")

    def _let(self) -> None:
        for part in (self._go, self.rows, self.name):
            part.setEnabled(self._work is None)
        fit_height(self)
