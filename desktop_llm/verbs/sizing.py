"""Which size of model: from the amount of text for one from scratch, from memory and labels for a folder.

Rules of thumb, said with the numbers that they come from.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.jobs import amounts
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.paths import expanded
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import profiling

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Preset, Task

SAMPLE = 2000
TOKENS_A_WORD = 1.3
"""What a vocabulary learned from texts makes of a word, about; a tokenizer of an earlier run is asked where one is."""
BYTES_A_PARAMETER = 16
"""Weights, gradients and AdamW's two averages in float32."""
BYTES_FROZEN, BYTES_QUANTIZED = 4, 0.5
"""A weight that does not learn has no gradient and no averages; one in 4 bits is half a byte."""
LAYER = re.compile(r"\.(\d+)\.")
"""The number of a layer in the name of a tensor."""
FEW_A_LABEL = 8


def parameters(recipe: Recipe, task: Task | None = None) -> int:
    """How many parameters a model from scratch has, but for its classes: embeddings vh, and a layer 4h² + 3hf.

    `task` tells how many times h an automatic f is, twice without one. Where a layer that writes stands beside each
    that reads, with f in two matrices as in the first Transformer, both take 12h² + 4hf.
    """
    wide = recipe.hidden_size
    deep = recipe.intermediate_size or round((2.0 if task is None else task.feed_forward) * wide)
    layer = 4 * wide * wide + 3 * wide * deep + 2 * wide
    if task is not None and task.reads_and_writes:
        layer = 12 * wide * wide + 4 * wide * deep + 10 * wide
    return recipe.vocab_size * wide + recipe.num_hidden_layers * layer + wide * wide + 2 * wide


def advise(project: Project, recipe: Recipe, texts: int, labels: int) -> str:
    """One sentence on the size for `texts` to learn from with so many labels; '' where nothing is to be said."""
    task = task_named(project.task)
    if recipe.model == SCRATCH:
        return from_scratch(task, recipe, texts, tokens_a_text(project)) if texts else ""
    return from_folder(expanded(recipe.model), texts, labels, recipe)


def from_scratch(task: Task, recipe: Recipe, texts: int, tokens: float) -> str:
    """The preset for so many texts of so many tokens each."""
    if not task.presets:
        return ""
    whole = texts * tokens
    most = whole / task.tokens_a_parameter
    preset = suited(task.presets, recipe, most, task)
    size = parameters(recipes.changed(recipe, dict(preset.values)), task)
    share = task.tokens_a_parameter
    rule = f"{share:g} tokens each" if share >= 1 else f"{1 / share:.0f} a token"
    which = f"take “{preset.title}”" if size <= most else f"the smallest, “{preset.title}”, has {_short(size)}"
    return f"About {_short(whole)} tokens suit {_short(most)} parameters ({rule}, {task.sizing_source}): {which}."


def suited(presets: Sequence[Preset], recipe: Recipe, most: float, task: Task | None = None) -> Preset:
    """The largest preset with at most so many parameters, the smallest where all have more."""
    every = (parameters(recipes.changed(recipe, dict(one.values)), task) for one in presets)
    sizes = sorted((size, at) for at, size in enumerate(every))
    fitting = [at for size, at in sizes if size <= most]
    return presets[fitting[-1] if fitting else sizes[0][1]]


def from_folder(folder: Path, texts: int, labels: int, recipe: Recipe) -> str:
    """What fine-tuning a folder needs, and whether there is enough of each label."""
    import psutil

    shapes = _shapes(folder)
    size = sum(map(_product, shapes.values()))
    if not size:
        return ""
    need, each_needs = _need(shapes, recipe)
    there = psutil.virtual_memory().available
    sentence = f"{_short(size)} parameters need {_size(need)} beside the texts ({each_needs})"
    sentence += f", {_size(there)} are free" if need <= there else f", only {_size(there)} are free"
    if labels:
        each = texts / labels
        enough = "" if each >= FEW_A_LABEL else ": few, label more before a larger model"
        sentence += f"; {each:,.0f} texts a label{enough}"
    return sentence + "."


