"""What every tab below an answer of Try it is: one way to look behind what a model has said of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PySide6.QtWidgets import QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.jobs.prediction import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The row that was asked about, content fields by name, the run that was asked, its model, and what it said."""

    run: int
    model: Path
    row: Mapping[str, str]
    prediction: Prediction


class TryTab(QWidget):
    """Looks behind an answer when somebody asks it to."""

    name: ClassVar[str] = ""

    def __init__(self, hub: Hub, title: str) -> None:
        """`title`, translated, is what the tab bar says."""
        super().__init__()
        self.hub = hub
        self.setObjectName(f"try.tab.{self.name}")
        self.setAccessibleName(title)

    def take(self, answered: Answered | None) -> None:
        """Another answer, or none; what was found out about the one before is no more."""
        raise TypeError("each tab takes its own")

    def begin(self) -> None:
        """Look behind the answer now, without being asked twice."""
