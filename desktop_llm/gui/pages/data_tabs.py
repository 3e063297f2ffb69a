"""The tabs of the Data page in their order, one file each, made when they are first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab


class Tab(NamedTuple):
    """A tab: its title, untranslated, how it is made, and whether it is about models."""

    title: str
    make: Callable[[Hub], DataTab]
    of_models: bool = False


def _rows(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_rows import RowsTab

    return RowsTab(hub)


def _clean(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_clean import CleanTab

    return CleanTab(hub)


def _personal(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_personal import PersonalTab

    return PersonalTab(hub)


def _splits(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_splits import SplitsTab

    return SplitsTab(hub)


def _profile(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_profile import ProfileTab

    return ProfileTab(hub)


def _snapshots(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_snapshots import SnapshotsTab

    return SnapshotsTab(hub)


def _people(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_people import PeopleTab

    return PeopleTab(hub)


def _history(hub: Hub) -> DataTab:
    from desktop_llm.gui.pages.data_history import HistoryTab

    return HistoryTab(hub)


TABS: dict[str, Tab] = {
    "rows": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Rows")), _rows),
    "profile": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Profile")), _profile),
    "clean": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Clean")), _clean),
    "personal": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Personal")), _personal),
    "splits": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Splits")), _splits),
    "people": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "People")), _people),
    "snapshots": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "Snapshots")), _snapshots, of_models=True),
    "history": Tab(str(QT_TRANSLATE_NOOP("DataTabs", "History")), _history),
}