def weights(folder: Path) -> int:
    """How many parameters the safetensors files of a folder hold, by their heads; 0 where they cannot be read."""
    return sum(map(_product, _shapes(folder).values()))


def _shapes(folder: Path) -> dict[str, list[int]]:
    """The shapes of a folder's tensors by name; {} where they cannot be read."""
    told: dict[str, list[int]] = {}
    try:
        for file in folder.glob("*.safetensors"):
            with file.open("rb") as opened:
                (length,) = struct.unpack("<Q", opened.read(8))
                if length > 100_000_000:
                    return {}
                head = json.loads(opened.read(length))
            for name, one in head.items():
                if name != "__metadata__":
                    told[f"{file.name}:{name}"] = [int(size) for size in one["shape"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return {}
    return told


def _need(shapes: Mapping[str, Sequence[int]], recipe: Recipe) -> tuple[float, str]:
    """Bytes for the weights and what goes with those that learn, and how they are counted."""
    size = sum(map(_product, shapes.values()))
    if recipe.lora_r:
        matrices = {name: shape for name, shape in shapes.items() if len(shape) == 2 and LAYER.search(name)}
        asked = tuple(f".{one.strip()}.weight" for one in recipe.lora_target_modules.split(",") if one.strip())
        beside = [shape for name, shape in matrices.items() if not asked or name.endswith(asked)]
        learned = sum(recipe.lora_r * (shape[0] + shape[1]) for shape in beside)
        small = sum(map(_product, matrices.values())) if recipe.load_in_4bit else 0
        need = BYTES_FROZEN * (size - small) + BYTES_QUANTIZED * small + BYTES_A_PARAMETER * learned
        each = "half a byte to 4 bytes" if small else "4 bytes"
        return need, f"{each} each, and 16 for each of about {_short(learned)} of LoRA's that learn"
    if recipe.freeze_backbone:
        return float(BYTES_FROZEN * size), "4 bytes each, for only the head learns"
    if recipe.freeze_layers:
        frozen = sum(_product(shape) for name, shape in shapes.items() if _is_below(name, recipe.freeze_layers))
        need = BYTES_FROZEN * frozen + BYTES_A_PARAMETER * (size - frozen)
        return float(need), f"16 bytes for each of {_short(size - frozen)} that learn, 4 for the others"
    return float(BYTES_A_PARAMETER * size), "16 bytes each"


def _is_below(name: str, layers: int) -> bool:
    """Whether a tensor belongs to the word embeddings or to one of so many lowest layers."""
    found = LAYER.search(name)
    return int(found[1]) < layers if found else "embed" in name or ".wte." in name or ".wpe." in name


def tokens_a_text(project: Project) -> float:
    """How many tokens a labelled text has in the middle of the first some thousand."""
    rows = islice(project.items.labelled(every=task_named(project.task).unsupervised), SAMPLE)
    texts = [str(next(iter(row.content.values()), "")) for row in rows]
    if not texts:
        return 0.0
    number = profiling.counts_as(project)
    if number:
        try:
            counter = profiling.token_counter(project.runs.folder(number).model / profiling.TOKENIZER)
            return sum(counter(texts)) / len(texts)
        except Exception:  # noqa: BLE001 - the library raises a class of its own for a damaged file: words will do
            return _by_words(texts)
    return _by_words(texts)


def _by_words(texts: Sequence[str]) -> float:
    from desktop_llm.data.cleaning.words import words

    return TOKENS_A_WORD * sum(len(words(text)) for text in texts) / len(texts)


def _product(shape: Sequence[int]) -> int:
    count = 1
    for one in shape:
        count *= int(one)
    return count


def _short(count: float) -> str:
    return " ".join(amounts.parameters(count)).strip()


def _size(count: float) -> str:
    return " ".join(amounts.size(count))
