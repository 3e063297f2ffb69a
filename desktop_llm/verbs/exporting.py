"""Hand a finished model to others: the Hugging Face folder with its model card."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import earlier, floors, personal
from desktop_llm.verbs.evaluating import finished_folder

FORMATS = {"huggingface": "Hugging Face folder (safetensors, config with label names, tokenizer, model card)"}
CARD_RECIPE_SKIPPED = {"device"}


def export(project: Project, number: int, format_name: str, to: Path) -> float:
    """Write run `number` to the new folder `to`; returns the largest difference found on reading it back."""
    if format_name not in FORMATS:
        raise UserError(f"There is no export format “{format_name}”; choose one of {', '.join(FORMATS)}.")
    folder = finished_folder(project, number)
    personal.must_be_reviewed(project, number)
    floors.must_hold(project, number)
    text = card(project, number)
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine.export import huggingface

    return huggingface(folder, to.expanduser(), text)


def export_from(path: Path, number: int, format_name: str, to: Path) -> float:
    """`export` for another process: opens the project in `path` by itself."""
    with closing(Project.open(path)) as project:
        return export(project, number, format_name, to)


def card(project: Project, number: int) -> str:
    """The model card in Markdown with Hugging Face metadata: data, recipe, metrics, versions. Raises UserError."""
    run, job = project.runs.get(number), project.runs.folder(number).job()
    task = task_named(project.task)
    classes = list(job.schema.get("classes", ()))
    before = earlier.of(project, number)
    given = recipes.to_json(job.recipe if before is None else before.recipe)
    model = "a new model with random weights" if job.recipe.model == SCRATCH else f"`{run.model_title}`"
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {_asked(task, job.recipe)[0]}",
        "tags:",
        f"- {task.name.replace('_', '-')}",
        "---",
        "",
        f"# {project.name}, run {number}",
        "",
        f"{task.title}: {task.description} Trained with desktop_llm {job.versions.get('desktop_llm', '')} "
        f"on {job.created[:10]}.",
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
        *_metric_table(task, run.metrics if before is None else before.metrics),
        "",
        "## Recipe",
        "",
        f"Started from {model}, {run.parameters:,} parameters.",
        "",
        "| key | value |",
        "| --- | --- |",
        *(f"| `{key}` | {_cell(value, key)} |" for key, value in given.items() if _is_told(key, task)),
        "",
        "## Versions",
        "",
        *(f"- {name} {version}" for name, version in job.versions.items()),
        "",
        "## Use",
        "",
        *_example(task, job.recipe),
    ]
    return "\n".join(lines) + "\n"


def _split_words(told: object) -> str:
    counts = dict(told) if isinstance(told, dict) else {}
    return ", ".join(f"{counts.get(split, 0):,} {split}" for split in ("train", "validation", "test"))


def _is_told(key: str, task: Task) -> bool:
    return key not in CARD_RECIPE_SKIPPED and recipes.OWN.get(key, "") in ("", *task.groups)


def _cell(value: object, key: str) -> str:
    if key == "model" and value != SCRATCH:
        return f"`{Path(str(value)).name}`"  # the folder's place on the maker's disk is nobody's business
    return "automatic" if value is None else str(value).replace("|", "\\|")


def _metric_table(task: Task, figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    splits = [split for split in ("validation", "test") if figures.get(split)]
    if not splits:
        return ["Not measured."]
    lines = ["| measure | " + " | ".join(splits) + " |", "| --- |" + " --- |" * len(splits)]
    for metric in task.metrics:
        values = [figures[split].get(metric.name) for split in splits]
        told = ["–" if value is None else f"{value:.4f}" for value in values]
        lines.append(f"| {metric.title} | " + " | ".join(told) + " |")
    return lines


def _asked(task: Task, recipe: Recipe) -> tuple[str, tuple[str, ...]]:
    """What transformers calls such a model, and the lines that ask it."""
    other = task.otherwise(recipe)
    return (task.pipeline, task.usage) if other is None else (other.pipeline, other.usage)


def _example(task: Task, recipe: Recipe) -> list[str]:
    if task.auto_model:
        return [
            "```python",
            f"from transformers import {task.auto_model}, AutoTokenizer",
            "",
            f'model = {task.auto_model}.from_pretrained("path/to/this/folder")',
            'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")',
            *task.usage,
            "```",
        ]
    pipeline, usage = _asked(task, recipe)
    return [
        "```python",
        "from transformers import pipeline",
        "",
        f'model = pipeline("{pipeline}", model="path/to/this/folder")',
        *usage,
        "```",
    ]
