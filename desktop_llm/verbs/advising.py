"""What the watch-dog advises, as something that can be done on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import possible, training

PROGRAM = "desktop-llm"


def on_the_command_line(action: str, value: Mapping[str, Any], project: str, number: int) -> str:
    """What to do about an advice on run `number`, see `jobs.events.Advised`, in a sentence; '' for nothing."""
    place = shlex.quote(project)
    if action == "stop":
        return f"End it and keep the best: Ctrl+C, then {PROGRAM} resume {place} {number} --stop"
    if action == "restart":
        values = " ".join(f"--set {key}={shlex.quote(recipes.as_text(one))}" for key, one in value.items())
        return f"Start again: {PROGRAM} train {place} {values}"
    if action == "rows" and value.get("label"):
        return f"Look at them: {PROGRAM} rows {place} --label {shlex.quote(str(value['label']))}"
    if action == "leakage":
        return f"Look for such texts: {PROGRAM} clean {place} --leaks"
    return ""


def settings_of(project: Project, number: int, value: Mapping[str, Any]) -> dict[str, Any]:
    """All that has to be given for the recipe of run `number` with `value` in it: what no run has by default."""
    recipe = recipes.changed(project.runs.get(number).recipe, value)
    lora = bool(recipe.lora_r) and recipe.model != SCRATCH
    task = task_named(project.task)
    usual = training.default_recipe(task, recipe.model, training.amount(project), lora=lora)
    there, here = recipes.to_json(usual), recipes.to_json(recipe)
    other = {key for key, one in here.items() if one != there[key] and _means(recipe, key, task.groups)}
    return {
        key: one for key, one in here.items() if key in value or key in other or (key == "model" and one != SCRATCH)
    }


def _means(recipe: Recipe, key: str, groups: Collection[str]) -> bool:
    """Whether a setting has any part in what a recipe does; else it may not be given."""
    try:
        possible.check_given(recipe, [key], groups)
    except UserError:
        return False
    return True
