"""What the Label page knows of other people: which of their rows wait, what of a row may be seen, and its disputes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_answers import Answer, AnswersCard
from desktop_llm.gui.pages.label_history import Discretion, RowHistory
from desktop_llm.gui.pages.label_view import FURTHER, LabelView
from desktop_llm.gui.pages.snapshot_facts import day_and_time
from desktop_llm.rows import Class, Item
from desktop_llm.settings import Settings
from desktop_llm.widgets.button import button

if TYPE_CHECKING:
    from desktop_llm.store.people import Said

Told = tuple[float, int, int]


class Others(QObject):
    """Signals: `counted()`: how many rows wait is known anew; `chosen(value)`: an answer in a dispute;
    `labeler_changed()`: somebody else labels from now on.
    """

    counted = Signal()
    chosen = Signal(object)
    labeler_changed = Signal()

    def __init__(self, hub: Hub, view: LabelView, classes: Callable[[], Sequence[Class]], parent: QObject) -> None:
        """`classes()` are the project's now; `card` is to be put above the row, the button `history` beside it."""
        super().__init__(parent)
        self._hub, self._view, self._classes = hub, view, classes
        self.card = AnswersCard()
        self.card.chosen.connect(self.chosen)
        self.card.names_hidden.connect(lambda _: self._show_answers())
        self.history = button(self.tr("History"), "label.history.open", self.open_history, kind="quiet")
        self.history.setToolTip(self.tr("Who gave this row which label, and when"))
        self.history.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._now: Item | None = None
        self._waiting = self._disputed = 0
        self._shown: tuple[int, list[Said]] | None = None
        """The disputed row shown, and what was said before it was decided."""
        self._reading: Task | None = None
        self._again = False
        self._labeler = hub.settings.labeler
        hub.settings_changed.connect(self._on_settings_changed)

    @property
    def apart(self) -> bool:
        """Whether what others or a model said of the row is kept back, or waits for a decision."""
        return self._view.show_which in FURTHER

    def forget(self) -> None:
        """Another project has other people."""
        self._waiting = self._disputed = 0
        self._shown = None
        if self.apart:
            self._view.choose("unlabeled")
        self._view.let(second=False, disputed=False)
        self.card.hide()

    def refresh(self) -> None:
        """Read how many rows wait; once more where this is being read already."""
        project, labeler = self._hub.project, self._hub.settings.labeler
        if project is None:
            return
        if self._reading is not None:
            self._again = True
            return

        counting = self._view.show_which == "second"

        def read(_: Task) -> Told:
            # this is read after every label: all rows that wait are counted only where their number is shown
            share = project.people.share
            waiting = project.people.waiting(labeler) if counting or not share else 0
            return share, waiting, project.people.disputed()

        def show(told: Told) -> None:
            if self._hub.project is project:
                share, self._waiting, self._disputed = told
                self._view.let(second=bool(share or self._waiting), disputed=bool(self._disputed))
                self.counted.emit()

        self._reading = self._hub.background.run(read, on_done=show)
        self._reading.ended.connect(self._on_read)

    def left(self, unlabeled: int) -> int:
        """How many rows wait in what is shown; `unlabeled` where these are the project's own."""
        return {"second": self._waiting, "disputed": self._disputed}.get(self._view.show_which, unlabeled)

    def seen(self, item: Item | None) -> Item | None:
        """What of a row may be seen now; the strip above it says why."""
        self._now = item
        self.history.setEnabled(item is not None)
        if item is None or not self.apart:
            self._shown = None
            self.card.hide()
            return item
        return self._blind(item) if self._view.show_which == "second" else self._in_dispute(item)

    def open_history(self) -> None:
        """Show what became of the row so far, as far as it may be seen."""
        if self._now is not None:
            RowHistory(self._hub, self._now.id, self._discretion(), self.card).open()

    def _discretion(self) -> Discretion:
        if self._view.show_which == "second":
            return Discretion(only=self._hub.settings.labeler)
        return Discretion(names=self._view.show_which == "disputed" and self.card.hide_names.isChecked())

    def state(self) -> dict[str, Any]:
        """What to restore at the next start."""
        return {"hide_names": self.card.hide_names.isChecked()}

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self.card.hide_names.setChecked(told.get("hide_names") is True)

    def _blind(self, item: Item) -> Item:
        """Neither the other's label nor a model's; one's own once it is given."""
        project, labeler = self._hub.project, self._hub.settings.labeler
        own = project.people.own(item.id, labeler) if project is not None else None
        self._shown = None
        self.card.tell(
            self.tr("Second opinion"),
            self.tr(
                "Somebody has labeled this row; you do not see how, and no suggestion either. Yours is written once"
                " you give it and go on."
            ),
        )
        return replace(item, value=own, skipped=False, prediction=None)

    def _in_dispute(self, item: Item) -> Item:
        """All that was said, and nothing that would weigh for one of them."""
        project = self._hub.project
        said = project.people.said(item.id) if project is not None else []
        labels = {json.dumps(one.value) for one in said if one.value is not None}
        open_now = len(labels) > 1
        if open_now:
            self._shown = (item.id, said)
        elif self._shown is not None and self._shown[0] != item.id:
            self._shown = None
        title = self.tr("To decide") if open_now else self.tr("Decided")
        keys = self.tr("An answer’s key decides, and so does any label once you give it; Space leaves it open.")
        answers = self._answers(self._shown[1]) if self._shown is not None else []
        self.card.tell(title, keys if open_now else self.tr("Undo opens it again."), answers)
        return replace(item, value=None if open_now else item.value, skipped=False, prediction=None)

    def _show_answers(self) -> None:
        if self._shown is not None and self.apart:
            self.card.show_answers(self._answers(self._shown[1]))

    def _answers(self, said: Sequence[Said]) -> list[Answer]:
        """What was said, equal answers together: by time, or where names are hidden by their words."""
        hidden = self.card.hide_names.isChecked()
        by_value: dict[str, list[Said]] = {}
        for one in said:
            if one.value is not None:
                by_value.setdefault(json.dumps(one.value), []).append(one)
        answers = [self._answer(told, hidden=hidden) for told in by_value.values()]
        return sorted(answers, key=lambda one: (one.text, json.dumps(one.value))) if hidden else answers

    def _answer(self, told: Sequence[Said], *, hidden: bool) -> Answer:
        task, classes = self._hub.task, self._classes()
        names = {one.id: one.name for one in classes}
        colors = {one.name: one.color for one in classes}
        value = told[0].value
        assert task is not None
        text = task.labels.text(value, names)
        who = [f"{one.labeler or self.tr('no name')} · {day_and_time(one.at)}" for one in told]
        if hidden:
            who = [self.tr("said by {count}").format(count=len(told))] if len(told) > 1 else []
        return Answer(value=value, text=text, color=colors.get(text, ""), who=", ".join(who))

    def _on_settings_changed(self, settings: Settings) -> None:
        self.refresh()
        if settings.labeler != self._labeler:
            self._labeler = settings.labeler
            self._shown = None
            self.labeler_changed.emit()

    def _on_read(self, _: Task) -> None:
        self._reading = None
        if self._again:
            self._again = False
            self.refresh()
