"""Which size of model: from the amount of text for one from scratch, from memory and labels for a folder.

Rules of thumb, said with the numbers that they come from.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import SCRATCH, Recipe
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
FEW_A_LABEL = 8


def parameters(recipe: Recipe, feed_forward: float = 2.0) -> int:
    """How many parameters a model from scratch has, but for its classes: embeddings vh, and a layer 4h² + 3hf.

    `feed_forward` is how many times h an automatic f is.
    """
    wide = recipe.hidden_size
    deep = recipe.intermediate_size or round(feed_forward * wide)
    layer = 4 * wide * wide + 3 * wide * deep + 2 * wide
    return recipe.vocab_size * wide + recipe.num_hidden_layers * layer + wide * wide + 2 * wide


def advise(project: Project, recipe: Recipe, texts: int, labels: int) -> str:
    """One sentence on the size for `texts` to learn from with so many labels; '' where nothing is to be said."""
    task = task_named(project.task)
    if recipe.model == SCRATCH:
        return from_scratch(task, recipe, texts, tokens_a_text(project)) if texts else ""
    return from_folder(Path(recipe.model).expanduser(), texts, labels)


def from_scratch(task: Task, recipe: Recipe, texts: int, tokens: float) -> str:
    """The preset for so many texts of so many tokens each."""
    if not task.presets:
        return ""
    whole = texts * tokens
    most = whole / task.tokens_a_parameter
    preset = suited(task.presets, recipe, most, task.feed_forward)
    size = parameters(recipes.changed(recipe, dict(preset.values)), task.feed_forward)
    share = task.tokens_a_parameter
    rule = f"{share:g} tokens each" if share >= 1 else f"{1 / share:.0f} a token"
    which = f"take “{preset.title}”" if size <= most else f"the smallest, “{preset.title}”, has {_short(size)}"
    return f"About {_short(whole)} tokens suit {_short(most)} parameters ({rule}, {task.sizing_source}): {which}."


def suited(presets: Sequence[Preset], recipe: Recipe, most: float, feed_forward: float = 2.0) -> Preset:
    """The largest preset with at most so many parameters, the smallest where all have more."""
    every = (parameters(recipes.changed(recipe, dict(one.values)), feed_forward) for one in presets)
    sizes = sorted((size, at) for at, size in enumerate(every))
    fitting = [at for size, at in sizes if size <= most]
    return presets[fitting[-1] if fitting else sizes[0][1]]


def from_folder(folder: Path, texts: int, labels: int) -> str:
    """What fine-tuning a folder needs, and whether there is enough of each label."""
    import psutil

    size = weights(folder)
    if not size:
        return ""
    need, there = size * BYTES_A_PARAMETER, psutil.virtual_memory().available
    sentence = f"{_short(size)} parameters need {need / 1e9:.1f} GB beside the texts (16 bytes each)"
    sentence += f", {there / 1e9:.0f} GB are free" if need <= there else f", only {there / 1e9:.1f} GB are free"
    if labels:
        each = texts / labels
        enough = "" if each >= FEW_A_LABEL else ": few, label more before a larger model"
        sentence += f"; {each:,.0f} texts a label{enough}"
    return sentence + "."


def weights(folder: Path) -> int:
    """How many parameters the safetensors files of a folder hold, by their heads; 0 where they cannot be read."""
    count = 0
    try:
        for file in folder.glob("*.safetensors"):
            with file.open("rb") as opened:
                (length,) = struct.unpack("<Q", opened.read(8))
                if length > 100_000_000:
                    return 0
                head = json.loads(opened.read(length))
            for name, one in head.items():
                if name != "__metadata__":
                    count += _product(one["shape"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return 0
    return count


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
    for size, unit in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f}"
