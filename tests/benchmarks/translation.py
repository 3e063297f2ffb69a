"""How well a small Transformer from scratch translates, against copying, a word table and a phrase table.

Run by hand: python -m tests.benchmarks.translation multi30k-en-de.tsv [--set num_train_epochs=20 …]
The file has the columns source and target. A tenth of the lines is held out, a tenth decides which model is the best.
Tables are made of the training part alone: words by IBM model 1 (Brown et al. 1993), phrases of up to four words that
these alignments keep together (Koehn et al. 2003), the longest that occur twice taken from left to right. All are
measured by sacrebleu on all held-out lines; signature, seconds and samples are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ.setdefault("DESKTOP_LLM_HOME", tempfile.mkdtemp(prefix="desktop_llm-bench-"))

from sacrebleu.metrics import BLEU, CHRF

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, importing, training

TASK = "rewriting"
ROUNDS = 5
LONGEST = 4
SHOWN = 5
Sentence = list[str]


def parts(text: str) -> Sentence:
    """Words and signs."""
    return re.findall(r"\w+|[^\w\s]", text)


def joined(words: Sequence[str]) -> str:
    """A text of words and signs."""
    told = re.sub(r"\s+([.,!?;:])", r"\1", " ".join(words))
    return told[:1].upper() + told[1:]


class Tables:
    """What becomes of words and phrases, by the sentences of the training part."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        """Count and align."""
        pairs = [(parts(row["source"].lower()), parts(row["label"])) for row in rows]
        self._chances = _aligned(pairs)
        self._words: dict[str, tuple[str, float]] = {}
        for (made, given), chance in self._chances.items():
            if chance > self._words.get(given, ("", 0.0))[1]:
                self._words[given] = (made, chance)
        phrases: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for given, made in pairs:
            self._collect(given, made, phrases)
        self._phrases = {key: counts.most_common(1)[0] for key, counts in phrases.items()}

    def by_words(self, text: str) -> str:
        """Word by word."""
        return joined([self._words.get(word, (word, 0.0))[0] for word in parts(text.lower())])

    def by_phrases(self, text: str) -> str:
        """The longest known phrases from left to right."""
        words, told, at = parts(text.lower()), [], 0
        while at < len(words):
            size = next((size for size in range(LONGEST, 0, -1) if self._known(words[at : at + size], size)), 0)
            told.append(self._phrases[tuple(words[at : at + size])][0] if size else words[at])
            at += max(1, size)
        return joined(told)

    def _known(self, words: Sentence, size: int) -> bool:
        found = self._phrases.get(tuple(words)) if len(words) == size else None
        return found is not None and (size == 1 or found[1] >= 2)

    def _collect(self, given: Sentence, made: Sentence, phrases: dict[tuple[str, ...], Counter[str]]) -> None:
        """Phrases whose words are aligned with each other alone."""
        aligned = [max(range(len(given)), key=lambda at: self._chances.get((word, given[at]), 0.0)) for word in made]
        for start in range(len(given)):
            for end in range(start + 1, min(start + LONGEST, len(given)) + 1):
                places = [place for place, at in enumerate(aligned) if start <= at < end]
                if places and all(start <= at < end for at in aligned[places[0] : places[-1] + 1]):
                    phrases[tuple(given[start:end])][" ".join(made[places[0] : places[-1] + 1])] += 1


def _aligned(pairs: Sequence[tuple[Sentence, Sentence]]) -> dict[tuple[str, str], float]:
    """The chance that a word (the second) becomes another (the first)."""
    chances: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(ROUNDS):
        counts: dict[tuple[str, str], float] = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        for given, made in pairs:
            for word in made:
                whole = sum(chances[word, one] for one in given)
                for one in given:
                    share = chances[word, one] / whole
                    counts[word, one] += share
                    totals[one] += share
        chances = defaultdict(float, {pair: count / totals[pair[1]] for pair, count in counts.items()})
    return chances


def trained(folder: Path, file: Path, values: dict[str, Any]) -> RunFolder:
    """A finished run on the file's lines."""
    with closing(Project.create(folder, TASK, "Translation")) as project:
        importing.run(project, importing.plan(TASKS[TASK], file))
        number, run = training.prepare(project, recipes.changed(TASKS[TASK].recipe, values))
        began = time.monotonic()
        code = headless.train(project, number, lambda _, words: print(words, file=sys.stderr), lambda leave: None)
        print(json.dumps({"seconds": round(time.monotonic() - began), "exit": code}))
        return run


def main() -> None:
    """Train, write, measure, tell."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("file", type=Path)
    asked.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    told = asked.parse_args()
    values = {key: recipes.parse_value(key, value) for key, value in (one.split("=", 1) for one in told.set)}
    with tempfile.TemporaryDirectory(prefix="desktop_llm-bench-") as place:
        run = trained(Path(place) / "project", told.file, values)
        rows = {split: list(snapshot.rows(run.snapshot, split)) for split in ("train", "test")}
        from desktop_llm.engine.predict import Predictor

        predictor = Predictor(run.model)
        size = sum(one.numel() for one in predictor.learner.model.parameters())
        print(json.dumps({"train": len(rows["train"]), "held out": len(rows["test"]), "parameters": size}))
        began = time.monotonic()
        sources = [str(row["source"]) for row in rows["test"]]
        written = [str(one.label) for one in predictor.predict([{"source": source} for source in sources])]
        print(json.dumps({"lines a second": round(len(sources) / (time.monotonic() - began), 1)}))
        tables = Tables(rows["train"])  # type: ignore[arg-type]
        ways: dict[str, Callable[[], list[str]]] = {
            "copied": lambda: sources,
            "by words": lambda: [tables.by_words(one) for one in sources],
            "by phrases": lambda: [tables.by_phrases(one) for one in sources],
            "by the model": lambda: written,
        }
        wanted = [str(row["label"]) for row in rows["test"]]
        for name, made in ways.items():
            bleu, chrf = BLEU(), CHRF()
            figures = {
                "bleu": bleu.corpus_score(made(), [wanted]).score,
                "chrf": chrf.corpus_score(made(), [wanted]).score,
            }
            print(json.dumps({"way": name, **{key: round(value, 2) for key, value in figures.items()}}))
        print(json.dumps({"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}))
        for source, one, other in list(zip(sources, wanted, written, strict=True))[:SHOWN]:
            print(json.dumps({"source": source, "wanted": one, "written": other}, ensure_ascii=False))


if __name__ == "__main__":
    main()
