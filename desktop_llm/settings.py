"""The program's settings, each declared once: its default, its choices, and its words for the Settings page.

Kept as JSON in the configuration folder, written whole or not at all. An unreadable file is set aside, not lost.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from desktop_llm import atomic, log, paths
from desktop_llm.keymap import PRESETS

RECENT_LIMIT = 10


def _declared(default: Any, title: str, help_text: str, **more: Any) -> Any:
    return field(default=default, metadata={"title": title, "help": help_text, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a person can set. Fields with `hidden` are state the program keeps for itself."""

    theme: str = _declared(
        "system",
        "Appearance",
        "Light, dark, or as the system has it.",
        choices=(("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    )
    labeler: str = _declared("", "Your name", "Kept with every label you give, so that teams can compare.")
    train_in_window: bool = _declared(
        False,
        "Train inside the window",
        "Off: training runs in a process of its own, which keeps the window quick. On: in a thread of the window.",
    )
    measure_by_itself: bool = _declared(
        True,
        "Measure before a run",
        "When a recipe rests and nothing else runs, some real steps tell what the run will take.",
    )
    keep_awake: bool = _declared(
        True, "Stay awake while training", "Keeps the computer from falling asleep until the run has ended."
    )
    tell_end: bool = _declared(
        True, "Tell when a run ends", "A notification of the desktop, when you are in another window by then."
    )
    advance_after_label: bool = _declared(
        True, "Next text after a label", "Goes on to the next text as soon as a label is given."
    )
    key_preset: str = _declared(
        "ours",
        "Keys for labeling",
        "Our own keys, or those of a program that your hands know.",
        choices=tuple((name, one.title) for name, one in PRESETS.items()),
    )
    key_changes: str = _declared("{}", "", "", hidden=True)
    gpu_prices: str = _declared("", "", "", hidden=True)
    last_project: str = _declared("", "", "", hidden=True)
    recent_projects: tuple[str, ...] = _declared((), "", "", hidden=True)
    window_geometry: str = _declared("", "", "", hidden=True)
    page_state: str = _declared("{}", "", "", hidden=True)


def settings_file() -> Path:
    """Where the settings are kept."""
    return paths.config_dir() / "settings.json"


def load() -> Settings:
    """Read the settings; what is missing or of a wrong type takes its default."""
    file = settings_file()
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        log.logger("start").info("settings unreadable, using defaults: %s", error)
        with suppress(OSError):
            os.replace(file, file.with_suffix(".damaged.json"))
        return Settings()
    plain = Settings()
    values: dict[str, Any] = {}
    for one in fields(Settings):
        value = told.get(one.name, getattr(plain, one.name))
        if isinstance(getattr(plain, one.name), tuple) and isinstance(value, list):
            value = tuple(str(entry) for entry in value)
        choices = [choice for choice, _ in one.metadata.get("choices", ())]
        fits = isinstance(value, type(getattr(plain, one.name))) and (not choices or value in choices)
        values[one.name] = value if fits else getattr(plain, one.name)
    return Settings(**values)


def save(settings: Settings) -> None:
    """Write the settings in one step; a full or read-only disk is logged, never fatal."""
    try:
        settings_file().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(settings_file(), asdict(settings))
    except OSError as error:
        log.logger("start").info("settings not saved: %s", error)


def with_recent(settings: Settings, project: Path) -> Settings:
    """The settings after `project` was opened: first among the recent ones."""
    name = str(project)
    recent = (name, *(other for other in settings.recent_projects if other != name))[:RECENT_LIMIT]
    return replace(settings, recent_projects=recent, last_project=name)
