"""The model card of an export: Markdown with the metadata that Hugging Face reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.formats import Compared, Format
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.store.evaluations import SPLIT
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import earlier, prompt_example
from desktop_llm.verbs.teaching import TAUGHT_BY

RECIPE_SKIPPED = {"device"}
PLACES = ("model", "teacher")
"""The keys of folders: where these lie is nobody's business."""
UNKNOWN = "not stated"
WRITER = "text-generation"
"""What transformers calls a language model, whatever it was taught by a prompt."""
LIBRARIES = {"folder": "transformers", "adapter": "peft", "onnx": "onnxruntime", "gguf": "gguf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What only a person can state: under which licences the model, its base and its data are, and their language.

    Licences as SPDX or Hugging Face call them (apache-2.0, cc-by-4.0, …), or in words; languages as ISO 639 codes, with
    commas between.
    """

    licence: str = ""
    base_licence: str = ""
    data_licence: str = ""
    language: str = ""


def card(
    project: Project,
    number: int,
    kind: Format,
    papers: Papers,
    example: str,
    told: Compared | None,
    config: Mapping[str, Any],
) -> str:
    """Data, recipe, figures, licences, versions and how it is used. Raises UserError.

    `told` is what reading the export back has shown, None before that; `config` is the model's config.json.
    """
    run, job = project.runs.get(number), project.runs.folder(number).job()
    task = task_named(project.task)
    classes = list(job.schema.get("classes", ()))
    before = earlier.of(project, number)
    recipe = job.recipe if before is None else before.recipe
    given = recipes.to_json(recipe)
    figures = run.metrics if before is None else before.metrics
    start, _, teacher = run.model_title.partition(TAUGHT_BY)
    base = "" if job.recipe.model == SCRATCH else start
    pipeline = WRITER if prompt_example.taught(task, config) else asked(task, job.recipe)[0]
    lines = [
        "---",
        *_metadata(pipeline, task, kind, papers, base, f"{project.name}, run {number}", figures),
        "---",
        "",
        f"# {project.name}, run {number}",
        "",
        f"{task.title}: {task.description} Trained with desktop_llm {job.versions.get('desktop_llm', '')} "
        f"on {job.created[:10]}. Format: {kind.title}.",
        "",
        "## Data",
        "",
        f"- rows: {_split_words(job.snapshot)}",
        f"- SHA-256 of the frozen data: `{job.snapshot.get('sha256', '')}`",
        *([f"- labels ({len(classes)}): {', '.join(f'`{name}`' for name in classes)}"] if task.classes else []),
        "",
        "The rows themselves are not part of this folder. What the model cannot know: anything that these rows do "
        f"not show.{' Look at the figures per label before relying on it.' if task.classes else ''}",
        "",
        "## Figures",
        "",
        *_metric_table(task, figures, _intervals(project, number, before is not None)),
        *(["", f"Of this export: {told.words()}"] if told is not None else []),
        "",
        "## Licences",
        "",
        f"- this model: {papers.licence or UNKNOWN}",
        *([f"- its base, {base}: {papers.base_licence or UNKNOWN}"] if base else []),
        f"- its data: {papers.data_licence or UNKNOWN}",
        "",
        "As stated by those who exported it; the program has not checked them.",
        "",
        "## Recipe",
        "",
        f"Started from {f'`{base}`' if base else 'a new model with random weights'}, {run.parameters:,} parameters. "
        f"{f'Taught by `{teacher}` (distillation). ' if teacher else ''}"
        f"SHA-256 of the recipe: `{recipe_hash(given)}`.",
        "",
        "| key | value |",
        "| --- | --- |",
        *(f"| `{key}` | {_cell(value, key)} |" for key, value in given.items() if _is_told(key, task)),
        "",
        "## Versions",
        "",
        "Those that it was trained with; `requirements.txt` has those that it was read back with.",
        "",
        *(f"- {name} {version}" for name, version in job.versions.items()),
        "",
        "## Use",
        "",
        "As in `example.py`, after `pip install -r requirements.txt`:",
        "",
        "```python",
        *example.rstrip("\n").split("\n"),
        "```",
    ]
    return "\n".join(lines) + "\n"


def recipe_hash(given: Mapping[str, Any]) -> str:
    """The SHA-256 of a recipe as JSON with sorted keys, of its model the folder's name alone."""
    plain = {
        key: Path(str(value)).name if key in PLACES else value
        for key, value in given.items()
        if key not in RECIPE_SKIPPED
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def asked(task: Task, recipe: Recipe) -> tuple[str, tuple[str, ...]]:
    """What transformers calls such a model, and the lines that ask it."""
    other = task.otherwise(recipe)
    return (task.pipeline, task.usage) if other is None else (other.pipeline, other.usage)


def _metadata(
    pipeline: str,
    task: Task,
    kind: Format,
    papers: Papers,
    base: str,
    name: str,
    figures: Mapping[str, Mapping[str, float]],
) -> Iterator[str]:
    """YAML; texts stand in it as JSON, which YAML reads."""
    languages = [one.strip() for one in papers.language.split(",") if one.strip()]
    if papers.licence:
        yield f"license: {_yaml(papers.licence)}"
    if languages:
        yield "language:"
        yield from (f"- {_yaml(one)}" for one in languages)
    yield f"library_name: {LIBRARIES[kind.kind]}"
    yield f"pipeline_tag: {pipeline}"
    if base:
        yield f"base_model: {_yaml(base)}"
        if kind.kind == "adapter" or kind.precision:
            yield f"base_model_relation: {'adapter' if kind.kind == 'adapter' else 'quantized'}"
    yield "tags:"
    yield f"- {task.name.replace('_', '-')}"
    yield "- desktop-llm"
    measured = next((split for split in ("test", "validation") if figures.get(split)), None)
    if measured is None:
        return
    yield "model-index:"
    yield f"- name: {_yaml(name)}"
    yield "  results:"
    yield "  - task:"
    yield f"      type: {pipeline}"
    yield "    dataset:"
    yield "      name: the project's own rows"
    yield "      type: private"
    yield f"      split: {measured}"
    yield "    metrics:"
    for metric in task.metrics:
        value = figures[measured].get(metric.name)
        if value is not None:
            yield f"    - type: {metric.name}"
            yield f"      name: {_yaml(metric.title)}"
            yield f"      value: {value:.6g}"


def _yaml(text: str) -> str:
    plain = text.replace("-", "").replace(".", "").isalnum() and text.isascii() and text[:1].isalpha()
    known = text.casefold() in ("no", "yes", "on", "off", "true", "false", "null", "y", "n")
    return text if plain and not known else json.dumps(text, ensure_ascii=False)


def _split_words(told: object) -> str:
    counts = dict(told) if isinstance(told, dict) else {}
    words = [f"{counts.get(split, 0):,} {split}" for split in snapshot.SPLITS]
    if counts.get(snapshot.UNLABELED):
        words.append(f"{counts[snapshot.UNLABELED]:,} without a label, of which the teacher spoke")
    return ", ".join(words)


def _is_told(key: str, task: Task) -> bool:
    return key not in RECIPE_SKIPPED and recipes.OWN.get(key, "") in ("", *task.groups)


def _cell(value: object, key: str) -> str:
    if key in PLACES and value not in ("", SCRATCH):
        return f"`{Path(str(value)).name}`"
    return "automatic" if value is None else str(value).replace("|", "\\|")


Intervals = Mapping[str, Mapping[str, tuple[float, float]]]


def _intervals(project: Project, number: int, earlier_model: bool) -> Intervals:
    """By split and figure, where the run was measured with them; they are of its present model."""
    if earlier_model:
        return {}
    return {one.name: one.intervals for one in project.evaluations.all(number) if one.kind == SPLIT}


def _metric_table(task: Task, figures: Mapping[str, Mapping[str, float]], sure: Intervals) -> list[str]:
    splits = [split for split in ("validation", "test") if figures.get(split)]
    if not splits:
        return ["Not measured."]
    lines = ["| measure | " + " | ".join(splits) + " |", "| --- |" + " --- |" * len(splits)]
    for metric in task.metrics:
        told = [_figure(figures[split].get(metric.name), sure.get(split, {}).get(metric.name)) for split in splits]
        lines.append(f"| {metric.title} | " + " | ".join(told) + " |")
    if any(sure.get(split) for split in splits):
        lines += ["", "In brackets: 95 % intervals (bootstrap over the rows that were measured)."]
    return lines


def _figure(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if interval is None else f"{value:.4f} ({interval[0]:.4f} to {interval[1]:.4f})"
