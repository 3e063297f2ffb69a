"""Runs that wait for their turn: made now, with the rows and labels of now, and trained one after the other."""

from __future__ import annotations

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.store.runs import QUEUED
from desktop_llm.verbs import deleting, training


def add(project: Project, recipe: Recipe) -> int:
    """Make a run that waits; its number. Raises UserError with what is missing, as for one that starts at once."""
    number, _ = training.prepare(project, recipe)
    project.runs.enqueue(number)
    return number


def remove(project: Project, number: int) -> Changes:
    """Take a waiting run away, its folder too. Raises UserError where it has begun."""
    run = project.runs.get(number)
    run.must_be_here()
    if run.state != QUEUED:
        raise UserError(f"Run {number} has begun (it is {run.state}); only a run that waits can be taken away.")
    return deleting.delete(project, number, waiting=True)
