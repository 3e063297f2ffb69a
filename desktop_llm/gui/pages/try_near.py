"""The tab Nearest training rows: what the run learned that is most like the text, with its labels; Enter opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.try_tab import Answered, TryTab
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view
from desktop_llm.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from desktop_llm.errors import UserError
    from desktop_llm.verbs.embedding import Progress
    from desktop_llm.verbs.nearest import Near


NO_DIFFERENCE = 1e-3
"""Where the nearest and the last shown differ by less, the run hardly tells texts apart."""


class NearTab(TryTab):
    """A table of rows, the nearest first."""

    name = "near"

    def __init__(self, hub: Hub) -> None:
        """Nothing to compare yet."""
        super().__init__(hub, hub.tr("Nearest training rows"))
        self._answered: Answered | None = None
        self._work: Task | None = None
        self._found: tuple[Near, ...] = ()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(8)
        self.go = button(self.tr("Find the nearest"), "try.near.go", self.begin)
        line.addWidget(self.go)
        self.words = plain_label("", "muted", wrap=True)
        self.words.setObjectName("try.near.words")
        line.addWidget(self.words, 1)
        card.body.addLayout(line)
        self._line = WorkLine("try.near.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        card.body.addWidget(self._line)
        self.grid = TextGrid(self)
        self.table = grid_view(self.grid, "try.near.table", self.tr("Nearest training rows"))
        self.table.activated.connect(lambda index: self._open(index.row()))
        card.body.addWidget(self.table, 1)
        self._rest = QWidget()  # what is left of the card where there is no table
        card.body.addWidget(self._rest, 1)
        whole.addWidget(card)
        self._show(())

    def take(self, answered: Answered | None) -> None:
        """What was found for another text is no more."""
        if self._work is not None:
            self._work.cancel()
        self._work = None
        self._answered = answered
        self._line.say("")
        self._show(())

    def begin(self) -> None:
        """Find them."""
        project, answered = self.hub.project, self._answered
        if project is None or answered is None:
            return
        if self._work is not None:
            self._work.cancel()
        line, text = self.hub.inference.line, next(iter(answered.row.values()), "")

        def embed(texts: Sequence[str]) -> np.ndarray:
            made: np.ndarray = line.embed(answered.model, texts).result()
            return made

        def work(task: Task) -> tuple[Near, ...]:
            from desktop_llm.verbs import nearest

            def tell(told: Progress) -> None:
                task.progress(told.done / max(1, told.total))

            return nearest.of(project, answered.run, text, embed, on_progress=tell, should_stop=task.should_stop)

        self._line.begin(self.tr("Comparing with the training rows"))
        self._work = self.hub.background.run(
            work,
            on_done=self._on_found,
            on_error=self._on_error,
            on_progress=self._line.show_progress,
            title=self.tr("Nearest training rows"),
        )
        self._show(())

    def _on_found(self, found: tuple[Near, ...]) -> None:
        self._work = None
        self._line.say("")
        self._show(found)

    def _on_error(self, error: UserError) -> None:
        self._work = None
        self._show(())
        self._line.say(error.message, "bad")

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
        self._work = None
        self._line.say("")
        self._show(())

    def _show(self, found: tuple[Near, ...]) -> None:
        self._found = found
        rows = []
        for one in found:
            label = one.label
            if one.relabeled:
                label = self.tr("{then} (now {now})").format(then=one.label, now=one.now)
            rows.append((f"{one.similarity:.3f}", label, one.text))
        self.grid.show_rows((self.tr("Alike"), self.tr("Label"), self.tr("Text")), rows)
        fit_columns(self.table)
        self.table.setVisible(bool(rows))
        self._rest.setVisible(not rows)
        self.go.setEnabled(self._answered is not None and self._work is None)
        self.words.setText(self._in_words(found))

    def _in_words(self, found: tuple[Near, ...]) -> str:
        if not found:
            return self.tr(
                "Finds what the run learned that is most like this text, by the run’s own vectors. A wrong label among "
                "them may be why an answer is wrong."
            )
        if found[0].similarity - found[-1].similarity < NO_DIFFERENCE:
            return self.tr("All are as alike to the run: it hardly tells texts apart, so they explain nothing.")
        said = None if self._answered is None else self._answered.prediction.label
        if not isinstance(said, str):
            return self.tr("1 is as alike as can be; Enter opens a row in Label.")
        words = self.tr(
            "Of the {all} nearest, {same} with the label that is said, “{label}”; Enter opens one in Label."
        )
        return words.format(same=sum(one.label == said for one in found), all=len(found), label=said)

    def _open(self, place: int) -> None:
        project = self.hub.project
        if project is None or not 0 <= place < len(self._found):
            return
        one = self._found[place]
        if not one.item:
            self.hub.show_message(self.tr("That row is no longer in the project."))
            return
        words = self.tr("among the nearest to a text")
        ids = [one.item, *(other.item for other in self._found if other.item and other is not one)]

        def show(number: int) -> None:
            self.hub.page_asked.emit("label", {"filter": Filter(found=number), "words": words})

        self.hub.background.run(lambda _: project.found.put(ids), on_done=show)
