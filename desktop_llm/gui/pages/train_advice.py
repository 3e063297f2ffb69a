"""What the watch-dog says of the run, on the Train page: a sentence, and the one button that does what it advises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.plot import short

TITLES = {one.name: one.metadata["title"] for one in fields(Recipe)}


class TrainAdvice(QWidget):
    """Signals: `stop_asked()`; `restart_asked(values)`: with these values of the recipe. Other pages it opens itself.

    Hidden where there is nothing to say.
    """

    stop_asked = Signal()
    restart_asked = Signal(dict)

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Nothing is said yet."""
        super().__init__(parent)
        self._hub = hub
        self.setObjectName("train.advice")
        self._lines = QVBoxLayout(self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(8)
        self._told: dict[str, tuple[QFrame, QPushButton | None, str]] = {}
        self._alive = False
        self.hide()

    def clear(self) -> None:
        """Another run."""
        for frame, _, _ in self._told.values():
            self._lines.removeWidget(frame)
            frame.hide()
            frame.deleteLater()
        self._told.clear()
        self.hide()

    def add(self, about: str, message: str, action: str, value: Mapping[str, Any]) -> None:
        """Show an advice; of one matter only the first one."""
        if about in self._told:
            return
        frame = QFrame()
        frame.setObjectName(f"train.advice.{about}")
        frame.setProperty("role", "banner")
        frame.setProperty("level", "warning")
        line = QHBoxLayout(frame)
        line.setContentsMargins(12, 8, 8, 8)
        line.setSpacing(12)
        words = plain_label(message, wrap=True)
        words.setObjectName(f"train.advice.{about}.words")
        line.addWidget(words, 1)
        doing = self._button(about, action, dict(value))
        if doing is not None:
            line.addWidget(doing)
        self._told[about] = (frame, doing, action)
        self._lines.addWidget(frame)
        self.set_alive(alive=self._alive)
        self.show()

    def add_all(self, advice: Mapping[str, Mapping[str, Any]]) -> None:
        """Show what a run was told, as the project keeps it."""
        for about, one in advice.items():
            self.add(about, str(one.get("message", "")), str(one.get("action", "")), dict(one.get("value") or {}))

    def set_alive(self, *, alive: bool) -> None:
        """Whether the run goes on: only then it can be stopped."""
        self._alive = alive
        for _, doing, action in self._told.values():
            if doing is not None and action == "stop":
                doing.setVisible(alive)

    def _button(self, about: str, action: str, value: dict[str, Any]) -> QPushButton | None:
        words = self._words(action, value)
        if not words:
            return None
        return button(words, f"train.advice.{about}.do", partial(self._do, action, value))

    def _do(self, action: str, value: dict[str, Any]) -> None:
        """Do what is advised, see `jobs.events.Advised`."""
        if action == "stop":
            self.stop_asked.emit()
        elif action == "restart":
            self.restart_asked.emit(value)
        elif action == "leakage":
            self._hub.page_asked.emit("data", {"tab": "clean"})
        elif action == "rows":
            self._show_rows(str(value.get("label", "")))

    def _show_rows(self, label: str) -> None:
        project = self._hub.project
        names = project.classes.names() if project is not None else {}
        number = next((one for one, name in names.items() if name == label), None)
        if number is None:
            self._hub.show_message(self.tr("The label “{label}” is no more.").format(label=label))
            return
        self._hub.page_asked.emit("label", {"filter": Filter(class_id=number), "words": label})

    def _words(self, action: str, value: dict[str, Any]) -> str:
        """What the button says; '' for nothing to do."""
        if action == "stop":
            return self.tr("Stop and keep the best")
        if action == "leakage":
            return self.tr("Look for such texts")
        if action == "rows" and value.get("label"):
            return self.tr("Show its texts")
        titles = {key: self.tr(TITLES[key]) for key in value if key in TITLES}
        changed = ", ".join(
            f"{title[:1].lower()}{title[1:]} {short(value[key]) if isinstance(value[key], float) else value[key]}"
            for key, title in titles.items()
        )
        return self.tr("Start again: {changed}").format(changed=changed) if action == "restart" and changed else ""
