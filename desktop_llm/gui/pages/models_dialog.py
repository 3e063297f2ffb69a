"""The models that a person keeps: folders to start from, what each serves, more of them from the disk or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMessageBox, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.models_hub import ModelsHub
from desktop_llm.gui.pages.models_table import ModelFacts, ModelsTable
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.widgets.button import button
from desktop_llm.widgets.work_line import fit_height

if TYPE_CHECKING:
    from desktop_llm.catalog.offer import Offer
    from desktop_llm.verbs.shelving import Kept
    from desktop_llm.verbs.sources import Serves

WIDTH = 940
Told = tuple["list[Kept]", str]
"""The list, and the folder to be chosen in it."""


class ModelsDialog(WorkDialog):
    """Signals: `chosen(folder)`: train from this one; `listed()`: the list is another one.

    With `task`, a model can be chosen to start a run of this task from.
    """

    chosen = Signal(str)
    listed = Signal()

    def __init__(self, hub: Hub, parent: QWidget, task: str = "") -> None:
        """Reads the list in the background."""
        super().__init__(hub, parent, "models", self.tr("Models"), WIDTH)
        self._task, self._stopped = task, ""
        self.table, self.facts, self.hub_part = ModelsTable(), ModelFacts(), ModelsHub()
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.table.cellActivated.connect(lambda *_: self._on_start())
        self.whole.addWidget(self.table)
        self.whole.addWidget(self.facts)
        self.whole.addLayout(self._build_row())
        self.whole.addWidget(self.hub_part)
        self.hub_part.look_asked.connect(self.look_up)
        self.hub_part.fetch_asked.connect(self.fetch)
        self.add_line()
        close = button(self.tr("Close"), "models.close", self.reject)
        self._start = button(self.tr("Start from it"), "models.start", self._on_start, kind="primary")
        self._start.setVisible(bool(task))
        self.add_buttons(close, self._start)
        self._reload()

    def add(self, folder: Path, *, below: bool = False) -> None:
        """Put a folder on the list, or all that are in it."""

        def work(task: Task) -> Told:
            from desktop_llm.verbs import shelving

            added = shelving.add_below(folder, task.should_stop) if below else shelving.add([folder])
            return shelving.kept(task.should_stop), str(added[0].entry.path) if added else ""

        if self._work is None:
            title = self.tr("Looking for models") if below else self.tr("Looking at the folder")
            self._begin(title, work, self.tr("Stopped."))

    def remove(self, *, files: bool = False) -> None:
        """Take the chosen one from the list; with `files`, delete what was downloaded."""
        one = self.table.chosen()
        if one is None or self._work is not None:
            return
        path = one.entry.path

        def work(task: Task) -> Told:
            from desktop_llm.verbs import shelving

            shelving.remove(path, files=files)
            return shelving.kept(task.should_stop), ""

        self._begin(self.tr("Deleting its files") if files else self.tr("Taking it off the list"), work, "")

    def look_up(self, name: str) -> None:
        """Ask the hub about a model."""

        def work(task: Task) -> tuple[Offer, list[Serves]]:
            from desktop_llm.verbs import fetching, sources

            found = fetching.look_up(name, task.should_stop)
            return found, sources.would_serve(fetching.place_of(found), found.config)

        if self._work is None:
            self.hub_part.clear()
            self._stopped = self.tr("Stopped.")
            self.begin(self.tr("Asking the hub"), work, self._show_offer)

    def fetch(self, offer: Offer) -> None:
        """Download a model that was looked up."""

        def work(task: Task) -> Told:
            from desktop_llm.verbs import fetching, shelving

            to = fetching.fetch(offer, task.progress, task.should_stop)
            return shelving.kept(), str(to)

        if self._work is None:
            title = self.tr("Downloading {name}").format(name=offer.name)
            self._begin(title, work, self.tr("Stopped; what is here is kept, and the next download goes on there."))

    def _build_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self._add = button(self.tr("Add a folder…"), "models.add", self._on_add)
        self._find = button(self.tr("Find in a folder…"), "models.find", self._on_find)
        self._remove = button(self.tr("Take off the list"), "models.remove", self.remove)
        self._delete = button(self.tr("Delete its files…"), "models.delete", self._on_delete, kind="danger")
        for made in (self._add, self._find, self._remove, self._delete):
            made.setAutoDefault(False)
            row.addWidget(made)
        row.insertStretch(2, 1)
        return row

    def _reload(self) -> None:
        def work(task: Task) -> Told:
            from desktop_llm.verbs import shelving

            return shelving.kept(task.should_stop), ""

        self._begin(self.tr("Looking at the models"), work, "")

    def _begin(self, title: str, work: object, stopped: str) -> None:
        """Work that ends with another list."""
        self._stopped = stopped
        assert callable(work)
        self.begin(title, work, self._show_list)

    def _show_list(self, told: Told | None) -> None:
        if told is None:
            return
        self._line.say("")
        self.table.show_models(*told)
        self._show_chosen()
        self.listed.emit()

    def _show_offer(self, told: tuple[Offer, list[Serves]] | None) -> None:
        if told is not None:
            self._line.say("")
            self.hub_part.show_offer(*told)

    def _show_chosen(self) -> None:
        self.facts.show_model(self.table.chosen())
        self._let()

    def _stopped_words(self) -> str:
        return self._stopped

    def _let(self) -> None:
        one, free = self.table.chosen(), self._work is None
        for part in (self._add, self._find):
            part.setEnabled(free)
        self._remove.setEnabled(free and one is not None)
        self._delete.setVisible(one is not None and one.ours)
        self._delete.setEnabled(free)
        self._start.setEnabled(free and one is not None and one.can(self._task))
        self.hub_part.let(free)
        fit_height(self)

    def _on_add(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("A model folder in Hugging Face layout"))
        if chosen:
            self.add(Path(chosen))

    def _on_find(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("A folder in which models are"))
        if chosen:
            self.add(Path(chosen), below=True)

    def _on_delete(self) -> None:
        one = self.table.chosen()
        if one is None:
            return
        question = QMessageBox(self)
        question.setObjectName("models.delete.question")
        question.setWindowTitle(self.tr("Delete a model"))
        words = self.tr("Delete the files of “{name}” for good? Runs that have started from it keep what they learned.")
        question.setTextFormat(question.textFormat().PlainText)
        question.setText(words.format(name=one.look.name))
        go = question.addButton(self.tr("Delete for good"), QMessageBox.ButtonRole.DestructiveRole)
        question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))
        go.clicked.connect(lambda: self.remove(files=True))
        question.open()

    def _on_start(self) -> None:
        one = self.table.chosen()
        if one is not None and self._start.isVisible() and self._start.isEnabled():
            self.chosen.emit(str(one.entry.path))
            self.accept()


def open_dialog(hub: Hub, window: QWidget, task: str = "") -> ModelsDialog:
    """Open it over the window; with `task`, to choose from."""
    dialog = ModelsDialog(hub, window, task)
    dialog.open()
    return dialog
