"""The recipe file: some settings of a recipe, under their own keys, as TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.recipe import Recipe, changed


def values(path: Path) -> dict[str, Any]:
    """What a recipe file says, unchecked. Raises UserError that names the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise from_os_error(error, "read the recipe", path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe “{path}” is not valid TOML: {error}.") from error


def from_toml(recipe: Recipe, path: Path) -> Recipe:
    """`recipe` changed by a recipe file. Raises UserError that names the file."""
    told = values(path)
    try:
        return changed(recipe, told)
    except UserError as error:
        raise UserError(f"The recipe “{path}”: {error.message}") from error
