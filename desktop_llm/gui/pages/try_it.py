"""The Try it page: what a run says of a text, or what it writes, beside another if wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.run_box import RunBox
from desktop_llm.gui.pages.try_below import Below
from desktop_llm.gui.pages.try_beside import BesideBox
from desktop_llm.gui.pages.try_judging import TryJudging
from desktop_llm.gui.pages.try_tab import Answered
from desktop_llm.gui.pages.try_writing import TryWriting
from desktop_llm.rows import Changes
from desktop_llm.widgets.blind_view import BlindView
from desktop_llm.widgets.button import button
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.screen import ModelRoom, TryView, WritingView

if TYPE_CHECKING:
    from desktop_llm.gui.inference import Answer
    from desktop_llm.jobs.prediction import Prediction
    from desktop_llm.store.project import Project


class TryPage(Page):
    """The task's view, answered by a warm process."""

    name = "try"

    def __init__(self, hub: Hub) -> None:
        """The view is made for the task when a project is open."""
        super().__init__(hub, hub.tr("Try it"))
        self._view: TryView | WritingView | None = None
        self._writing: TryWriting | None = None
        self.runs = RunBox(hub, "try.run")
        self.runs.run_changed.connect(self._on_run_changed)
        self.beside = BesideBox("try.beside")
        self.beside.chosen.connect(self._show_models)
        tip = self.tr("See answers of both models to held-out prompts without their names, and say which is better")
        self.judge_button = button(self.tr("Judge blind"), "try.judge", self._on_judge, tip=tip)
        for part in (self.judge_button, self.beside, self.runs):
            self.header.addWidget(part)
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("No model yet"), self.tr("Train one, then ask it here."), self.tr("Train"), "try.go"
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("train", {}))
        self._stack.addWidget(self._empty)
        work = QWidget()
        self._place = QVBoxLayout(work)
        self._place.setContentsMargins(0, 0, 0, 0)
        self._place.setSpacing(8)
        self.below = Below(hub)
        self._place.addWidget(self.below, 6)
        self._stack.addWidget(work)
        self._blind = BlindView()
        self._blind.ended.connect(self._end_judging)
        self._judging: TryJudging | None = None
        self._stack.addWidget(self._blind)
        self.content.addWidget(self._stack, 1)
        hub.inference.answered.connect(self._on_answered)
        hub.inference.failed.connect(self._on_failed)
        self._last: dict[str, str] = {}
        self._then: tuple[str, int | None] = ("", None)
        """The tab that is to look behind the next answer, and whose answer that is."""

    def set_project(self, project: Project | None) -> None:
        """Its runs."""
        task = self.hub.task
        self.hub.inference.forget()
        self.below.take(None)
        self._last = {}
        self.beside.forget()
        self._end_judging()
        if self._writing is not None:
            self._writing.leave()
            self._writing = None
        if project is None or task is None:
            return
        if self._view is not None:
            self._place.removeWidget(self._view)
            self._view.deleteLater()
        room = task.open_screen()
        self._view = room.try_view() if isinstance(room, ModelRoom) else None
        self.beside.setVisible(isinstance(self._view, WritingView))
        self.judge_button.setVisible(isinstance(self._view, WritingView) and task.asks is not None)
        if self._view is None:
            return
        if isinstance(self._view, WritingView):
            self._writing = TryWriting(self.hub, self._view)
        else:
            self._view.asked.connect(self._on_asked)
        self._place.insertWidget(0, self._view, 5)
        self.below.set_task(task)
        self.runs.reload()

    def on_changes(self, changes: Changes) -> None:
        """A run may have ended."""
        if changes.runs and not self.hub.is_training:
            self.runs.reload()

    def opened(self, **arguments: Any) -> None:
        """`run` chooses one, `row` is asked about, and `tab` looks behind the answer."""
        row, self._then = arguments.get("row"), ("", None)
        self.runs.reload(arguments.get("run"))
        if row is not None and isinstance(self._view, TryView):
            self._then = arguments.get("tab", ""), arguments.get("run")
            self._view.put(row)

    def _on_run_changed(self, run: object) -> None:
        if run is None or self._stack.currentWidget() is not self._blind:
            self._stack.setCurrentIndex(0 if run is None else 1)
        self.beside.show_runs(self.runs.run, self.runs.runs)
        self._show_models()
        if self._last:
            self._on_asked(self._last)

    def _show_models(self) -> None:
        """The models that write, one or two."""
        models = self._models()
        if self._writing is not None and models:
            self._writing.take(models)
        self.judge_button.setEnabled(len(models) == 2 and self.hub.writable)
        if self._judging is not None and self._judging.models and self._judging.models != tuple(models):
            self._on_judge() if len(models) == 2 else self._end_judging()

    def _models(self) -> list[tuple[str, Path]]:
        project, run = self.hub.project, self.runs.run
        if project is None or run is None:
            return []
        models = [(self.runs.title(run), project.runs.folder(run.number).model)]
        other = self.beside.other
        if isinstance(other, Path):
            models.append((self.tr("Before: {name}").format(name=other.name), other))
        elif other is not None:
            models.append((self.runs.title(other), project.runs.folder(other.number).model))
        return models

    def _on_judge(self) -> None:
        """Both models without their names."""
        sampling = self._view.sampling() if isinstance(self._view, WritingView) else None
        if sampling is None:  # the view says which setting is none
            self._end_judging()
            return
        if self._judging is None:
            self._judging = TryJudging(self.hub, self._blind)
        self._stack.setCurrentWidget(self._blind)
        self._blind.setFocus()
        self._judging.begin(self._models(), sampling)

    def _end_judging(self) -> None:
        if self._judging is not None:
            self._judging.leave()
        if self._stack.currentWidget() is self._blind:
            self._stack.setCurrentIndex(1)

    def _on_asked(self, row: dict[str, str]) -> None:
        project, run = self.hub.project, self.runs.run
        self._last = row
        if project is None or run is None or not isinstance(self._view, TryView):
            return
        if any(row.values()):
            self._view.show_waiting()
            self.below.take(None)
            self.hub.inference.ask(project.runs.folder(run.number).model, [row])
        else:
            # What is still on its way answers a text that is gone.
            self.hub.inference.forget()
            self._view.show_problem("")
            self.below.take(None)

    def _on_answered(self, _number: int, answer: Answer) -> None:
        if isinstance(self._view, TryView) and answer.predictions:
            self._view.show_answer(answer.predictions[0], answer.milliseconds)
            self._look_behind(answer.predictions[0])

    def _look_behind(self, prediction: Prediction) -> None:
        """Let the tabs know the answer, and begin with the one that was asked for with the row."""
        project, run = self.hub.project, self.runs.run
        if project is None or run is None:
            return
        model = project.runs.folder(run.number).model
        self.below.take(Answered(run=run.number, model=model, row=self._last, prediction=prediction))
        tab, wanted = self._then
        if tab and wanted in (None, run.number):
            self._then = ("", None)
            self.below.begin(tab)

    def _on_failed(self, _number: int, sentence: str) -> None:
        if isinstance(self._view, TryView):
            self._view.show_problem(sentence)
