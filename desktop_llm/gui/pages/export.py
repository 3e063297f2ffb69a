"""The Export page: a run's model as a folder that others can load, with its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.run_box import RunBox
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.form import Choice, row_title

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run


class ExportPage(Page):
    """Format, folder, card; written whole, read back and compared before it is called exported."""

    name = "export"

    def __init__(self, hub: Hub) -> None:
        """Empty until there is a run with a model."""
        super().__init__(hub, hub.tr("Export"))
        self._done_path = Path()
        self._shown: tuple[Path, int] | None = None
        self.runs = RunBox(hub, "export.run")
        self.runs.run_changed.connect(self._on_run_changed)
        self.header.addWidget(self.runs)
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("No model yet"),
            self.tr("Train one, then hand it on from here."),
            self.tr("Train"),
            "export.to_train",
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("train", {}))
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._build())
        self.content.addWidget(self._stack, 1)

    def set_project(self, project: Project | None) -> None:
        """Its runs."""
        if project is not None:
            self.runs.reload()

    def on_changes(self, changes: Changes) -> None:
        """A run may have ended."""
        if changes.runs and not self.hub.is_training:
            self.runs.reload()

    def opened(self, **arguments: Any) -> None:
        """`run` chooses one."""
        self.runs.reload(arguments.get("run"))

    def _build(self) -> QWidget:
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(16)
        left = QVBoxLayout()
        card = Card(self.tr("Hand the model on"))
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.format_box = Choice()
        self.format_box.setObjectName("export.format")
        self.format_box.setAccessibleName(self.tr("Format"))
        self.format_box.addItem(self.tr("Hugging Face folder"), "huggingface")
        self.folder = QLineEdit()
        self.folder.setObjectName("export.folder")
        self.folder.setAccessibleName(self.tr("New folder"))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.folder, 1)
        line.addWidget(button(self.tr("Choose…"), "export.choose", self._on_choose))
        form.addRow(row_title(self.tr("Format")), self.format_box)
        form.addRow(row_title(self.tr("New folder")), line)
        card.body.addLayout(form)
        words = self.tr(
            "Weights as safetensors, config with the label names, tokenizer, and a card that tells data, recipe, "
            "figures and versions. transformers loads it without this program."
        )
        card.body.addWidget(plain_label(words, "muted", wrap=True))
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.hide()
        card.body.addWidget(self._bar)
        self.result = plain_label("", "good", wrap=True)
        self.result.setObjectName("export.result")
        card.body.addWidget(self.result)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self._open = button(self.tr("Open folder"), "export.open", self._on_open)
        self._open.hide()
        self.go = button(self.tr("Export"), "export.go", self._on_export, kind="primary")
        buttons.addWidget(self._open)
        buttons.addWidget(self.go)
        card.body.addLayout(buttons)
        left.addWidget(card)
        left.addStretch(1)
        columns.addLayout(left, 1)
        preview = Card(self.tr("Model card"), "README.md")
        self.card_text = QPlainTextEdit()
        self.card_text.setObjectName("export.card")
        self.card_text.setAccessibleName(self.tr("Model card"))
        self.card_text.setReadOnly(True)
        preview.body.addWidget(self.card_text, 1)
        columns.addWidget(preview, 1)
        return page

    def _on_run_changed(self, run: Run | None) -> None:
        self._stack.setCurrentIndex(0 if run is None else 1)
        project = self.hub.project
        if run is None or project is None:
            return
        number = run.number
        if self._shown != (project.path, number):  # not each time the page is opened: a folder typed stays
            self._shown = (project.path, number)
            self.result.setText("")
            self._open.hide()
            name = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in project.name).strip("-")
            self.folder.setText(str(project.path.parent / f"{name.lower() or 'model'}-run{number}"))

        def work(_: Task) -> str:
            from desktop_llm.verbs import exporting

            return exporting.card(project, number)

        self.hub.background.run(work, on_done=self.card_text.setPlainText)

    def _on_choose(self) -> None:
        start = str(Path(self.folder.text()).parent)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("In folder"), start)
        if chosen:
            self.folder.setText(str(Path(chosen) / Path(self.folder.text()).name))

    def _on_export(self) -> None:
        project, run = self.hub.project, self.runs.run
        text = self.folder.text().strip()
        if project is None or run is None:
            return
        if not text:
            self.hub.show_error(UserError(self.tr("Choose a folder to export to.")))
            return
        to, number, kind = Path(text).expanduser(), run.number, str(self.format_box.currentData())

        def work(task: Task) -> tuple[Path, float]:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import exporting

            return to, elsewhere.call(task.should_stop, exporting.export_from, project.path, number, kind, to)

        self.go.setEnabled(False)
        self._bar.show()
        self.result.setText("")
        task = self.hub.background.run(work, on_done=self._on_exported, title=self.tr("Exporting"))
        task.ended.connect(self._on_ended)

    def _on_exported(self, told: tuple[Path, float]) -> None:
        self._done_path, difference = told
        self._open.show()
        words = self.tr("Exported to {path}. Read back and compared: the answers are the same.")
        if difference:
            words = self.tr("Exported to {path}. Read back and compared: the answers differ by {difference} at most.")
        self.result.setText(words.format(path=self._done_path, difference=f"{difference:.0e}"))

    def _on_ended(self, task: Task) -> None:
        """Exported, refused or cancelled: the page is free again."""
        self._bar.hide()
        self.go.setEnabled(True)
        if task.cancelled:
            self.hub.show_message(self.tr("Cancelled; nothing was exported."))

    def _on_open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._done_path)))
