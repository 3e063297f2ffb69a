"""The pages of the window, one file each, made when they are first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.page import Page


def _projects(hub: Hub) -> Page:
    from desktop_llm.gui.pages.projects import ProjectsPage

    return ProjectsPage(hub)


def _data(hub: Hub) -> Page:
    from desktop_llm.gui.pages.data import DataPage

    return DataPage(hub)


def _label(hub: Hub) -> Page:
    from desktop_llm.gui.pages.label import LabelPage

    return LabelPage(hub)


def _train(hub: Hub) -> Page:
    from desktop_llm.gui.pages.train import TrainPage

    return TrainPage(hub)


def _results(hub: Hub) -> Page:
    from desktop_llm.gui.pages.results import ResultsPage

    return ResultsPage(hub)


def _try(hub: Hub) -> Page:
    from desktop_llm.gui.pages.try_it import TryPage

    return TryPage(hub)


def _export(hub: Hub) -> Page:
    from desktop_llm.gui.pages.export import ExportPage

    return ExportPage(hub)


def _settings(hub: Hub) -> Page:
    from desktop_llm.gui.pages.settings import SettingsPage

    return SettingsPage(hub)


PAGES: dict[str, Callable[[Hub], Page]] = {
    "data": _data,
    "label": _label,
    "train": _train,
    "results": _results,
    "try": _try,
    "export": _export,
    "projects": _projects,
    "settings": _settings,
}
