"""The dialog in which a better recipe is searched: what is tried at the left, what came of it at the right.

It may be closed while the search goes on: its trials are trained, and seen on the Train page, as any run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.tune_setup import Asked, TuneSetup
from desktop_llm.gui.pages.tune_shown import TuneShown
from desktop_llm.gui.status import time_words
from desktop_llm.jobs import recipe as recipes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.gui.tuning import Told
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.jobs.search_ranges import Suggested
    from desktop_llm.store.project import Project

WIDTH, HEIGHT = 1180, 668
LEFT = 344
NEW = 0


class TuneDialog(QDialog):
    """Signals: `recipe_chosen(Recipe)`: train with this one."""

    recipe_chosen = Signal(object)

    def __init__(self, hub: Hub, parent: QWidget, base: Recipe) -> None:
        """A new search would go around `base`; the newest one of the project is shown, or the one that goes on."""
        super().__init__(parent)
        self._hub, self._base = hub, base
        self._told: Told | None = None
        self._loading: Task | None = None
        self._asked: list[Task] = []
        """What is being read: given up when the dialog goes."""
        self.setObjectName("tune")
        self.setWindowTitle(self.tr("Search for a better recipe"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        whole.addLayout(self._build_head())
        columns = QHBoxLayout()
        columns.setSpacing(16)
        self.setup, self.shown = TuneSetup(), TuneShown()
        self.setup.setFixedWidth(LEFT)
        columns.addWidget(self.setup)
        columns.addWidget(self.shown, 1)
        whole.addLayout(columns, 1)
        whole.addLayout(self._build_foot())
        self.setup.changed.connect(self._show_problem)
        self.shown.chosen.connect(self._let)
        self.shown.run_asked.connect(self._open_run)
        hub.tuning.changed.connect(self._on_changed)
        hub.training.began.connect(self._let)
        hub.training.ended.connect(self._let)
        hub.tuning.failed.connect(self._tell)
        hub.project_opened.connect(self._on_project_opened)
        self._load_ranges()
        self._load_searches(hub.tuning.number)
        self._let()

    def _build_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(12)
        self.search = Choice()
        self.search.setObjectName("tune.search")
        self.search.setAccessibleName(self.tr("Search"))
        self.search.setMinimumWidth(LEFT)
        self.search.addItem(self.tr("A new search"), NEW)
        self.search.activated.connect(lambda _: self._on_search())
        head.addWidget(self.search)
        self.state = plain_label("", "muted")
        self.state.setObjectName("tune.state")
        head.addWidget(self.state, 1)
        return head

    def _build_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.setSpacing(8)
        self.start = button(self.tr("Start the search"), "tune.start", self._on_start, kind="primary")
        self.stop = button(self.tr("Stop"), "tune.stop", self._hub.tuning.stop)
        self.stop.setToolTip(self.tr("The trial under way is kept as it stands; “Go on” takes it up again."))
        self.problem = plain_label("", "bad", wrap=True)
        self.problem.setObjectName("tune.problem")
        self.open_run = button(self.tr("Show the run"), "tune.run", self._on_open_run)
        self.use = button(self.tr("Use this recipe"), "tune.use", self._on_use)
        self.use.setToolTip(self.tr("Puts the settings of the chosen trial into the form of the Train page."))
        close = button(self.tr("Close"), "tune.close", self.close)
        for part in (self.start, self.stop):
            foot.addWidget(part)
        foot.addWidget(self.problem, 1)
        for part in (self.open_run, self.use, close):
            foot.addWidget(part)
        for made in (self.start, self.stop, self.open_run, self.use, close):
            made.setAutoDefault(False)
        return foot

    def _load_ranges(self) -> None:
        project, base = self._hub.project, self._base
        if project is None:
            return

        def work(_: Task) -> list[Suggested]:
            from desktop_llm.verbs import tuning

            return tuning.suggested(project, base)

        self._asked.append(self._hub.background.run(work, on_done=self._offer))

    def _offer(self, told: list[Suggested]) -> None:
        self.setup.offer(told)
        self.setup.show_search(None if self._told is None else self._told.standing.search)
        self._let()

    def _load_searches(self, wanted: int) -> None:
        """Read which searches there are, and show one: `wanted`, or the newest."""
        project = self._hub.project
        if project is None:
            return

        def work(_: Task) -> list[int]:
            from desktop_llm.verbs import tuning

            return tuning.numbers(project)

        def show(numbers: list[int]) -> None:
            self.search.clear()
            for number in numbers:
                self.search.addItem(self.tr("Search {number}").format(number=number), number)
            self.search.addItem(self.tr("A new search"), NEW)
            self.search.setCurrentIndex(max(0, self.search.findData(wanted)) if wanted != NEW else 0)
            self._on_search()

        self._asked.append(self._hub.background.run(work, on_done=show, on_error=self._tell))

    def _on_search(self) -> None:
        number, project = int(self.search.currentData() or NEW), self._hub.project
        if self._loading is not None:
            self._loading.cancel()
            self._loading = None
        told = self._hub.tuning.told
        if number == NEW or project is None:
            self._show(None)
        elif told is not None and told.standing.search.number == number:
            self._show(told)
        else:
            from desktop_llm.gui.tuning import look

            self._loading = self._hub.background.run(
                lambda _: look(project, number), on_done=self._show, on_error=self._tell
            )
            self._asked.append(self._loading)

    def _show(self, told: Told | None) -> None:
        if told is None or self._told is None or told.standing.search != self._told.standing.search:
            self.setup.show_search(None if told is None else told.standing.search)
        self._told = told
        self.shown.show_search(told)
        self._let()

    def _on_changed(self) -> None:
        tuning = self._hub.tuning
        if tuning.number and int(self.search.currentData() or NEW) != tuning.number:
            self._load_searches(tuning.number)
        elif tuning.told is not None and self.search.currentData() == tuning.told.standing.search.number:
            self._show(tuning.told)
        self._let()

    def _on_start(self) -> None:
        number = int(self.search.currentData() or NEW)
        self.problem.setText("")
        if number != NEW:
            budget = self.setup.budget
            self._hub.tuning.start(lambda project: _go_on(project, number, budget))
            return
        try:
            asked = self.setup.asked()
        except UserError as error:
            self._tell(error)
            return
        base = self._base
        self._hub.tuning.start(lambda project: _create(project, base, asked))

    def _on_open_run(self) -> None:
        one = self.shown.trial
        if one is not None and one.run:
            self._open_run(one.run)

    def _open_run(self, number: int) -> None:
        self._hub.page_asked.emit("results", {"run": number})

    def _on_use(self) -> None:
        one, told = self.shown.trial, self._told
        if one is not None and told is not None:
            self.recipe_chosen.emit(recipes.changed(told.standing.search.base, dict(one.values)))
            self.close()

    def _tell(self, error: UserError) -> None:
        self.problem.setText(error.message)
        self._let()

    def _show_problem(self) -> None:
        try:
            if self.search.currentData() == NEW:
                self.setup.asked()
            self.problem.setText("")
        except UserError as error:
            self.problem.setText(error.message)
        self._let()

    def _on_project_opened(self, _: object) -> None:
        self.close()

    def _let(self, *_: object) -> None:
        """Let be touched what may be touched now, and say how it stands."""
        tuning, number = self._hub.tuning, int(self.search.currentData() or NEW)
        active, new = tuning.active, number == NEW
        over = self._told is not None and self._told.standing.over and self._same_budget()
        self.setup.let(new and not active, budget=not active)
        self.search.setEnabled(not active)
        self.start.setVisible(not active)
        self.start.setText(self.tr("Start the search") if new else self.tr("Go on"))
        self.start.setAccessibleName(self.start.text())
        busy = self._hub.is_training and not active
        self.start.setEnabled(self._hub.writable and not over and not busy)
        self.stop.setVisible(active)
        self.stop.setEnabled(bool(tuning.number) and not tuning.stopping)
        one = self.shown.trial
        self.open_run.setEnabled(one is not None and bool(one.run))
        self.use.setEnabled(one is not None)
        self.state.setText(self._state_words())

    def reject(self) -> None:
        """Close; the search goes on."""
        for task in self._asked:
            task.cancel()
        super().reject()

    def _same_budget(self) -> bool:
        """Whether the budget of the search that is shown is as it was: one that is over could not go on."""
        told = self._told
        if told is None:
            return True
        trials, minutes = self.setup.budget
        return (trials, minutes) == (told.standing.search.trials, round(told.standing.search.minutes))

    def _state_words(self) -> str:
        tuning, told = self._hub.tuning, self._told
        if tuning.stopping:
            return self.tr("stopping")
        if tuning.active and (told is None or not tuning.number):
            return self.tr("preparing")
        if told is None:
            busy = self._hub.is_training
            return self.tr("A run is training; a search can begin once it has ended.") if busy else ""
        standing = told.standing
        limit = self.tr(" of {count:,}").format(count=standing.search.trials) if standing.search.trials else ""
        done = self.tr("{done:,}{limit} trials").format(done=standing.done, limit=limit)
        spent = time_words(standing.seconds)
        parts = [done, spent]
        if tuning.active:
            parts.append(self.tr("run {number} is training").format(number=self._hub.training.number))
        elif standing.over:
            parts.append(standing.over)
            if self._same_budget():
                parts.append(self.tr("raise Trials or Minutes to go on"))
        return " · ".join(part for part in parts if part)


def _go_on(project: Project, number: int, budget: tuple[int, float]) -> int:
    from desktop_llm.verbs import tuning

    before = tuning.load(project, number)
    if budget != (before.trials, round(before.minutes)):
        tuning.extend(project, number, trials=budget[0], minutes=budget[1])
    return number


def _create(project: Project, base: Recipe, asked: Asked) -> int:
    from desktop_llm.verbs import tuning

    made = tuning.create(project, base, asked.ranges, trials=asked.trials, minutes=asked.minutes, pruner=asked.pruner)
    return made.number
