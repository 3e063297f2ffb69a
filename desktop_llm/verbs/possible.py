"""Whether a recipe's settings mean something, and are possible on this computer and with its model folder.

Told before a run is made of them. Looks at files and libraries without loading any, as the window's process must not;
what only a loaded model can tell, the run itself says.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from desktop_llm.catalog import folder as folders
from desktop_llm.catalog import weight_files
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe_teacher, recipe_texts
from desktop_llm.jobs.recipe import OWN, SCRATCH, Recipe
from desktop_llm.paths import expanded

FIELDS = {one.name: one for one in fields(Recipe)}
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
"""What model folders call the number of their layers."""
TEGRA = Path("/etc/nv_tegra_release")
BITSANDBYTES = "the library bitsandbytes is not installed: install the program with its extra “quantized”"


def check(recipe: Recipe) -> None:
    """Raise UserError for the first setting that cannot be with its start, on whatever computer."""
    if recipe.model != SCRATCH:
        _check_folder(recipe, expanded(recipe.model))
    else:
        recipe_texts.check_vocabulary(recipe, recipe.vocab_size)


def not_here(recipe: Recipe) -> str:
    """Why a recipe cannot be run on this computer, in a sentence; '' where it can."""
    card = _asks_for_a_card(recipe) and has_cuda()
    if recipe.device == "cuda" and not card:
        return "There is no NVIDIA GPU that PyTorch can use here; set “device” to auto or cpu."
    if recipe.device == "cuda" and recipe.num_processes > max(1, gpus()):
        return f"The run asks for {recipe.num_processes} GPUs, there are {gpus()} here; set “num_processes” lower."
    if recipe.device == "mps" and (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return "There is no Apple GPU here; set “device” to auto or cpu."
    if recipe.fp16 and (not card or recipe.device not in ("auto", "cuda")):
        return "“fp16” needs an NVIDIA GPU; leave it off and let “bf16” be automatic."
    if recipe.load_in_4bit and not card:
        return "“load_in_4bit” needs an NVIDIA GPU; leave it off, LoRA works without it."
    for key, asked in (("load_in_4bit", recipe.load_in_4bit), ("adamw_8bit", recipe.optim == "adamw_8bit")):
        if asked and importlib.util.find_spec("bitsandbytes") is None:
            return f"“{key}” cannot be used, for {BITSANDBYTES}, or leave it off."
    return ""


def check_here(recipe: Recipe) -> None:
    """Raise UserError where a recipe cannot be run on this computer."""
    told = not_here(recipe)
    if told:
        raise UserError(told)


def check_given(recipe: Recipe, keys: Iterable[str], groups: Collection[str] = ()) -> None:
    """Raise UserError where a value that somebody gave, under one of `keys`, has no part in what `recipe` does.

    `groups` are those of the task, see `Task.groups`.
    """
    for key in keys:
        one = FIELDS[key]
        default = getattr(recipe, key) == one.default
        if not default and OWN.get(key, "") not in ("", *groups):
            raise UserError(f"“{key}” has no part in a run of this task; leave it out.")
        why = without_part(recipe, key)
        of_scratch = one.metadata.get("scratch_only") and recipe.model != SCRATCH  # its defaults are of no use, either
        if why and (not default or of_scratch):
            raise UserError(why)


def without_part(recipe: Recipe, key: str) -> str:
    """Why a key has no part in what a recipe does, whatever its value; '' where it has one."""
    one, scratch = FIELDS[key].metadata, recipe.model == SCRATCH
    if one.get("scratch_only") and not scratch:
        return f"“{key}” is of models from scratch: the model folder has its own; leave it out."
    if one.get("folder_only") and scratch:
        return f"“{key}” needs a model folder to start from; leave it out, or set “model”."
    if one["group"] == "adapter" and key != "lora_r" and not recipe.lora_r:
        return f"“{key}” needs a rank: set “lora_r”, for example to 16."
    if one.get("causal_only") and not _writes_on(expanded(recipe.model)):
        return f"“{key}” is of language models such as Llama, and the model folder has none; leave it out."
    if one["group"] == recipe_teacher.GROUP and key != "teacher" and not recipe.teacher:
        return f"“{key}” needs a teacher: set “teacher” to a run's number or a model folder."
    other, value = one.get("goes_with", ("", None))
    if other and getattr(recipe, other) != value:
        return f"“{key}” counts only where “{other}” is {value}; leave it out, or set that."
    return ""


def has_cuda() -> bool:
    """Whether PyTorch here could compute on an NVIDIA GPU, as far as can be told without loading it."""
    try:
        build = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return False
    if "rocm" in build or TEGRA.exists():  # cards that NVIDIA's management library does not know
        return True
    return "+cpu" not in build and platform.system() != "Darwin" and gpus() > 0


def gpus() -> int:
    """How many NVIDIA GPUs programs see here, by their management library; slow the first time."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - no library or no driver, told by a class of the library itself
        return 0
    try:
        there = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0
    finally:
        pynvml.nvmlShutdown()
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return there if seen is None else min(there, len([one for one in seen.split(",") if one.strip()]))


def _asks_for_a_card(recipe: Recipe) -> bool:
    return recipe.device == "cuda" or recipe.fp16 or recipe.load_in_4bit


def _check_folder(recipe: Recipe, folder: Path) -> None:
    if recipe.freeze_layers:
        count = _layers(folder)
        if count is not None and recipe.freeze_layers > count:
            raise UserError(f"“freeze_layers” is {recipe.freeze_layers:,}, the model has only {count:,} layers.")
    wanted = [one.strip() for one in recipe.lora_target_modules.split(",") if one.strip()] if recipe.lora_r else []
    there = _matrices(folder) if wanted else frozenset()
    for one in wanted:
        if there and not any(f".{name}".endswith(f".{one}") for name in there):
            known = ", ".join(sorted({name.rpartition(".")[2] for name in there}))
            raise UserError(f"The model has no linear layer “{one}”; “lora_target_modules” may name {known}.")


def _writes_on(folder: Path) -> bool:
    """Whether a model folder says that its model goes on from a text."""
    try:
        return not folders.unfit(folders.told(folder), ("CAUSAL_LM",))
    except UserError:
        return False


def _layers(folder: Path) -> int | None:
    """How many layers a model folder says it has; None where it does not say."""
    try:
        told: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    parts = [one for one in (told, _part(told, "text_config")) if isinstance(one, Mapping)]
    counts = (one.get(name) for one in parts for name in LAYERS)
    return next((count for count in counts if isinstance(count, int)), None)


def _part(told: Any, name: str) -> Any:
    return told.get(name) if isinstance(told, Mapping) else None


def _matrices(folder: Path) -> frozenset[str]:
    """The modules of a model folder that have a matrix for a weight; none where its files cannot be read."""
    found: set[str] = set()
    for file in folder.glob("*.safetensors"):
        try:
            found.update(_of_header(weight_files.tensors(file)))
        except (OSError, ValueError):
            return frozenset()
    return frozenset(found)


def _of_header(told: Mapping[str, Any]) -> Iterable[str]:
    for name, one in told.items():
        matrix = isinstance(one, Mapping) and len(one.get("shape", ())) == 2
        if matrix and name.endswith(".weight") and "embed" not in name:
            yield name.removesuffix(".weight")
