"""What every tab of the Results page is: one way to look at how the rows came out that a run was measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_llm.evidence.intervals import Interval
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.outcomes import On, Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page shows: the chosen `run`, how the rows came out, with the figures and their intervals, and which of
    them went wrong (keys); `runs` are those marked in the table, the chosen one first, `every` all there are.
    """

    run: Run
    on: On
    outcomes: Outcomes | None
    figures: Mapping[str, Interval]
    wrong: Sequence[int]
    runs: Sequence[Run]
    every: Sequence[Run]


class ResultTab(QWidget):
    """Signals: `these_asked(keys, words)`: open these rows (`Outcomes.keys`), which `words` describe;
    `measure_asked(number)`: ask the model of this run, 0 for the one that is shown.
    """

    name: ClassVar[str] = ""
    these_asked = Signal(object, str)
    measure_asked = Signal(int)

    def __init__(self, hub: Hub, title: str) -> None:
        """`title`, translated, is what the tab bar says."""
        super().__init__()
        self.hub = hub
        self.setObjectName(f"results.tab.{self.name}")
        self.setAccessibleName(title)

    def show_run(self, shown: Shown | None) -> None:
        """Show this; None: there is nothing to show yet."""
        raise TypeError("each tab shows its own")

    def forget(self) -> None:
        """Another project is open, or none."""
        self.show_run(None)
