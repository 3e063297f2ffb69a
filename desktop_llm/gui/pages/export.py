"""The Export page: a run's model in the format that others want, with its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.export_form import ExportForm
from desktop_llm.gui.pages.run_box import RunBox
from desktop_llm.gui.pages.serve_card import ServeCard
from desktop_llm.gui.service import Standing
from desktop_llm.gui.status import time_words
from desktop_llm.paths import expanded
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.work_line import WorkLine

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
        self._task: Task | None = None
        self._busy = False
        self._stage = "off"
        self._asked = 0
        self.go = button(self.tr("Export"), "export.go", self._on_export, kind="primary")
        self.go.setEnabled(False)
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
        """`run` chooses one, `format` how it is handed on."""
        self.runs.reload(arguments.get("run"))
        if isinstance(arguments.get("format"), str):
            self.form.choose(arguments["format"])

    def state(self) -> dict[str, Any]:
        """The chosen format, and what was said for the card."""
        return {"form": self.form.state()}

    def restore(self, told: dict[str, Any]) -> None:
        """As it was."""
        if isinstance(told.get("form"), dict):
            self.form.restore(told["form"])

    def _build(self) -> QWidget:
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(16)
        column = QWidget()
        left = QVBoxLayout(column)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(16)
        card = Card(self.tr("Hand the model on"))
        self.form = ExportForm()
        self.form.changed.connect(self._show_card)
        self.form.possible_changed.connect(lambda possible: self.go.setEnabled(possible and not self._busy))
        card.body.addWidget(self.form)
        self._line = WorkLine("export", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        card.body.addWidget(self._line)
        self.result = plain_label("", "good", wrap=True)
        self.result.setObjectName("export.result")
        self.result.hide()
        card.body.addWidget(self.result)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self._open = button(self.tr("Open folder"), "export.open", self._on_open)
        self._open.hide()
        buttons.addWidget(self._open)
        buttons.addWidget(self.go)
        card.body.addLayout(buttons)
        left.addWidget(card)
        self.serve = ServeCard(self.hub)
        left.addWidget(self.serve)
        left.addStretch(1)
        self._area = scrolling(column)
        columns.addWidget(self._area, 1)
        self.hub.service.changed.connect(self._on_service)
        preview = Card(self.tr("Model card"), "README.md")
        self.card_text = QPlainTextEdit()
        self.card_text.setObjectName("export.card")
        self.card_text.setAccessibleName(self.tr("Model card"))
        self.card_text.setReadOnly(True)
        preview.body.addWidget(self.card_text, 1)
        columns.addWidget(preview, 1)
        return page

    def _on_service(self, now: Standing) -> None:
        """Where the window is low, what was started is brought into sight, once it has its place."""
        if now.stage != self._stage:
            self._stage = now.stage
            QTimer.singleShot(0, lambda: self._area.ensureWidgetVisible(self.serve.go))

    def _on_run_changed(self, run: Run | None) -> None:
        self._stack.setCurrentIndex(0 if run is None else 1)
        project = self.hub.project
        if run is None or project is None:
            return
        number = run.number
        if self._shown != (project.path, number):  # not each time the page is opened: a folder typed stays
            self._shown = (project.path, number)
            self._say("")
            self._open.hide()
            name = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in project.name).strip("-")
            self.form.set_place(project.path.parent / f"{name.lower() or 'model'}-run{number}")

        def work(_: Task) -> list[Any]:
            from desktop_llm.verbs import exporting

            return list(exporting.choices(project, number))

        self.hub.background.run(work, on_done=self.form.show_choices)
        self._show_card()

    def _show_card(self) -> None:
        project, run = self.hub.project, self.runs.run
        if project is None or run is None:
            return
        number, kind, told = run.number, self.form.format_name, self.form.papers()
        self._asked += 1
        asked = self._asked

        def work(_: Task) -> str:
            from desktop_llm.verbs import exporting
            from desktop_llm.verbs.card import Papers

            return exporting.preview(project, number, kind, Papers(**told))

        def show(text: str) -> None:
            if asked == self._asked:  # the last of several that were asked for while one typed
                self.card_text.setPlainText(text)

        self.hub.background.run(work, on_done=show)

    def _on_export(self) -> None:
        project, run = self.hub.project, self.runs.run
        text = self.form.folder.text().strip()
        if project is None or run is None:
            return
        if not text:
            self.hub.show_error(UserError(self.tr("Choose a folder to export to.")))
            return
        to, number = expanded(text), run.number
        kind, zipped, told = self.form.format_name, self.form.zipped.isChecked(), self.form.papers()

        def work(task: Task) -> tuple[Path, str, str]:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import exporting
            from desktop_llm.verbs.card import Papers

            wish = exporting.Wish(format_name=kind, to=to, zipped=zipped, papers=Papers(**told))
            compared = elsewhere.call_telling(
                task.should_stop, task.progress, exporting.export_from, project.path, number, wish
            )
            return to, compared.words(), "" if zipped else (to / "README.md").read_text(encoding="utf-8")

        self._set_busy(True)
        self._say("")
        self._line.begin(self.tr("Exporting"))
        self._task = self.hub.background.run(
            work, on_done=self._on_exported, on_progress=self._on_progress, title=self.tr("Exporting")
        )
        self._task.ended.connect(self._on_ended)

    def _on_progress(self, _fraction: float, words: str) -> None:
        # the steps differ in length by model and format: what is being done tells more than a part of it
        self._line.begin(words)

    def _on_cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.go.setEnabled(not busy and self.form.possible)

    def _say(self, words: str) -> None:
        self.result.setText(words)
        self.result.setVisible(bool(words))

    def _on_exported(self, told: tuple[Path, str, str]) -> None:
        self._done_path, words, card = told
        self._open.show()
        self._say(self.tr("Exported to {path}. {words}").format(path=self._done_path, words=words))
        from desktop_llm.verbs import serving

        if self._done_path.is_dir() and not serving.unfit(self._done_path):
            self.serve.propose(self._done_path)
        if card:  # as it was written, with what the comparison has shown
            self._asked += 1
            self.card_text.setPlainText(card)

    def _on_ended(self, task: Task) -> None:
        """Exported, refused or cancelled: the page is free again."""
        self._task = None
        self._line.say("")
        self._set_busy(False)
        if task.cancelled:
            self.hub.show_message(self.tr("Cancelled; nothing was exported."))

    def _on_open(self) -> None:
        place = self._done_path if self._done_path.is_dir() else self._done_path.parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))
