"""A project of a million rows or more: opened, scrolled, searched, and labeled while an import runs and a model trains.

Run by hand: python -m tests.benchmarks.scale [--rows 1000000] [--keep FOLDER]
Prints milliseconds: the median and the slowest of many for what is done often, with what is wanted beside it. The
project has one row in two labeled, and predictions of a run on 200,000 of the others. `--keep` uses a project that is
there already, or leaves it there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from desktop_llm.child import Child
from desktop_llm.engine import worker
from desktop_llm.jobs import events
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project, is_project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, training
from tests.benchmarks.importing import write

TASK = TASKS["text_classification"]
PREDICTED = 200_000
UNLABELED = "unlabeled rows.csv"


def make(folder: Path, rows: int) -> None:
    """A project with so many rows, half of them without a label, its search index filled."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as files, closing(Project.create(folder, TASK.name)) as project:
        for place, mapping in enumerate(({"text": "text", "label": "label"}, {"text": "text"})):
            file = Path(files) / ("rows.csv", UNLABELED)[place]
            write(file, rows // 2, "csv", seed=place)
            began = time.perf_counter()
            importing.run(project, importing.plan(TASK, file, mapping=mapping))
            say("imported", f"{rows // 2:,} rows in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        project.search.catch_up()
        size = (folder / "search.db").stat().st_size / 1e6
        say("search index", f"filled in {time.perf_counter() - began:.0f} s, {size:,.0f} MB")
        number = project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
        draw = random.Random(1)
        first = rows // 2 + 1
        for start in range(first, first + min(PREDICTED, rows // 2), 1000):
            project.predictions.write(
                number,
                [
                    (item, Prediction(label="label 1", probability=0.5, uncertainty=draw.random()))
                    for item in range(start, start + 1000)
                ],
            )
        project.predictions.rebuild_uncertainty(number)


def say(name: str, words: str) -> None:
    """One line of the table."""
    sys.stdout.write(f"{name:44} {words}\n")
    sys.stdout.flush()


def measured(name: str, wanted: float, works: list[Callable[[], object]]) -> None:
    """Milliseconds of each of the works, done once."""
    took = []
    for work in works:
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    say(name, f"median {statistics.median(took):8.2f} ms, slowest {max(took):8.2f} ms (wanted: {wanted:g})")


def read(folder: Path) -> None:
    """What a person does who looks at the rows."""
    began = time.perf_counter()
    project = Project.open(folder)
    say("open the project", f"{1000 * (time.perf_counter() - began):.1f} ms (wanted: 500)")
    with closing(project):
        items, draw = project.items, random.Random(2)
        began = time.perf_counter()
        places = items.places(Filter())
        say("count and lay out all rows", f"{1000 * (time.perf_counter() - began):.0f} ms, {places.count:,} rows")
        jumps = [places.at(draw.randrange(places.count)) for _ in range(100)]
        measured("scroll to anywhere", 50, [partial(items.page, Filter(), at[0], 200, at[1]) for at in jumps])
        waiting = items.places(Filter(show="unlabeled"))
        jumps = [waiting.at(draw.randrange(waiting.count)) for _ in range(100)]
        told = Filter(show="unlabeled")
        measured("scroll among unlabeled rows", 50, [partial(items.page, told, at[0], 200, at[1]) for at in jumps])
        measured("first uncertain rows", 5, [lambda: items.queue(told, "uncertain", None, 1)] * 100)
        queue = items.queue(told, "uncertain", None, 100)
        measured("next uncertain row", 5, [partial(items.queue, told, "uncertain", at.id, 1) for at in queue])
        texts = [
            items.page(Filter(), places.at(draw.randrange(places.count))[0], 1)[0].content["text"] for _ in range(60)
        ]
        words = [text.split() for text in texts]
        for name, asked in (
            ("search: one word", [told[1] for told in words]),
            ("search: three words in a row", [" ".join(told[2:5]) for told in words]),
            ("search: what is nowhere", [f"{told[3]}qqq" for told in words]),
            ("search: two letters", [told[1][:2] for told in words]),
        ):
            measured(name, 50, [partial(items.page, Filter(text=text), 0, 200) for text in asked])
        word = words[0][1]
        began = time.perf_counter()
        count = items.count(Filter(text=word))
        say("search: count all that have a word", f"{1000 * (time.perf_counter() - began):.0f} ms, {count:,} rows")


def busy(folder: Path, scratch: Path) -> None:
    """Labels while an import runs and a model trains."""
    small = scratch / "small"
    with closing(Project.create(small, TASK.name)) as project:
        file = scratch / "small.csv"
        write(file, 20_000, "csv", seed=7)
        importing.run(project, importing.plan(TASK, file, mapping={"text": "text", "label": "label"}))
        recipe = replace(training.default_recipe(TASK, SCRATCH, 20_000), num_train_epochs=50)
        _, run = training.prepare(project, recipe)
    write(scratch / "more.csv", 500_000, "csv", seed=8)
    child = Child(worker.train, str(run.path), name="desktop-llm-train")  # as the window starts it
    try:
        while not any(isinstance(events.from_line(line), events.StepDone) for line in child.wait(1)):
            assert not child.ended
        with closing(Project.open(folder)) as project:
            waiting = [item.id for item in project.items.page(Filter(show="unlabeled"), 0, 2000)]
            plan = importing.plan(TASK, scratch / "more.csv", mapping={"text": "text", "label": "label"})
            thread = threading.Thread(target=importing.run, args=(project, plan))
            began = time.perf_counter()
            thread.start()
            took = []
            for item in waiting:
                at = time.perf_counter()
                project.labels.set(item, 1)
                took.append(1000 * (time.perf_counter() - at))
                time.sleep(0.02)
                if not thread.is_alive():
                    break
            thread.join()
            seconds = time.perf_counter() - began
            took.sort()
            p99 = took[min(len(took) - 1, round(0.99 * len(took)))]
            words = f"median {statistics.median(took):.2f} ms, p99 {p99:.2f} ms, slowest {took[-1]:.2f} ms (wanted: 10)"
            say("a label, with import and training", f"{words}; {len(took):,} labels, import {seconds:.1f} s")
    finally:
        child.kill()
        child.close()


def main() -> None:
    """Make the project where it is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only-labels", action="store_true", help="leave out what is only read")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = told.keep or Path(scratch) / "project"
        if not is_project(folder):
            make(folder, told.rows)
        if not told.only_labels:
            read(folder)
        busy(folder, Path(scratch))


if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()
