"""The import of a file: what is in it, which column is what, how far it is, what came of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes, ImportReport
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.verbs.importing import Plan

SHOWN_ROWS = 50
ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5", "shift_jis", "euc-kr", "cp1252")


class ImportPanel(QWidget):
    """Signals: `closed()`: the person is done with it."""

    closed = Signal()

    def __init__(self, hub: Hub) -> None:
        """Shows nothing until `look_at`."""
        super().__init__()
        self._hub = hub
        self._path = Path()
        self._plan: Plan | None = None
        self._work: Task | None = None
        self._report: ImportReport | None = None
        self._choices: dict[str, Choice] = {}
        self._quiet = False
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._card = Card("", "")
        self._build()
        whole.addWidget(self._card)

    def look_at(self, path: Path, **told: Any) -> None:
        """Read the beginning of a file and show it; `told` overrides encoding, delimiter, header or mapping."""
        self._path = path
        self._card.set_title(path.name)
        self._card.set_note(self.tr("Reading…"))
        task = self._hub.task
        assert task is not None

        def work(_: Task) -> Plan:
            from desktop_llm.verbs import importing

            return importing.plan(task, path, **told)

        self._hub.background.run(work, on_done=self._show_plan, on_error=self._on_problem)

    def _build(self) -> None:
        self._form_widget = QWidget()
        columns = QHBoxLayout(self._form_widget)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(24)
        self._mapping_form = QFormLayout()
        self._mapping_form.setHorizontalSpacing(12)
        columns.addLayout(self._mapping_form, 1)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        self._encoding = self._choice("data.encoding", self.tr("Encoding"), [(one, one) for one in ENCODINGS])
        self._delimiter = self._choice(
            "data.delimiter",
            self.tr("Delimiter"),
            [
                (self.tr("comma"), ","),
                (self.tr("semicolon"), ";"),
                (self.tr("tab"), "\t"),
                (self.tr("bar"), "|"),
            ],
        )
        self._header = self._choice(
            "data.header", self.tr("First row"), [(self.tr("names of columns"), True), (self.tr("data"), False)]
        )
        self._split = self._choice(
            "data.split",
            self.tr("Use as"),
            [
                (self.tr("training, some held out"), ""),
                (self.tr("training only"), "train"),
                (self.tr("validation"), "validation"),
                (self.tr("test"), "test"),
            ],
        )
        for box in (self._encoding, self._delimiter, self._header):
            box.currentIndexChanged.connect(self._on_form_changed)
        for box in (self._encoding, self._delimiter, self._header, self._split):
            form.addRow(plain_label(box.accessibleName(), "muted"), box)
        columns.addLayout(form, 1)
        self._table = QTableWidget()
        self._table.setObjectName("data.preview")
        self._table.setAccessibleName(self.tr("First rows"))
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self._table.setMinimumHeight(120)
        self._words = plain_label("", "", wrap=True)
        self._words.setObjectName("data.words")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._rejected = QPlainTextEdit()
        self._rejected.setObjectName("data.rejected")
        self._rejected.setAccessibleName(self.tr("Rejected rows"))
        self._rejected.setReadOnly(True)
        self._rejected.setMaximumHeight(120)
        buttons = QHBoxLayout()
        self._go = button(self.tr("Import"), "data.go", self._on_go, kind="primary")
        self._cancel = button(self.tr("Cancel"), "data.cancel", self._on_cancel)
        self._save = button(self.tr("Save report…"), "data.save_report", self._on_save)
        self._done = button(self.tr("Done"), "data.done", self.closed.emit, kind="primary")
        buttons.addStretch(1)
        for part in (self._save, self._cancel, self._go, self._done):
            buttons.addWidget(part)
        for widget in (self._form_widget, self._table, self._words, self._bar, self._rejected):
            self._card.body.addWidget(widget)
        self._card.body.addLayout(buttons)
        self._step("look")

    def _choice(self, name: str, title: str, entries: list[tuple[str, Any]]) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        for words, value in entries:
            box.addItem(words, value)
        return box

    def _step(self, step: str) -> None:
        """Show what belongs to a step: look, work, report, problem."""
        look = step == "look"
        self._form_widget.setVisible(look)
        self._table.setVisible(look)
        self._go.setVisible(look)
        self._bar.setVisible(step == "work")
        self._cancel.setVisible(step in ("look", "work"))
        self._done.setVisible(step in ("report", "problem"))
        self._save.setVisible(step == "report")
        self._rejected.setVisible(step == "report" and bool(self._report and self._report.rejected_count))

    def _show_plan(self, plan: Plan) -> None:
        self._plan, self._quiet = plan, True
        self._card.set_note(self.tr("{size:.1f} MB").format(size=plan.size_bytes / 1e6))
        self._take_encoding(plan.form.encoding)
        self._delimiter.setCurrentIndex(max(0, self._delimiter.findData(plan.form.delimiter)))
        self._header.setCurrentIndex(0 if plan.form.header else 1)
        for box in (self._encoding, self._delimiter, self._header):
            box.setEnabled(plan.form.kind == "csv")
        self._show_mapping(plan)
        self._show_sample(plan)
        self._quiet = False
        self._tell_plan()
        self._step("look")

    def _take_encoding(self, encoding: str) -> None:
        if self._encoding.findData(encoding) < 0:
            self._encoding.addItem(encoding, encoding)
        self._encoding.setCurrentIndex(self._encoding.findData(encoding))

    def _show_mapping(self, plan: Plan) -> None:
        while self._mapping_form.rowCount():
            self._mapping_form.removeRow(0)
        self._choices = {}
        task = self._hub.task
        assert task is not None
        for one in task.fields:
            entries = [(name, name) for name in plan.columns]
            if not one.required:
                entries.insert(0, (self.tr("not in this file"), ""))
            box = self._choice(f"data.map.{one.name}", one.title, entries)
            box.setCurrentIndex(max(0, box.findData(plan.mapping.get(one.name, ""))))
            box.currentIndexChanged.connect(lambda _: self._tell_plan())
            self._choices[one.name] = box
            self._mapping_form.addRow(plain_label(one.title, "muted"), box)

    def _show_sample(self, plan: Plan) -> None:
        shown = plan.sample[:SHOWN_ROWS]
        self._table.setColumnCount(len(plan.columns))
        self._table.setRowCount(len(shown))
        self._table.setHorizontalHeaderLabels(list(plan.columns))
        for row, cells in enumerate(shown):
            for column, name in enumerate(plan.columns):
                value = cells.get(name)
                text = "" if value is None else " ".join(str(value)[:300].split())
                self._table.setItem(row, column, QTableWidgetItem(text))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column in range(len(plan.columns) - 1):
            self._table.resizeColumnToContents(column)
            self._table.setColumnWidth(column, min(480, self._table.columnWidth(column) + 16))

    def _mapping(self) -> dict[str, str]:
        told = {name: box.currentData() for name, box in self._choices.items() if box.currentData()}
        extra = {} if self._plan is None else {k: v for k, v in self._plan.mapping.items() if k not in self._choices}
        return {**extra, **told}

    def _tell_plan(self) -> None:
        plan = self._plan
        if plan is None or self._quiet:
            return
        about = "" if plan.estimated_rows == len(plan.sample) + len(plan.rejected) else self.tr("about ")
        words = [self.tr("{about}{rows:,} rows").format(about=about, rows=plan.estimated_rows)]
        column = self._mapping().get("label")
        if column:
            values = {str(cells.get(column) or "").strip() for cells in plan.sample} - {""}
            words.append(
                self.tr("{count} different labels in the first {rows}").format(count=len(values), rows=len(plan.sample))
            )
        else:
            words.append(self.tr("no labels"))
        if plan.rejected:
            first = plan.rejected[0]
            words.append(
                self.tr("{count} of the first rows cannot be read (line {line}: {reason})").format(
                    count=len(plan.rejected), line=first.line, reason=first.reason
                )
            )
        words.append(self.tr("texts that are there already are passed over"))
        self._words.setText(" · ".join(words))

    def _on_form_changed(self) -> None:
        if not self._quiet and self._plan is not None:
            self.look_at(
                self._path,
                encoding=self._encoding.currentData(),
                delimiter=self._delimiter.currentData(),
                header=self._header.currentData(),
            )

    def _on_go(self) -> None:
        from dataclasses import replace

        project, plan = self._hub.project, self._plan
        if project is None or plan is None:
            return
        plan = replace(plan, mapping=self._mapping())
        split = str(self._split.currentData())
        self._step("work")
        self._words.setText(self.tr("Importing…"))
        self._bar.setValue(0)

        def work(task: Task) -> ImportReport:
            from desktop_llm.verbs import importing

            def on_progress(fraction: float, rows: int) -> None:
                task.progress(fraction, f"{rows:,}")

            return importing.run(project, plan, split=split, on_progress=on_progress, should_stop=task.should_stop)

        self._work = self._hub.background.run(
            work,
            on_done=self._show_report,
            on_error=self._on_problem,
            on_progress=self._on_progress,
            title=self.tr("Importing"),
        )

    def _on_progress(self, fraction: float, rows: str) -> None:
        import time

        if self._work is None:
            return
        self._bar.setValue(round(1000 * fraction))
        spent = time.monotonic() - self._work.began
        left = time_words(spent * (1 - fraction) / fraction) if fraction > 0.02 else "…"
        self._words.setText(self.tr("{rows} rows · {time} left").format(rows=rows, time=left))

    def _show_report(self, report: ImportReport) -> None:
        self._work, self._report = None, report
        words = [
            self.tr("{count:,} rows imported").format(count=report.imported),
            self.tr("{count:,} labels").format(count=report.labeled),
            self.tr("{count:,} known already").format(count=report.duplicates),
        ]
        if report.conflicts:
            words.append(
                self.tr("{count:,} of them with another label; the first one was kept").format(count=report.conflicts)
            )
        words.append(self.tr("{count:,} rejected").format(count=report.rejected_count))
        self._words.setText(" · ".join(words))
        lines = [self.tr("line {line}: {reason}").format(line=o.line, reason=o.reason) for o in report.rejected]
        self._rejected.setPlainText("\n".join(lines))
        self._step("report")
        self._hub.changed.emit(Changes(items=True, labels=True, classes=True))

    def _on_problem(self, error: UserError) -> None:
        self._work = None
        self._words.setText(error.message)
        self._card.set_note("")
        self._step("problem")

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.closed.emit()

    def _on_save(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save report"), f"{self._path.stem}-import.json")
        if chosen and self._report is not None:
            try:
                atomic.write_json(Path(chosen), asdict(self._report))
            except OSError as error:
                self._hub.show_error(from_os_error(error, "write the report to", chosen))
