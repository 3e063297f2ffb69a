"""Measures what a run will take, behind the window: when somebody asks, or when a recipe rests and nothing else runs.

The measuring process is ended at once when the recipe changes, a run starts, or somebody says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_llm.gui import elsewhere
from desktop_llm.gui.background import Task
from desktop_llm.jobs import recipe as recipes

if TYPE_CHECKING:
    from desktop_llm.errors import UserError
    from desktop_llm.gui.hub import Hub
    from desktop_llm.jobs.forecast import Forecast
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.project import Project

REST_MS = 4000
"""How long a recipe must rest before it is measured by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be measured: a recipe that can be started, and the rows it would learn from."""

    recipe: Recipe
    rows: Mapping[str, int]
    labels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of it: the nearest forecast, in what it differs, and a sentence on the size."""

    forecast: Forecast | None = None
    differs: tuple[str, ...] = ()
    size: str = ""


class Measuring(QObject):
    """Signals: `changed()`: what is known, or what is being done."""

    changed = Signal()

    def __init__(self, hub: Hub, parent: QObject | None = None) -> None:
        """Nothing is to be measured yet."""
        super().__init__(parent)
        self._hub = hub
        self._asked: Asked | None = None
        self._work: Task | None = None
        self._refused: Recipe | None = None
        """What was measured in vain, or told to stop: it is not tried again by itself."""
        self._measured: Recipe | None = None
        self._by_hand = self._again = self._yielded = False
        self.known = Known()
        self.doing = self.problem = ""
        self.may_begin = False
        """Whether the page that shows it is looked at."""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rested)

    @property
    def busy(self) -> bool:
        """Whether it measures just now."""
        return self._work is not None

    @property
    def possible(self) -> bool:
        """Whether there is something that could be measured now."""
        return self._asked is not None and self._hub.writable and not self._hub.is_training

    def ask(self, asked: Asked | None) -> None:
        """Another recipe or other rows, None for what cannot start: show what is known of it."""
        if asked != self._asked:
            # who asked for figures wants those of what is set now
            self._again = self._by_hand and self._work is not None
            self.cancel(by_hand=False)
            self.problem = ""
        self._asked = asked
        project = self._hub.project
        if project is None or asked is None:
            self.known = Known()
            self.changed.emit()
            return

        def work(_: Task) -> Known:
            from desktop_llm.verbs import foretelling, sizing

            found, differs = foretelling.known(project, asked.recipe, asked.rows, asked.labels)
            size = sizing.advise(project, asked.recipe, asked.rows.get("train", 0), asked.labels)
            return Known(forecast=found, differs=differs, size=size)

        self._hub.background.run(work, on_done=lambda known: self._on_known(asked, known))

    def measure(self, *, by_hand: bool = True) -> None:
        """Measure what was asked for last."""
        project, asked = self._hub.project, self._asked
        if project is None or asked is None or self._work is not None or not self.possible:
            return
        self._rest.stop()
        self._by_hand, self._again, self._yielded, self._measured = by_hand, False, False, asked.recipe
        self.problem, self.doing = "", self.tr("Reading the texts")

        def work(task: Task) -> Forecast:
            return _measure(project, asked.recipe, task)

        self._work = self._hub.background.run(
            work,
            on_done=lambda _: self.ask(asked),
            on_error=lambda error: self._on_error(asked, error),
            on_progress=lambda _, words: self._say(words),
            title=self.tr("Measuring what a run takes"),
        )
        self._work.ended.connect(self._on_ended)
        self.changed.emit()

    def cancel(self, *, by_hand: bool = True) -> None:
        """Stop measuring, at once; after that it does not begin again by itself."""
        self._rest.stop()
        if self._work is not None:
            self._yielded = not by_hand
            self._work.cancel()

    def _on_known(self, asked: Asked, known: Known) -> None:
        if asked != self._asked:
            return
        self.known = known
        if known.forecast is None or known.differs:
            self._rest.start()
        else:
            self._rest.stop()
        self.changed.emit()

    def _on_rested(self) -> None:
        """Nothing was changed for a while."""
        if self._asked is None or self._asked.recipe == self._refused:
            return
        if not (self._hub.settings.measure_by_itself and self.may_begin and self.possible):
            return
        if self._hub.background.idle:
            self.measure(by_hand=False)
        else:
            self._rest.start()

    def _on_error(self, asked: Asked, error: UserError) -> None:
        self.problem, self._refused = error.message, asked.recipe

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            if task.cancelled and not self._yielded:
                self._refused = self._measured
            self._work, self.doing = None, ""
            self.changed.emit()
            if self._again:
                self.measure()

    def _say(self, words: str) -> None:
        self.doing = words
        self.changed.emit()


def _measure(project: Project, recipe: Recipe, task: Task) -> Forecast:
    """In a thread: freeze and measure in processes of their own, keep what was found."""
    from desktop_llm.verbs import foretelling, preflight

    def tell(doing: str) -> None:
        task.progress(0.0, doing)

    with preflight.trial_folder(project.path) as folder:
        told = recipes.to_json(recipe)
        elsewhere.call(task.should_stop, preflight.freeze_in, project.path, told, folder)
        found = preflight.measure(folder, task.should_stop, tell)
    foretelling.keep(project, found)
    return found
