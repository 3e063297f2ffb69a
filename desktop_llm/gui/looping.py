"""The model in the loop behind the window: hears of labels, lets its process refit after some, keeps what it says.

Whatever takes long happens in the process (`verbs.loop_worker`) or in a background thread; a key press waits for
neither. One piece of work at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Task
from desktop_llm.rows import Changes, Guess
from desktop_llm.verbs import embedding, loop_results, loop_worker
from desktop_llm.verbs.loop_results import ORDERS, Mistakes, Suggested, Wanted

if TYPE_CHECKING:
    import numpy as np

    from desktop_llm.gui.hub import Hub
    from desktop_llm.store.project import Project

NOTE, CURVE = "loop", "loop_curve"
EVERY, FEW = 20, 20
EVERY_RANGE = (5, 1000)
"""Labels after which it learns again; with fewer it would be at work all the time."""
MOST_POINTS = 300
REST_MS = 1500
"""How long rows must rest before they are looked at anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a project has chosen: `encoder` '' for the words of the texts, else a folder or a run's number."""

    on: bool = False
    encoder: str = ""
    wanted: Wanted = "uncertain"
    every: int = EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A refit: the labels it learned from, the estimated share of right suggestions, and how often people agreed."""

    labels: int
    accuracy: float | None
    asked: int
    agreed: int


class Looping(QObject):
    """Signals: `changed()`: choice, state or curve; `doubts_found(Mistakes)`; `advised(Advice)`; `failed(sentence)`."""

    changed = Signal()
    doubts_found = Signal(object)
    advised = Signal(object)
    failed = Signal(str)

    def __init__(self, hub: Hub, parent: QObject | None = None) -> None:
        """Nothing is started before somebody turns it on."""
        super().__init__(parent)
        self._hub = hub
        self.choice = Choice()
        self.curve: tuple[Point, ...] = ()
        self.state = self._learned_words = ""
        self._child: Child | None = None
        self._child_of: tuple[Path, str] | None = None
        self._work: Task | None = None
        self._since = self._learned = self._numbers = 0
        self._stale = self._again = self._leaving = False
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self._refit)
        hub.project_opened.connect(self._on_project_opened)
        hub.changed.connect(self._on_changed)
        self._on_project_opened(hub.project)

    @property
    def possible(self) -> bool:
        """Whether the open project's labels can be learned so."""
        task = self._hub.task
        return self._hub.writable and task is not None and task.loop is not None

    @property
    def pid(self) -> int:
        """The id of its process; 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    @property
    def busy(self) -> bool:
        """Whether it works just now."""
        return self._work is not None

    def choose(self, **changes: Any) -> None:
        """Change what the project has chosen, keep it, and begin."""
        project = self._hub.project
        if project is None or not self.possible:
            return
        self.choice = replace(self.choice, **changes)
        kept = asdict(self.choice)
        self._hub.background.run(lambda _: project.notes.put(NOTE, kept))
        self.changed.emit()
        if self.choice.on:
            # when to learn again is no reason to do so now, unless that many labels wait already
            if set(changes) != {"every"} or self._since >= self.choice.every:
                self._refit()
        elif "on" in changes:
            self._learned_words = ""
            self._say("")
            self._leave()

    def find_mistakes(self) -> None:
        """Look for labels that the others contradict."""
        self._ask(
            {"do": "mistakes"}, self.tr("Looking for doubtful labels"), loop_results.keep_doubts, self.doubts_found.emit
        )

    def find_by_training(self, number: int) -> None:
        """Look for labels that the training of run `number` never came to believe."""
        project = self._hub.project
        if project is None or not self.possible or self._work is not None:
            return

        def work(_: Task) -> tuple[Mistakes, Changes]:
            from desktop_llm.verbs import training_doubts

            found = training_doubts.find(project, number)
            return found, loop_results.keep_doubts(project, found)

        self._work = self._hub.background.run(
            work,
            on_done=lambda both: self._on_done(both, self.doubts_found.emit),
            on_error=self._on_error,
            title=self.tr("Looking for doubtful labels"),
        )
        self._work.ended.connect(self._on_ended)
        self.changed.emit()

    def advise(self, more: int) -> None:
        """Look ahead."""
        self._ask({"do": "advise", "more": more}, self.tr("Looking ahead"), lambda *_: Changes(), self.advised.emit)

    def close(self) -> None:
        """For the window's close, after the background's: end the process."""
        self._resting.stop()
        self._dismiss()

    # hearing

    def _on_project_opened(self, project: Project | None) -> None:
        self._resting.stop()
        self._since = self._learned = 0
        self._stale, self._again, self.state, self._learned_words = True, False, "", ""
        self.choice, self.curve = Choice(), ()
        self._leave()
        if project is not None and self.possible:
            self.choice = _choice(project.notes.get(NOTE, default={}))
            self.curve = tuple(_points(project.notes.get(CURVE, default=[])))
            if self.choice.on:
                self._resting.start()
        self.changed.emit()

    def _on_changed(self, changes: Changes) -> None:
        if not self.choice.on:
            self._stale = self._stale or changes.items
            return
        if changes.items or changes.classes:
            self._stale = True
            self._resting.start()
        elif changes.labels:
            self._since += 1
            first = self._learned < FEW <= self._learned + self._since
            if self._since >= self.choice.every or first:
                self._refit()

    # working

    def _refit(self) -> None:
        project = self._hub.project
        if project is None or not self.possible:
            return
        if self._work is not None:
            self._again = True
            return
        self._again, self._since = False, 0
        asked = {"do": "suggest", "wanted": self.choice.wanted, "batch": self.choice.every, "seed": self._learned}
        self._ask(asked, "", _keep, self._on_suggested)

    def _ask(self, asked: dict[str, Any], title: str, keep: Any, on_done: Any) -> None:
        """Let the process do something, write what it found, and hear of it here."""
        project = self._hub.project
        if project is None or not self.possible or self._work is not None:
            return
        stale, self._stale = self._stale, False
        told, inference = self.choice.encoder, self._hub.inference.line

        def work(task: Task) -> tuple[Any, Changes]:
            folder = embedding.encoder(project, told) if told else None
            if folder is not None:
                made = self._fill(project, folder, task, inference.embed)
            child = self._started(project.path, str(folder or ""))
            if stale or (folder is not None and made):
                self._say_to(child, {"do": "forget"}, task)
            found = self._say_to(child, asked, task)
            return found, keep(project, found)

        self._say(self.tr("learning…"))
        self._work = self._hub.background.run(
            work,
            on_done=lambda both: self._on_done(both, on_done),
            on_error=self._on_error,
            title=title or (self.tr("Reading texts for suggestions") if told and stale else ""),
        )
        self._work.ended.connect(self._on_ended)

    def _fill(self, project: Project, folder: Path, task: Task, embed: Any) -> int:
        """In a thread: let the encoder read what it has not read yet."""

        def ask(texts: Sequence[str]) -> np.ndarray:
            vectors: np.ndarray = embed(folder, texts).result()
            return vectors

        def tell(told: embedding.Progress) -> None:
            task.progress(told.done / max(1, told.total), f"{told.done:,}")

        return embedding.fill(project, folder, ask, on_progress=tell, should_stop=task.should_stop)

    def _started(self, path: Path, encoder: str) -> Child:
        """In a thread: the process for this project and encoder."""
        if self._child is not None and (self._child_of != (path, encoder) or self._child.ended):
            self._dismiss()
        if self._child is None:
            self._child = Child(loop_worker.serve, str(path), encoder, name="desktop-llm-loop")
            self._child_of = (path, encoder)
        return self._child

    def _say_to(self, child: Child, asked: dict[str, Any], task: Task) -> Any:
        """In a thread: ask the process, wait for its answer."""
        self._numbers += 1
        child.send({"number": self._numbers, **asked})
        guesses: list[Guess] = []
        while not task.should_stop():
            for told in child.wait(0.2, most=1):
                if told.get("number") != self._numbers:
                    continue  # the rest of what somebody no longer waited for
                if "error" in told:
                    raise UserError(told["error"])
                if "done" in told:
                    found = told["done"]
                    return replace(found, guesses=tuple(guesses)) if guesses else found
                guesses += told["part"]
            if child.ended:
                code = child.close()
                self._child = None
                raise UserError(
                    self.tr("The model in the loop ended ({cause}); it begins anew with the next labels.").format(
                        cause=exit_words(code)
                    )
                )
        raise Cancelled

    def _leave(self) -> None:
        """End the process behind the scenes, once nobody waits for it."""
        if self._work is not None:
            self._work.cancel()
            self._leaving = True
            return
        child, self._child, self._leaving = self._child, None, False
        if child is not None:
            self._hub.background.run(lambda _: child.close(grace=0.0))

    def _dismiss(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close(grace=0.0)

    # back in the window's thread

    def _on_done(self, both: tuple[Any, Changes], on_done: Any) -> None:
        found, changes = both
        on_done(found)
        if changes != Changes():
            self._hub.changed.emit(changes)

    def _on_suggested(self, found: Suggested) -> None:
        self._learned = found.labels
        point = Point(labels=found.labels, accuracy=found.accuracy, asked=found.asked, agreed=found.agreed)
        self.curve = (*[one for one in self.curve if one.labels < found.labels], point)[-MOST_POINTS:]
        project, curve = self._hub.project, [asdict(one) for one in self.curve]
        if project is not None:
            self._hub.background.run(lambda _: project.notes.put(CURVE, curve))
        if found.labels < FEW:
            words = self.tr("guesses begin with {few} labels").format(few=FEW)
        else:
            words = self.tr("learned from {labels:,} labels").format(labels=found.labels)
        self._learned_words = words
        self._say(words)

    def _on_error(self, error: UserError) -> None:
        self._say(error.message)
        self.failed.emit(error.message)

    def _on_ended(self, _: Task) -> None:
        self._work = None
        if self.state == self.tr("learning…"):  # neither learned nor failed: it looked, or was told to stop
            self.state = self._learned_words
        if self._leaving:
            self._leave()
        self.changed.emit()
        if self._again and self.choice.on:
            self._refit()

    def _say(self, words: str) -> None:
        self.state = words
        self.changed.emit()


def _keep(project: Project, found: Suggested) -> Changes:
    return loop_results.keep(project, found)


def _choice(told: Any) -> Choice:
    wanted = told.get("wanted")
    return Choice(
        on=bool(told.get("on", False)),
        encoder=str(told.get("encoder", "")),
        wanted=wanted if wanted in ORDERS else "uncertain",
        every=min(max(EVERY_RANGE[0], int(told.get("every", EVERY))), EVERY_RANGE[1]),
    )


def _points(told: Any) -> list[Point]:
    return [
        Point(labels=int(one["labels"]), accuracy=one["accuracy"], asked=int(one["asked"]), agreed=int(one["agreed"]))
        for one in told
    ]
