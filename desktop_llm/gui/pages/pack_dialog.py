"""The dialog that packs a run for a server: what is asked for there, how large the file will be, the line to type."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.forecast_words import size_words
from desktop_llm.gui.pages.projects import folder_name
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.jobs import server
from desktop_llm.jobs.server import Server
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import row_title
from desktop_llm.widgets.work_line import fit_height

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.packing import Packed

WIDTH = 680
ENDING = ".zip"
FIELD_WIDTH = 112


class PackDialog(WorkDialog):
    """Of a run that is there, or (`run` None) of one that is made with `recipe`. Signal: `packed(number)`.

    Stays open until the file is written, and says where it is.
    """

    packed = Signal(int)

    def __init__(self, hub: Hub, parent: QWidget, recipe: Recipe, run: Run | None = None) -> None:
        """For the project that is open."""
        title = self.tr("Train on a server")
        if run is not None:
            title = self.tr("Pack run {number} for a server").format(number=run.number)
        super().__init__(hub, parent, "server.pack", title, WIDTH)
        self._run, self._recipe = run, recipe
        self._asking: Task | None = None
        self._ask_again = False
        self._bytes = 0
        self._own_hours = False
        self._done: Packed | None = None
        words = self.tr(
            "One file with the run and what trains it. Copy it to a server, unpack it there and type one line. When "
            "the run has trained, or on the way, bring it back and take it in here."
        )
        self.whole.addWidget(plain_label(words, wrap=True))
        self.whole.addLayout(self._build_form())
        words = self.tr("Once before, in the unpacked folder: {line}").format(line=server.SETUP)
        once = plain_label(words, "muted", wrap=True)
        once.setObjectName("server.pack.once")
        once.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.whole.addWidget(once)
        words = self.tr("The file holds the run’s texts with their labels: put it only where they may be.")
        warning = plain_label(words, "warn", wrap=True)
        warning.setObjectName("server.pack.warning")
        self.whole.addWidget(warning)
        self.add_line()
        self._close = button(self.tr("Close"), "server.pack.close", self.reject)
        self._go = button(self.tr("Write the file…"), "server.pack.go", self._on_go, kind="primary")
        self.add_buttons(self._close, self._go)
        self._show_line(self.suggested(), run.number if run is not None else 0)
        self._ask()
        fit_height(self)

    def suggested(self) -> str:
        """The file's name: of which project and run."""
        project = self._hub.project
        name = project.name if project is not None else ""
        run = self.tr("run {number}").format(number=self._run.number) if self._run is not None else self.tr("run")
        return folder_name(f"{name} {run}").replace(" ", "-") + ENDING

    def asked(self) -> Server:
        """What is asked of a server."""
        return Server(gpus=self.gpus.value(), nodes=self.nodes.value(), hours=self.hours.value())

    def write(self, path: Path, *, replace_it: bool = False) -> None:
        """Write the pack to `path`; `replace_it`: the person knows that a file of that very name is there."""
        project, run, recipe, asked = self._hub.project, self._run, self._recipe, self.asked()
        if project is None or self._work is not None or self._done is not None:
            return
        if path.suffix.casefold() != ENDING:
            path, replace_it = path.with_name(path.name + ENDING), False  # of this one nobody asked

        def work(task: Task) -> Packed:
            from desktop_llm.verbs import packing

            pack = partial(packing.pack_new, project, recipe)
            if run is not None:
                pack = partial(packing.pack, project, run.number)
            return pack(path, asked, replace_it=replace_it, on_progress=task.progress, should_stop=task.should_stop)

        begun, hub = self.begin(self.tr("Packing the run"), work, self._on_packed), self._hub
        # of no part of the dialog: that may be closed by then
        begun.ended.connect(lambda _: hub.changed.emit(Changes(runs=True, items=True)))

    def _build_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.gpus = self._number("gpus", self.tr("GPUs on a machine"), 0, server.MOST_GPUS, 1)
        self.gpus.setSpecialValueText(self.tr("none"))
        self.nodes = self._number("nodes", self.tr("Machines"), 1, server.MOST_NODES, 1)
        self.hours = self._number("hours", self.tr("Hours at most"), 1, server.MOST_HOURS, server.HOURS)
        self.hours.setToolTip(
            self.tr("What a Slurm cluster is asked for; a run that needs more goes on in a second turn.")
        )
        for field in (self.gpus, self.nodes, self.hours):
            form.addRow(row_title(field.accessibleName()), field)
        self._size = plain_label("–")
        self._size.setObjectName("server.pack.size")
        form.addRow(row_title(self.tr("Size")), self._size)
        self.line = QLineEdit()
        self.line.setObjectName("server.pack.line")
        self.line.setAccessibleName(self.tr("To type on the server"))
        self.line.setReadOnly(True)
        copy = button(self.tr("Copy"), "server.pack.copy", self._on_copy)
        copy.setAccessibleName(self.tr("Copy the line"))
        copy.setAutoDefault(False)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(copy)
        form.addRow(row_title(self.line.accessibleName()), row)
        for field in (self.gpus, self.nodes):
            field.valueChanged.connect(self._on_asked_other)
        self.hours.valueChanged.connect(self._on_hours)
        return form

    def _number(self, name: str, title: str, least: int, most: int, value: int) -> QSpinBox:
        made = QSpinBox()
        made.setObjectName(f"server.pack.{name}")
        made.setAccessibleName(title)
        made.lineEdit().setTextMargins(7, 0, 0, 0)
        made.setRange(least, most)
        made.setValue(value)
        made.setFixedWidth(FIELD_WIDTH)
        return made

    def _on_asked_other(self) -> None:
        if not self.gpus.value():  # without GPUs machines cannot train together
            self.nodes.setValue(1)
        self._let()
        self._show_line(self.suggested(), self._run.number if self._run is not None else 0)
        self._ask()

    def _on_hours(self) -> None:
        self._own_hours = True

    def _ask(self) -> None:
        """How large the file will be, and how long to ask for; one question at a time, the latest wish counts."""
        project, run, recipe, asked = self._hub.project, self._run, self._recipe, self.asked()
        if project is None or self._done is not None:
            return
        if self._asking is not None:
            self._ask_again = True
            return
        known = self._bytes

        def work(_: Task) -> tuple[int, int]:
            from desktop_llm.verbs import packing

            number = None if run is None else run.number
            size = known or packing.size(project, number, recipe)  # looks through all checkpoints: once is enough
            return size, packing.hours(project, recipe, asked.gpus * asked.nodes)

        def show(told: tuple[int, int]) -> None:
            self._bytes = told[0]
            if self._ask_again or self._done is not None:  # it is of an earlier wish, or more is known by now
                return
            self._size.setText(self.tr("about {size}").format(size=size_words(told[0])))
            if not self._own_hours:
                self.hours.setValue(told[1])
                self._own_hours = False

        self._asking = self._hub.background.run(work, on_done=show, on_error=self._on_error)
        self._asking.ended.connect(self._on_answered)

    def _on_answered(self) -> None:
        again, self._asking, self._ask_again = self._ask_again, None, False
        if again:
            self._ask()

    def _show_line(self, name: str, number: int) -> None:
        """What will have to be typed; the number of a run that is not made yet follows with the file."""
        from desktop_llm.verbs import packing

        words = packing.unpack_line(Path(name), number, self.asked()) if number else server.start_line(self.asked())
        self.line.setText(words)
        self.line.setCursorPosition(0)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.line.text())

    def _on_go(self) -> None:
        kind = self.tr("ZIP file (*{ending})").format(ending=ENDING)
        chosen, _ = QFileDialog.getSaveFileName(self, self.windowTitle(), self.suggested(), kind)
        if chosen:
            self.write(Path(chosen), replace_it=True)  # the dialog has asked

    def _on_error(self, error: UserError) -> None:
        super()._on_error(error)
        fit_height(self)  # also where only the size could not be told

    def _on_packed(self, packed: Packed) -> None:
        self._done = packed
        words = self.tr("Run {number} is packed in “{path}”.").format(number=packed.number, path=packed.path)
        self._line.say(words, "good")
        self._size.setText(size_words(packed.bytes))
        self.line.setText(packed.line)
        self.line.setCursorPosition(0)
        self.packed.emit(packed.number)

    def _stopped_words(self) -> str:
        return self.tr("Stopped; no file was written.")

    def _let(self) -> None:
        free = self._work is None and self._done is None
        for part in (self._go, self.gpus, self.nodes, self.hours):
            part.setEnabled(free)
        self.nodes.setEnabled(free and self.gpus.value() > 0)
        self._go.setVisible(self._done is None)
        fit_height(self)

    def reject(self) -> None:
        """Close; what is being written is given up."""
        if self._asking is not None:
            self._asking.cancel()
        super().reject()
