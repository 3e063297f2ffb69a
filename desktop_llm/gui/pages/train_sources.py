"""Folders that a run may start from, for the setup to offer: kept, used before, or models of other projects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.gui.hub import Hub
from desktop_llm.verbs import sources

if TYPE_CHECKING:
    from desktop_llm.gui.pages.train_setup import TrainSetup


def known(before: Sequence[str]) -> list[str]:
    """Those that are kept, and those used `before`."""
    from desktop_llm.verbs import shelving

    return list(dict.fromkeys([*shelving.paths(), *before]))


def offer_others(hub: Hub, setup: TrainSetup) -> None:
    """Offer what other projects have trained, once it was looked at whether the open one's task can start from it."""
    project, task = hub.project, hub.task
    if project is None or task is None:
        return
    others = [Path(one) for one in hub.settings.recent_projects if Path(one) != project.path]

    def offer(models: list[str]) -> None:
        if models and hub.project is project:
            setup.offer_models(models)

    hub.background.run(lambda _: sources.of_projects(others, task), on_done=offer)
