"""Opens the rows behind what the Results page shows: in Label, or in a list where they are not in the project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.result_rows import OutcomeRows
from desktop_llm.gui.pages.result_tab import Shown
from desktop_llm.rows import Filter
from desktop_llm.verbs import naming

if TYPE_CHECKING:
    from desktop_llm.verbs.outcomes import Outcomes


class Opening(QObject):
    """What is asked for by its keys, or by a cell of a confusion matrix."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """`parent` holds the list."""
        super().__init__(parent)
        self._hub, self._parent = hub, parent

    def these(self, shown: Shown | None, keys: Sequence[int], words: str) -> None:
        """Rows by their keys, see `Outcomes.keys`, which `words` describe."""
        told = None if shown is None else shown.outcomes
        known = [key for key in keys if key > 0]
        if told is None or len(known) == len(keys):
            self._in_label(known, words)
            return
        dialog = OutcomeRows(self._hub, told, keys, words, self._parent)
        dialog.label_asked.connect(lambda: self._in_label(known, words))
        number = shown.run.number if shown is not None else None
        dialog.why_asked.connect(
            lambda row: self._hub.page_asked.emit("try", {"run": number, "row": row, "tab": "why"})
        )
        dialog.open()

    def cell(self, shown: Shown | None, truth: object, predicted: object) -> None:
        """Rows with this true and this told label, in the names of the run; None for any."""
        project = self._hub.project
        if project is None or shown is None:
            return
        number, told = shown.run.number, shown.outcomes
        now = naming.renames(project, number)
        words = self.tr("labeled {truth}").format(truth=now.get(str(truth), truth))
        if predicted is not None:
            called = now.get(str(predicted), predicted)
            words += self.tr(", run {number} says {told}").format(number=number, told=called)
        if shown.on.kind != "split" and told is not None:
            self.these(shown, told.keys(self._places(told, truth, predicted)), words)
            return
        numbers = {name: class_id for class_id, name in naming.run_names(project, number).items()}
        if truth is not None and str(truth) not in numbers:
            self._hub.show_message(self.tr("The label “{truth}” is no more.").format(truth=truth))
            return
        wanted = Filter(
            run=number,
            split=shown.on.name,
            truth=numbers[str(truth)] if truth is not None else None,
            predicted=None if predicted is None else str(predicted),
            # where labels have several classes: not the rows that rightly have both
            without=None if predicted in (None, truth) else numbers.get(str(predicted)),
        )
        self._hub.page_asked.emit("label", {"filter": wanted, "words": words})

    def _places(self, told: Outcomes, truth: object, predicted: object) -> list[int]:
        task = self._hub.task
        assert task is not None
        found = []
        for place, (label, answer) in enumerate(zip(told.truth, told.answers, strict=True)):
            there = task.labels.names(label)
            if truth is not None and str(truth) not in there:
                continue
            if predicted is not None and str(predicted) not in task.labels.names(answer.label):
                continue
            # where labels have several classes: not the rows that rightly have both
            if predicted is None or predicted == truth or str(predicted) not in there:
                found.append(place)
        return found

    def _in_label(self, ids: Sequence[int], words: str) -> None:
        project = self._hub.project
        if project is None:
            return

        def show(number: int) -> None:
            self._hub.page_asked.emit("label", {"filter": Filter(found=number), "words": words})

        self._hub.background.run(lambda _: project.found.put(ids), on_done=show)
