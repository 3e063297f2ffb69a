"""A server in a process of its own, started and stopped by the window, which hears what it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import UserError
from desktop_llm.serving.place import Place

HEAR_MILLISECONDS = 100
STOP_SECONDS = 3.0
Stage = Literal["off", "starting", "on", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a server stands: its address and a line that asks it once it answers, what it has done, what was wrong."""

    stage: Stage = "off"
    folder: Path = Path()
    address: str = ""
    curl: str = ""
    requests: int = 0
    refused: int = 0
    median_ms: float = 0.0
    problem: str = ""


class Service(QObject):
    """One server at a time. Signals: `changed(Standing)`."""

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Nothing is started before `start`."""
        super().__init__(parent)
        self.standing = Standing()
        self._child: Child | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(HEAR_MILLISECONDS)
        self._timer.timeout.connect(self._hear)

    @property
    def pid(self) -> int:
        """The id of the server's process; 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    def start(self, folder: Path, place: Place) -> None:
        """Serve an export. Raises UserError for what cannot be; what goes wrong later is told in `changed`."""
        from desktop_llm.verbs import serving

        if self._child is not None:
            raise UserError(self.tr("A model is served already; stop it first."))
        serving.check(folder, place)
        self._child = Child(serving.process(), str(folder), place, name="desktop-llm-serve")
        self._set(Standing(stage="starting", folder=folder))
        self._timer.start()

    def stop(self) -> None:
        """Let it answer what was asked, and end."""
        if self._child is None:
            return
        if not self._child.send("stop") or self.standing.stage == "starting":
            self._child.terminate()
        self._set(replace(self.standing, stage="stopping"))

    def close(self) -> None:
        """For the window's close: end it now."""
        self._timer.stop()
        child, self._child = self._child, None
        if child is not None:
            child.send("stop")
            child.close(grace=STOP_SECONDS)

    def _set(self, standing: Standing) -> None:
        self.standing = standing
        self.changed.emit(standing)

    def _hear(self) -> None:
        child = self._child
        if child is None:
            return
        for told in child.wait(0.0):
            self._take(told)
        if not child.ended:
            return
        self._timer.stop()
        self._child = None
        code = child.close(grace=0.5)
        now = self.standing
        problem = now.problem
        if not problem and now.stage != "stopping":
            problem = self.tr("The server ended by itself ({cause}); is there enough memory?").format(
                cause=exit_words(code)
            )
        self._set(replace(now, stage="off", address="", problem=problem))

    def _take(self, told: Any) -> None:
        if not isinstance(told, dict):
            return
        if "error" in told:
            self._set(replace(self.standing, problem=str(told["error"])))
        elif "address" in told:
            stage: Stage = "on" if self.standing.stage == "starting" else self.standing.stage
            self._set(replace(self.standing, stage=stage, address=told["address"], curl=told["curl"]))
        else:
            self._set(
                replace(
                    self.standing,
                    requests=int(told["requests"]),
                    refused=int(told["refused"]),
                    median_ms=float(told["median_ms"]),
                )
            )
