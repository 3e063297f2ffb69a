"""The part of Try it behind the view of two answers without names: lets models write ahead, keeps verdicts.

While a person reads, the answers to the next prompt are written already. What is written and not judged waits in the
project, so that nothing is written twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.generating import Generating
from desktop_llm.gui.hub import Hub
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.rows import Changes
from desktop_llm.verbs import blind
from desktop_llm.widgets.blind_view import BlindView

if TYPE_CHECKING:
    from desktop_llm.evidence.wins import Wins
    from desktop_llm.store.project import Project
    from desktop_llm.store.verdicts import Duel
    from desktop_llm.verbs.blind import Match

T = TypeVar("T")
Asked = tuple[dict[str, str], list[Mapping[str, Any]]]
AHEAD = 2
"""Pairs of answers that are ready or being written beside the one that is shown."""
TRIES = 3
"""Prompts in a row that can fail before it is the models' fault."""
SEEDS = 2**31


class TryJudging(QObject):
    """One project, and two models at a time."""

    def __init__(self, hub: Hub, view: BlindView) -> None:
        """Nobody judges yet."""
        super().__init__(view)
        self._hub, self._view = hub, view
        self._generating = Generating(hub.inference.line, self)
        self._generating.came.connect(self._on_came)
        self._generating.ended.connect(self._on_ended)
        self._generating.failed.connect(self._on_failed)
        view.judged.connect(self._on_judged)
        view.undo_asked.connect(self._on_undo)
        view.rows_asked.connect(self._on_rows)
        view.file_asked.connect(self._on_file)
        self._round = 0
        self._models: tuple[tuple[str, Path], ...] = ()
        self._sampling = Sampling()
        self._match: Match | None = None
        self._total = self._failed = 0
        self._ready: deque[Duel] = deque()
        """Written, and not judged yet."""
        self._left: deque[int] = deque()
        """Rows that nobody has answered yet."""
        self._shown: Duel | None = None
        self._item: int | None = None
        """The row that is being answered."""
        self._columns: dict[int, int] = {}
        self._texts: list[list[str]] = [[], []]
        self._trouble = ""

    @property
    def models(self) -> tuple[tuple[str, Path], ...]:
        """The two that are judged; none where nobody judges."""
        return self._models

    def begin(self, models: Sequence[tuple[str, Path]], sampling: Sampling) -> None:
        """Judge two models by their titles and folders."""
        self.leave()
        task = self._hub.task
        self._models, self._sampling = tuple(models), sampling
        self._view.offer_rows(task is not None and task.compared is not None)
        self._view.show_nothing(self.tr("Looking for held-out prompts…"))
        self._view.show_progress(0, 0, "")
        folders = [folder for _, folder in models]
        self._run(lambda project: blind.match(project, folders), self._on_matched)

    def leave(self) -> None:
        """Nobody judges any more; what is being written is given up."""
        self._generating.drop()
        self._round += 1
        self._forget()

    def _forget(self) -> None:
        self._models, self._match, self._shown, self._item = (), None, None, None
        self._total = self._failed = 0
        self._trouble = ""
        self._ready.clear()
        self._left.clear()
        self._columns.clear()

    def _run(self, do: Callable[[Project], T], done: Callable[[T], None]) -> None:
        """Do something with the project in the background; nothing is heard of it once others are judged."""
        project, round_ = self._hub.project, self._round
        if project is None:
            return

        def heard(result: T) -> None:
            if round_ == self._round:
                done(result)

        def failed(error: UserError) -> None:
            if round_ == self._round:
                self._view.show_nothing(error.message)

        def work(_: Task) -> T:
            return do(project)

        self._hub.background.run(work, on_done=heard, on_error=failed)

    def _on_matched(self, told: Match) -> None:
        self._match, self._total = told, told.total
        self._ready.extend(told.waiting)
        self._left.extend(told.prompts)
        self._show_progress(told.wins)
        self._go_on()

    # what is written

    def _go_on(self) -> None:
        """Show what is ready, and let be written what comes after it."""
        if self._shown is None and self._ready:
            duel = self._shown = self._ready.popleft()
            self._run(lambda project: blind.asked(project, duel.item), lambda found: self._show(duel, found))
        elif self._shown is None and self._item is None and not self._left:
            words = self.tr("All held-out prompts are judged.") if not self._trouble else self._trouble
            self._view.show_nothing(words)
        if self._item is None and self._left and len(self._ready) < AHEAD:
            item = self._item = self._left.popleft()
            self._run(lambda project: blind.asked(project, item), lambda found: self._write(item, found))

    def _show(self, duel: Duel, found: Asked | None) -> None:
        if found is None:  # the row is gone
            self._shown = None
            self._go_on()
            return
        self._view.show_duel(found[1], *blind.left_and_right(duel))

    def _write(self, item: int, found: Asked | None) -> None:
        task = self._hub.task
        if found is None or task is None:
            self._item = None
            self._go_on()
            return
        if self._shown is None:
            self._view.show_waiting(found[1], self.tr("Both models are writing…"))
        told, self._trouble = self._seeded(item), ""
        self._texts = [[], []]
        for column, (_, folder) in enumerate(self._models):
            number = self._generating.ask(folder, found[0], told, task=task.name)
            self._columns[number] = column

    def _seeded(self, item: int) -> Sampling:
        """Both models choose by the same seed, for each prompt another one."""
        return self._sampling if self._sampling.seed is not None else replace(self._sampling, seed=item % SEEDS)

    def _on_came(self, number: int, pieces: list[Piece]) -> None:
        self._texts[self._columns[number]].extend(one.text for one in pieces)

    def _on_ended(self, number: int, ending: Ending) -> None:
        self._columns.pop(number)
        self._end()

    def _on_failed(self, number: int, sentence: str) -> None:
        self._columns.pop(number)
        self._trouble = sentence
        self._end()

    def _end(self) -> None:
        """One of two answers is over."""
        item, told = self._item, self._match
        if self._columns or item is None or told is None:
            return
        if self._trouble:
            self._item = None
            self._total -= 1
            self._failed += 1
            if self._failed >= TRIES:
                self._left.clear()
            self._go_on()
            return
        self._failed = 0
        answers, sampling = ["".join(texts) for texts in self._texts], self._seeded(item)
        self._run(
            lambda project: (blind.put(project, told, item, answers, sampling), blind.standing(project, told)),
            self._on_put,
        )

    def _on_put(self, made: tuple[Duel, Wins]) -> None:
        duel, wins = made
        self._item = None
        if duel.first.strip() == duel.second.strip():  # there is nothing to choose from
            self._show_progress(wins)
        else:
            self._ready.append(duel)
        self._go_on()

    # what is judged

    def _on_judged(self, side: str) -> None:
        duel, told, labeler = self._shown, self._match, self._hub.settings.labeler
        if duel is None or told is None:
            return

        def work(project: Project) -> Wins:
            blind.judge(project, duel, side, labeler)
            return blind.standing(project, told)

        def done(wins: Wins) -> None:
            self._shown = None
            self._show_progress(wins)
            if not self._ready:
                self._view.show_waiting((), self.tr("Both models are writing…"))
            self._go_on()

        self._run(work, done)

    def _on_undo(self) -> None:
        told = self._match
        if told is None:
            return

        def done(made: tuple[Duel | None, Wins]) -> None:
            duel, wins = made
            for one in (self._shown, duel):
                if one is not None:
                    self._ready.appendleft(one)
            self._shown = None
            self._view.show_waiting((), "")  # what still stands there is not what is judged next
            self._show_progress(wins)
            self._go_on()

        self._run(lambda project: (blind.take_back(project, told), blind.standing(project, told)), done)

    def _show_progress(self, wins: Wins) -> None:
        self._view.show_progress(wins.judged, self._total, self._words(wins))

    def _words(self, wins: Wins) -> str:
        if not wins.judged or len(self._models) < 2:
            return ""
        low, high = wins.interval()
        words = self.tr(
            "{first} wins {rate:.0f} % against {second} (95 %: {low:.0f} to {high:.0f} %): {won:,} won, {lost:,} lost, "
            "{ties:,} as good."
        )
        return words.format(
            first=self._models[0][0],
            second=self._models[1][0],
            rate=100 * wins.rate,
            low=100 * low,
            high=100 * high,
            won=wins.first,
            lost=wins.second,
            ties=wins.ties,
        )

    # what becomes of it

    def _on_rows(self) -> None:
        told = self._match
        if told is None:
            return

        def done(made: tuple[int, Changes]) -> None:
            self._hub.changed.emit(made[1])
            self._hub.show_message(self.tr("{count:,} new rows with their verdicts.").format(count=made[0]))

        self._aside(lambda project: blind.into_rows(project, told), done)

    def _on_file(self) -> None:
        told = self._match
        if told is None:
            return
        name, _ = QFileDialog.getSaveFileName(self._view, self.tr("Save verdicts"), "verdicts.jsonl", "JSON Lines (*)")
        if not name:
            return

        def done(count: int) -> None:
            words = self.tr("{count:,} pairs saved to “{name}”.").format(count=count, name=Path(name).name)
            self._hub.show_message(words)

        self._aside(lambda project: blind.save(project, told, Path(name)), done)

    def _aside(self, do: Callable[[Project], T], done: Callable[[T], None]) -> None:
        """As `_run`, but what is in the way is said in passing, and the answers stay."""
        project = self._hub.project
        if project is None:
            return

        def work(_: Task) -> T:
            return do(project)

        self._hub.background.run(work, on_done=done, on_error=lambda error: self._hub.show_message(error.message))
