"""The dialog that makes a smaller start of a run, to be trained with that run as its teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.jobs import formats
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice, WholeNumber, row_title

if TYPE_CHECKING:
    from desktop_llm.engine.shrink import Shrunk
    from desktop_llm.store.runs import Run

WIDTH = 520
EVEN, MEASURED, NEW = "even", "measured", "new"


class SmallerDialog(WorkDialog):
    """Signals: `made(values)`: what a recipe is to begin with, the model folder and the teacher."""

    made = Signal(object)

    def __init__(self, hub: Hub, run: Run, parent: QWidget) -> None:
        """For a run of the project that is open."""
        title = self.tr("A smaller model, taught by run {number}").format(number=run.number)
        super().__init__(hub, parent, "results.smaller", title, WIDTH)
        self._run = run
        config = _config(hub, run)
        layers = config.get("num_hidden_layers")
        self._layers = layers if isinstance(layers, int) else 0
        self._writes = formats.goes_on(config)
        words = self.tr(
            "A student begins with some of the layers of run {number} and learns from its answers: most of what the "
            "run can, in less memory and time. The Train page opens with what is made here; look it over, and start."
        )
        self.whole.addWidget(plain_label(words.format(number=run.number), wrap=True))
        self.whole.addLayout(self._build_form())
        self.add_line()
        self.go = button(self.tr("Go on to Train"), "results.smaller.go", self._on_go, kind="primary")
        self.add_buttons(button(self.tr("Cancel"), "results.smaller.cancel", self.reject), self.go)
        self._let()

    def _build_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.begin_with = Choice()
        self.begin_with.setObjectName("results.smaller.begin")
        self.begin_with.setAccessibleName(self.tr("Begin with"))
        if self._layers > 1:
            self.begin_with.addItem(self.tr("Layers of the run, evenly"), EVEN)
            self.begin_with.addItem(self.tr("Layers that are missed most, measured"), MEASURED)
        self.begin_with.addItem(self.tr("A new model from scratch"), NEW)
        self.begin_with.activated.connect(lambda _: self._let())
        self.layers = WholeNumber()
        self.layers.setObjectName("results.smaller.layers")
        self.layers.setAccessibleName(self.tr("Layers that stay"))
        self.layers.setRange(1, max(1, self._layers))
        self.layers.setValue(max(1, self._layers // 2))
        self.tokens = QCheckBox(self.tr("Keep only the tokens that my texts use"))
        self.tokens.setObjectName("results.smaller.tokens")
        self.tokens.setAccessibleName(self.tokens.text())
        self.tokens.setToolTip(
            self.tr("Your texts are read as before; words that none of them has are read in smaller pieces.")
        )
        self.tokens.setChecked(not self._writes)
        self.tokens.setVisible(not self._writes)  # who writes learns from a teacher with the same tokens alone
        form.addRow(row_title(self.tr("Begin with")), self.begin_with)
        of = self.tr("Layers, of {count}").format(count=self._layers)
        form.addRow(row_title(of), self.layers)
        form.addRow("", self.tokens)
        self.unlabeled = QCheckBox(self.tr("Learn from texts without a label, too"))
        self.unlabeled.setObjectName("results.smaller.unlabeled")
        self.unlabeled.setAccessibleName(self.unlabeled.text())
        self.unlabeled.setToolTip(self.tr("The run tells what it makes of them, which stands where a label would."))
        self.unlabeled.setVisible(self._hub.task is not None and self._hub.task.classes and not self._writes)
        form.addRow("", self.unlabeled)
        return form

    def _let(self) -> None:
        cut = self.begin_with.currentData() != NEW
        for part in (self.layers, self.tokens):
            part.setEnabled(cut and self._work is None)
        self.begin_with.setEnabled(self._work is None)
        self.go.setEnabled(self._work is None)
        super()._let()

    def _on_go(self) -> None:
        project, number, way = self._hub.project, self._run.number, self.begin_with.currentData()
        if project is None:
            return
        if way == NEW:
            self._finish(SCRATCH)
            return
        layers, tokens = self.layers.value(), self.tokens.isChecked()

        def work(task: Task) -> Shrunk:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import shrinking
            from desktop_llm.verbs.shrinking import Smaller

            wish = Smaller(source=str(number), layers=layers, measured=way == MEASURED, tokens=tokens)
            return elsewhere.call_telling(task.should_stop, task.progress, shrinking.shrink_in, project.path, wish)

        self.begin(self.tr("Making the model smaller"), work, self._on_made)

    def _on_made(self, told: Shrunk) -> None:
        from desktop_llm.verbs import shrinking

        self._hub.show_message(shrinking.words(told))
        self._finish(str(told.folder))

    def _finish(self, model: str) -> None:
        teacher: dict[str, object] = {"model": model, "teacher": str(self._run.number)}
        if self.unlabeled.isChecked():
            teacher["distillation_unlabeled"] = True
        self.made.emit(teacher)
        self.accept()

    def _stopped_words(self) -> str:
        return self.tr("Stopped; nothing was made.")


def _config(hub: Hub, run: Run) -> dict[str, Any]:
    """What the config.json of the run's model says; nothing where it cannot be read."""
    from desktop_llm.verbs import exporting

    return {} if hub.project is None else exporting.config_of(hub.project.runs.folder(run.number).model)
