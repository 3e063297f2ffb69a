"""What an import did: figures, the rows it did not take with their lines, and a file of all this for who asks."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm import atomic
from desktop_llm.errors import from_os_error
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.status import time_words
from desktop_llm.rows import ImportReport
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.card import Card, Tile, plain_label
from desktop_llm.widgets.text_grid import TextGrid, grid_view


def write_report(report: ImportReport, to: Path) -> None:
    """Write the report: JSON whole, any other ending as CSV of the rows that were not taken. Raises UserError."""
    try:
        if to.suffix.casefold() == ".json":
            atomic.write_json(to, asdict(report))
            return
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("line", "reason"))
        writer.writerows((one.line, one.reason) for one in report.rejected)
        atomic.write_text(to, text.getvalue())
    except OSError as error:
        raise from_os_error(error, "write the report to", to) from error


class ReportView(QWidget):
    """Signals: `done()`: the person has read it; `next_asked()`: import the next file or choose another."""

    done = Signal()
    next_asked = Signal()

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Empty until `show_report`."""
        super().__init__(parent)
        self._hub = hub
        self._report: ImportReport | None = None
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
        self._fold = button(
            self.tr("Show the rows that were not taken"), "data.rejected_fold", self._on_fold, kind="quiet"
        )
        self._grid = TextGrid(self)
        self._rejected = grid_view(self._grid, "data.rejected", self.tr("Rows not taken"))
        self._rejected.setColumnWidth(0, 90)
        self._card.body.addWidget(self._conflicts)
        line = QHBoxLayout()
        line.addWidget(self._fold)
        line.addStretch(1)
        self._card.body.addLayout(line)
        self._card.body.addWidget(self._rejected, 1)
        self._card.body.addLayout(self._build_buttons())
        whole.addWidget(self._card)
        whole.addStretch(0)
        self._whole = whole

    def show_report(self, report: ImportReport, next_file: str = "") -> None:
        """Show what was done; `next_file` is offered next."""
        self._report = report
        self._card.set_title(self.tr("{file} is imported").format(file=report.source))
        took = self.tr("took {time}").format(time=time_words(report.seconds)) if report.seconds >= 1 else ""
        self._card.set_note(took)
        self.tiles["imported"].show_figure(f"{report.imported:,}", self.tr("added to the project"))
        self.tiles["labeled"].show_figure(f"{report.labeled:,}", self.tr("came with the file"))
        self.tiles["duplicates"].show_figure(f"{report.duplicates:,}", self.tr("same text, not taken again"))
        self.tiles["rejected"].show_figure(f"{report.rejected_count:,}", self.tr("could not be read as rows"))
        one = self.tr("One text is here with another label than in the file; the label here was kept.")
        many = self.tr("{count:,} texts are here with other labels than in the file; the labels here were kept.")
        self._conflicts.setText(one if report.conflicts == 1 else many.format(count=report.conflicts))
        self._conflicts.setVisible(bool(report.conflicts))
        rows = [(f"{one.line:,}", one.reason) for one in report.rejected]
        self._grid.show_rows((self.tr("Line"), self.tr("Why it was not taken")), rows)
        self._fold.setVisible(bool(rows))
        self._unfold(unfolded=False)
        words = self.tr("Next file: {name}").format(name=next_file) if next_file else self.tr("Import another file…")
        self._next.setText(words.replace("&", "&&"))
        self._next.setAccessibleName(words)
        first, second = (self._next, self._done) if next_file else (self._done, self._next)
        rank(first, "primary")
        rank(second, "plain")
        first.setFocus()

    def _build_buttons(self) -> QHBoxLayout:
        self._save = button(self.tr("Save report…"), "data.save_report", self._on_save)
        self._next = button(self.tr("Import another file…"), "data.another", self.next_asked.emit)
        self._done = button(self.tr("Done"), "data.done", self.done.emit, kind="primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._save)
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
        name = f"{Path(report.source).stem} import.csv"
        kinds = self.tr("Table of the rows not taken (*.csv);;All of the report (*.json)")
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save report"), name, kinds)
        if chosen:
            self.save(Path(chosen))

    def save(self, to: Path) -> None:
        """Write the report to a file."""
        report = self._report
        if report is not None:
            self._hub.background.run(
                lambda _: write_report(report, to),
                on_done=lambda _: self._hub.show_message(self.tr("The report is in {path}.").format(path=to)),
            )
