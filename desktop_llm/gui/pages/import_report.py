"""What an import did: figures, the rows it did not take with their lines, and a file of all this for who asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.data.mapping import plain
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.import_words import ImportWords
from desktop_llm.gui.status import time_words
from desktop_llm.rows import ImportReport
from desktop_llm.tasks import task as task_named
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.card import Card, Tile, plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.verbs.reading import Source

SHOWN_COLUMNS = 12


class ReportView(QWidget):
    """Signals: `done()`: the person has read it; `next_asked()`: import the next file or choose another."""

    done = Signal()
    next_asked = Signal()

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Empty until `show_report`."""
        super().__init__(parent)
        self._hub = hub
        self._report: ImportReport | None = None
        self._source: Source | None = None
        self._writing: Task | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        tiles = QHBoxLayout()
        tiles.setSpacing(16)
        self.tiles = {
            "imported": Tile(self.tr("New rows")),
            "labeled": Tile(self.tr("Labels taken")),
            "duplicates": Tile(self.tr("Here already")),
            "rejected": Tile(self.tr("Not taken")),
        }
        for name, tile in self.tiles.items():
            tile.setObjectName(f"data.report.{name}")
            tiles.addWidget(tile)
        whole.addLayout(tiles)
        self._card = Card(" ", " ")
        self._conflicts = plain_label("", "warn", wrap=True)
        self._conflicts.setObjectName("data.conflicts")
        self._say = ImportWords(self)
        self._fates = plain_label("", "muted", wrap=True)
        self._fates.setObjectName("data.fates")
        self._fold = button(
            self.tr("Show the rows that were not taken"), "data.rejected_fold", self._on_fold, kind="quiet"
        )
        self._grid = TextGrid(self)
        self._rejected = grid_view(self._grid, "data.rejected", self.tr("Rows not taken"))
        self._rejected.setColumnWidth(0, 90)
        self._card.body.addWidget(self._conflicts)
        self._card.body.addWidget(self._fates)
        line = QHBoxLayout()
        line.addWidget(self._fold)
        line.addStretch(1)
        self._card.body.addLayout(line)
        self._card.body.addWidget(self._rejected, 1)
        self._card.body.addLayout(self._build_buttons())
        whole.addWidget(self._card)
        whole.addStretch(0)
        self._whole = whole

    def show_report(self, report: ImportReport, source: Source, next_file: str = "") -> None:
        """Show what was done with what was read; `next_file` is offered next."""
        self._report, self._source = report, source
        self._card.set_title(self.tr("{file} is imported").format(file=report.source))
        took = self.tr("took {time}").format(time=time_words(report.seconds)) if report.seconds >= 1 else ""
        self._card.set_note(took)
        self._show_first(report)
        self.tiles["labeled"].setVisible(not task_named(source.task).unsupervised)
        self.tiles["labeled"].show_figure(f"{report.labeled:,}", self.tr("came with the file"))
        note = self.tr("same text, not taken again")
        if report.repeats:
            note = self.tr("same text; {count:,} repeated in the file").format(count=report.repeats)
        self.tiles["duplicates"].show_figure(f"{report.duplicates:,}", note)
        self.tiles["rejected"].show_figure(f"{report.rejected_count:,}", self.tr("could not be read as rows"))
        one = self.tr("One text is here with another label than in the file; the label here was kept.")
        many = self.tr("{count:,} texts are here with other labels than in the file; the labels here were kept.")
        told = [one if report.conflicts == 1 else many.format(count=report.conflicts)] if report.conflicts else []
        if report.unfit:
            words = self.tr("Labels not taken, as their texts were changed here: {count:,}")
            told.append(words.format(count=report.unfit))
        self._conflicts.setText("\n".join(told))
        self._conflicts.setVisible(bool(told))
        fates = self._say.fates(report.merged, report.archived, done=True)
        self._fates.setText("\n".join(fates))
        self._fates.setVisible(bool(fates))
        columns = list(dict.fromkeys(name for one in report.rejected for name in one.cells))[:SHOWN_COLUMNS]
        rows = [
            (f"{one.line:,}", one.reason, *(plain(one.cells.get(name)) for name in columns)) for one in report.rejected
        ]
        self._grid.show_rows((self.tr("Line"), self.tr("Why it was not taken"), *columns), rows)
        fit_columns(self._rejected)
        self._fold.setVisible(bool(rows))
        self._save_rejected.setVisible(bool(rows))
        self._save_rejected.setEnabled(True)
        self._unfold(unfolded=False)
        words = self.tr("Next file: {name}").format(name=next_file) if next_file else self.tr("Import another file…")
        self._next.setText(words.replace("&", "&&"))
        self._next.setAccessibleName(words)
        first, second = (self._next, self._done) if next_file else (self._done, self._next)
        rank(first, "primary")
        rank(second, "plain")
        first.setFocus()

    def _show_first(self, report: ImportReport) -> None:
        """What was new; where only labels were wanted, it was left out."""
        tile = self.tiles["imported"]
        if report.unknown:
            self._card.set_title(self.tr("The labels of {file} are taken").format(file=report.source))
            tile.set_caption(self.tr("Not in the project"))
            tile.show_figure(f"{report.unknown:,}", self.tr("left out, as only labels count"))
        else:
            tile.set_caption(self.tr("New rows"))
            tile.show_figure(f"{report.imported:,}", self.tr("added to the project"))

    def _build_buttons(self) -> QHBoxLayout:
        self._save = button(self.tr("Save report…"), "data.save_report", self._on_save)
        self._next = button(self.tr("Import another file…"), "data.another", self.next_asked.emit)
        self._done = button(self.tr("Done"), "data.done", self.done.emit, kind="primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self._save_rejected = button(self.tr("Save the rows not taken…"), "data.save_rejected", self._on_save_rejected)
        buttons.addWidget(self._save)
        buttons.addWidget(self._save_rejected)
        buttons.addStretch(1)
        buttons.addWidget(self._next)
        buttons.addWidget(self._done)
        return buttons

    def _on_fold(self) -> None:
        self._unfold(unfolded=self._rejected.isHidden())

    def _unfold(self, *, unfolded: bool) -> None:
        report = self._report
        self._rejected.setVisible(unfolded)
        # Folded, the card is as high as it needs to be; the rest of the page stays free.
        self._whole.setStretch(1, 1 if unfolded else 0)
        self._whole.setStretch(2, 0 if unfolded else 1)
        if report is None:
            return
        first = "" if len(report.rejected) == report.rejected_count else self.tr(", the first 1,000 of them")
        what = self.tr("the rows that were not taken{first}").format(first=first)
        words = self.tr("Hide {what}") if unfolded else self.tr("Show {what}")
        self._fold.setText(words.format(what=what))
        self._fold.setAccessibleName(self._fold.text())

    def _on_save(self) -> None:
        report = self._report
        if report is None:
            return
        name = f"{Path(report.source).stem} import.json"
        kinds = self.tr("Report (*.json)")
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save report"), name, kinds)
        if chosen:
            self.save(Path(chosen))

    def save(self, to: Path) -> None:
        """Write the report to a file."""
        report, source = self._report, self._source
        if report is None or source is None:
            return

        def work(_: Task) -> None:
            from desktop_llm.verbs import reporting

            reporting.write_report(report, source, to)

        done = self.tr("The report is in {path}.").format(path=to)
        self._hub.background.run(work, on_done=lambda _: self._hub.show_message(done))

    def _on_save_rejected(self) -> None:
        report = self._report
        if report is None:
            return
        name = f"{Path(report.source).stem} not taken.csv"
        kinds = self.tr("Table (*.csv);;JSON Lines (*.jsonl)")
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the rows not taken"), name, kinds)
        if chosen:
            self.save_rejected(Path(chosen))

    def save_rejected(self, to: Path) -> None:
        """Write the rows that were not taken to a file, with the reasons."""
        report, source = self._report, self._source
        if report is None or source is None:
            return

        def work(task: Task) -> int:
            from desktop_llm.verbs import reporting

            return reporting.write_rejected(source, report, to, on_progress=task.progress, should_stop=task.should_stop)

        def done(count: int) -> None:
            one = self.tr("The row that was not taken is in {path}.")
            many = self.tr("The {count:,} rows that were not taken are in {path}.")
            self._hub.show_message((one if count == 1 else many).format(count=count, path=to))

        def ended(task: Task) -> None:
            if task is self._writing:
                self._writing = None
                self._save_rejected.setEnabled(True)

        self._save_rejected.setEnabled(False)
        title = self.tr("Writing the rows that were not taken")
        self._writing = self._hub.background.run(work, on_done=done, title=title)
        self._writing.ended.connect(ended)
