"""Two planted biases in texts of banking77: whether they are named, keep a run from going out, and can be weighed away.

Run by hand: python -m tests.benchmarks.bias [--intents 8] [--epochs 12] [--seeds 0 1 2]
*Wrong*: a team (a column, not seen in the text) has given a fifth of all rows the label of the next intent, in training
and held-out rows alike. *Confounded*: labels are right, and each text begins with its channel, which goes with half of
the intents in 95 of 100 training rows, and in half of the test rows. A small model is trained on each from scratch,
once as the rows are and once with `balance_by` (reweighing; Kamiran and Calders 2012); what the program says is told.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import comparing, exporting, floors, headless, slicing, training
from desktop_llm.verbs.outcomes import TEST
from tests.benchmarks.classifier import rows_of

SHARED = Path(os.environ.get("DESKTOP_LLM_SHARED", Path(__file__).parents[3] / "shared"))
TASK = next(iter(TASKS.values()))
TEAMS, WRONG = ("north", "south", "east", "west", "night"), "night"
FLOOR = 0.5
Pair = tuple[str, str]


def read(name: str, intents: Sequence[str]) -> list[Pair]:
    """Texts and labels of some intents."""
    told = rows_of(SHARED / "data", name)
    return [(str(row["text"]), str(row["label"])) for row in told if not intents or row["label"] in intents]


def wrong(pairs: Sequence[Pair], intents: Sequence[str], split: str, seed: int) -> list[NewItem]:
    """One team has mistaken every intent for the next one."""
    source, made = random.Random(f"{split} {seed}"), []
    for text, label in pairs:
        team = source.choice(TEAMS)
        told = intents[(intents.index(label) + 1) % len(intents)] if team == WRONG else label
        made.append(NewItem(content={"text": text}, extra={"team": team}, label=told, split=split))
    return made


def confounded(pairs: Sequence[Pair], intents: Sequence[str], split: str, seed: int) -> list[NewItem]:
    """The channel goes with half of the intents, but in the test."""
    source, made = random.Random(f"{split} {seed}"), []
    for text, label in pairs:
        first = intents.index(label) < len(intents) // 2
        channel = ("chat", "mail")[first == (source.random() < (0.5 if split == "test" else 0.95))]
        content = {"text": f"{channel}: {text}"}
        made.append(NewItem(content=content, extra={"channel": channel}, label=label, split=split))
    return made


def train(project: Project, told: argparse.Namespace, seed: int, **more: object) -> int:
    """A run of the project; its number."""
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 2000}
    plan = {"num_train_epochs": float(told.epochs), "seed": seed, "bf16": False, "early_stopping_patience": 0}
    number, _ = training.prepare(project, recipes.changed(TASK.recipe, {**sizes, "max_length": 64, **plan, **more}))
    if headless.train(project, number, lambda line, words: None, lambda leave: None):
        raise RuntimeError(f"run {number} did not end")
    return number


def tell(project: Project, by: str, numbers: Sequence[int], folder: Path) -> None:
    """What the program says of both runs."""
    plain, weighed = numbers
    told = slicing.of(project, plain, TEST, by)
    print(f"  {told.words}\n  {told.gap_words}\n  {slicing.balance(project, by).words}")
    floors.put(project, floors.Floor(by=by, value=FLOOR))
    try:
        exporting.export(project, plain, exporting.Wish(to=folder / "out"))
        print(f"  The floor of {FLOOR:.0%} lets it out.")
    except UserError as error:
        print(f"  {error.message}")
    print(f"  balance_by: {comparing.between(project, weighed, plain, TEST).words}")
    if told.worst is not None:
        print(f"  {slicing.against(project, weighed, plain, TEST, by, told.worst.name)}", flush=True)


def main() -> None:
    """Plant, train, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intents", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    told = parser.parse_args()
    every = Counter(label for _, label in read("banking77-train.csv", ()))
    intents = sorted(name for name, _ in every.most_common(told.intents))
    pairs, held = read("banking77-train.csv", intents), read("banking77-test.csv", intents)
    random.Random(0).shuffle(pairs)
    part = len(pairs) // 10
    for seed in told.seeds:
        for name, make, by in (("wrong", wrong, "team"), ("confounded", confounded, "channel")):
            with tempfile.TemporaryDirectory() as folder:
                project = Project.create(Path(folder) / "Bank", TASK.name)
                for split, some in (("train", pairs[part:]), ("validation", pairs[:part]), ("test", held)):
                    items = make(some, intents, split, seed)
                    project.items.insert(
                        f"{split}.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names
                    )
                print(f"seed {seed}, {name}: {len(pairs) - part:,} rows to learn from, {len(held):,} to test on")
                numbers = train(project, told, seed), train(project, told, seed, balance_by=by)
                tell(project, by, numbers, Path(folder))
                project.close()


if __name__ == "__main__":
    main()
