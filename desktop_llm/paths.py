"""Where files live: one small module around appdirs, so that nothing else knows the platform's habits.

`DESKTOP_LLM_HOME` puts everything below one folder (tests, portable installs, a stick).
"""

from __future__ import annotations

import os
from pathlib import Path

import appdirs

from desktop_llm.errors import UserError

APP_NAME = "desktop_llm"


def _home() -> Path | None:
    chosen = os.environ.get("DESKTOP_LLM_HOME")
    return Path(chosen) if chosen else None


def data_dir() -> Path:
    """The folder for projects and downloaded things; not created here."""
    home = _home()
    return home / "data" if home else Path(appdirs.user_data_dir(APP_NAME, appauthor=False))


def config_dir() -> Path:
    """The folder for settings and window state; not created here."""
    home = _home()
    return home / "config" if home else Path(appdirs.user_config_dir(APP_NAME, appauthor=False))


def cache_dir() -> Path:
    """The folder for what can be made anew at any time; not created here."""
    home = _home()
    return home / "cache" if home else Path(appdirs.user_cache_dir(APP_NAME, appauthor=False))


def log_dir() -> Path:
    """The folder for log files; not created here."""
    home = _home()
    return home / "log" if home else Path(appdirs.user_log_dir(APP_NAME, appauthor=False))


def projects_dir() -> Path:
    """Where new projects go unless the person chooses another folder."""
    return data_dir() / "projects"


def expanded(typed: str | Path) -> Path:
    """A path as a person typed it, with `~` as the home folder; the home of somebody unknown here stays as it is."""
    try:
        return Path(os.path.expanduser(typed))  # that of `Path` raises where nobody is called so
    except ValueError:  # nobody can be called so
        return Path(typed)


def check_home(folder: Path) -> None:
    """Raise UserError where a folder is to be made below the home of somebody unknown here: nobody means that."""
    first = Path(*folder.parts[:1])
    if str(first).startswith("~") and not first.exists():
        raise UserError(f"“{first}” is no home folder on this computer; type the whole path.")


def resource(*parts: str) -> Path:
    """A shipped file: inside the installed package, or beside it in a source checkout."""
    here = Path(__file__).resolve().parent
    inside = here.joinpath("resources", *parts)
    return inside if inside.exists() else here.parent.joinpath("resources", *parts)
