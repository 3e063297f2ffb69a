"""The tabs of the Results page in their order, one file each, made when they are first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.result_tab import ResultTab
from desktop_llm.jobs.recipe import OWN
from desktop_llm.tasks.task import Task


class Tab(NamedTuple):
    """A tab: its title, untranslated, how it is made, and for which tasks it is."""

    title: str
    make: Callable[[Hub], ResultTab]
    fits: Callable[[Task], bool]


def _figures(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_figures import FiguresTab

    return FiguresTab(hub)


def _certainty(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_certainty import CertaintyTab

    return CertaintyTab(hub)


def _curves(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_curves import CurvesTab

    return CurvesTab(hub)


def _compare(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_compare import CompareTab

    return CompareTab(hub)


def _slices(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_slices import SlicesTab

    return SlicesTab(hub)


def _compress(hub: Hub) -> ResultTab:
    from desktop_llm.gui.pages.result_compress import CompressTab

    return CompressTab(hub)


TABS: dict[str, Tab] = {
    "figures": Tab(str(QT_TRANSLATE_NOOP("ResultTabs", "Figures")), _figures, lambda task: True),
    "compare": Tab(str(QT_TRANSLATE_NOOP("ResultTabs", "Compare")), _compare, lambda task: task.open_tally is not None),
    "slices": Tab(str(QT_TRANSLATE_NOOP("ResultTabs", "Slices")), _slices, lambda task: task.open_tally is not None),
    "certainty": Tab(str(QT_TRANSLATE_NOOP("ResultTabs", "How sure")), _certainty, lambda task: task.loop is not None),
    "curves": Tab(str(QT_TRANSLATE_NOOP("ResultTabs", "Curves")), _curves, lambda task: task.loop is not None),
    "compress": Tab(
        str(QT_TRANSLATE_NOOP("ResultTabs", "Compress")), _compress, lambda task: OWN["teacher"] in task.groups
    ),
}
