"""The model in the loop of a project: refit and suggest, look for mistakes, look ahead.

Slow, so only for the loop's own process and for commands. It reads; what it finds is written by `loop_results`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.errors import UserError
from desktop_llm.loop import curve, features, folds, mistakes, vectors
from desktop_llm.loop import refit as refits
from desktop_llm.loop.curve import Advice
from desktop_llm.loop.pool import Pool
from desktop_llm.loop.refit import Memory
from desktop_llm.rows import Guess
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import embedding, loop_rows
from desktop_llm.verbs.loop_results import Doubt, Mistakes, Suggested, Wanted
from desktop_llm.verbs.loop_rows import Known

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

TOP = 5
EACH_REFIT = 2000
"""Rows whose order and guess are written by a refit in the window; the next one comes after twenty labels."""
DOUBTED_SHARE = 0.05
LEAST_DOUBTED = 50
LEAST_OF_CLASS = 5
"""With fewer labels a class is not known well enough to say that one of them is wrong."""


class Looping:
    """What is kept between two refits of one project with one encoder."""

    def __init__(self, project: Project, encoder: Path | None) -> None:
        """`encoder` None for the words of the texts. Nothing is read before the first refit. Raises UserError."""
        self._project, self._encoder = project, encoder
        self._rules = loop_rows.loop_of(project)
        self._pool: Pool | None = None
        self._place: dict[int, int] = {}
        self._memory = Memory()
        self._missing = 0
        self._said: dict[int, tuple[str, ...]] = {}

    def forget(self) -> None:
        """Rows have come, gone or changed, or more of them have vectors: look at them anew."""
        self._pool = None

    def suggest(
        self, wanted: Wanted = "uncertain", *, batch: int = 20, seed: int = 0, most: int | None = None
    ) -> Suggested:
        """Learn from the labels that there are now, and guess and order the rows that wait, `most` of them."""
        began = time.perf_counter()
        known = self._known()
        pool = self._rows(known)
        asked = [set(self._said.get(row.item, ())) == set(row.classes) for row in known if row.item in self._said]
        at = np.array([self._place[row.item] for row in known], dtype=np.int64)
        turn = refits.refit(
            pool,
            at,
            [row.classes for row in known],
            many=self._rules.many,
            wanted=wanted,
            batch=batch,
            seed=seed,
            memory=self._memory,
            total_classes=len(self._project.classes.names()),
        )
        self._memory = turn.memory
        ids = np.fromiter(self._place, dtype=np.int64, count=len(self._place))
        still = set(self._project.suggestions.waiting())
        order = [int(item) for item in ids[turn.order] if int(item) in still]
        shown = self._shown(order, most)
        self._said = self._classes_of(turn, shown)
        return Suggested(
            labels=len(known),
            guesses=self._guesses(turn, shown),
            asked=len(asked),
            agreed=sum(asked),
            order=tuple(order[:most]),
            accuracy=turn.accuracy,
            seconds=time.perf_counter() - began,
            encoder=self._encoder.name if self._encoder is not None else "",
            missing=self._missing,
        )

    def mistakes(self) -> Mistakes:
        """Find labels that the other labels contradict. Raises UserError when there are too few."""
        known = self._known()
        pool = self._rows(known)
        counts = Counter(name for row in known for name in row.classes)
        classes = tuple(sorted(name for name, count in counts.items() if count >= LEAST_OF_CLASS))
        counted = set(classes)
        # of several classes the others can still be judged
        known = [row for row in known if self._rules.many or counted.issuperset(row.classes)]
        if len(known) < 2 * folds.FOLDS or len(classes) < (1 if self._rules.many else 2):
            raise UserError(
                "There are too few labels to find mistakes among; give each of several labels to at least"
                f" {LEAST_OF_CLASS} texts first."
            )
        at = np.array([self._place[row.item] for row in known], dtype=np.int64)
        targets = refits.one_hot([tuple(counted.intersection(row.classes)) for row in known], classes)
        held = folds.out_of_fold(pool.x[at], targets, many=self._rules.many)
        found = mistakes.doubted(held, targets, many=self._rules.many)
        checked = set(self._project.doubts.marked("checked"))
        front = max(found.likely, LEAST_DOUBTED, round(DOUBTED_SHARE * len(known)))
        places = [place for place in found.order[:front].tolist() if known[place].item not in checked]
        return Mistakes(
            labels=len(known),
            likely=found.likely,
            left_out=len(counts) - len(classes),
            doubts=tuple(
                Doubt(
                    item=known[place].item,
                    text=known[place].text,
                    label=", ".join(known[place].classes),
                    instead=classes[found.instead[place]],
                    sure=float(found.sure[place]),
                )
                for place in places
            ),
            guesses=self._named(
                [known[place].item for place in places], held[places], classes, 1.0 - found.sure[places]
            ),
        )

    def advise(self, more: int, on_progress: Callable[[float], None] = lambda fraction: None) -> Advice:
        """What `more` labels would bring. Raises UserError when there are too few labels to say."""
        known = self._known()
        pool = self._rows(known)
        classes = tuple(sorted({name for row in known for name in row.classes}))
        at = np.array([self._place[row.item] for row in known], dtype=np.int64)
        targets = refits.one_hot([row.classes for row in known], classes)
        told = curve.advise(pool.x[at], targets, classes, more, many=self._rules.many, on_progress=on_progress)
        if told is None:
            raise UserError(
                f"There are too few labels to look ahead: {len(known):,} of {curve.LEAST:,}, of at least two classes."
            )
        return told

    # the rows

    def _known(self) -> list[Known]:
        """Labeled rows that are in the pool, or all when there is none yet."""
        known = loop_rows.known(self._project)
        if self._pool is not None and any(row.item not in self._place for row in known):
            self._pool = None  # rows were labeled elsewhere: imported, or by hand beyond what was looked at
        if self._pool is None:
            self._fill(known)
        return [row for row in known if row.item in self._place]

    def _rows(self, known: list[Known]) -> Pool:
        if self._pool is None:
            self._fill(known)
        assert self._pool is not None
        return self._pool

    def _fill(self, known: list[Known]) -> None:
        told = {row.item: row.text for row in known}
        told |= loop_rows.texts(self._project, loop_rows.waiting(self._project))
        if not told:
            raise UserError("The project has no texts yet; import some first.")
        ids, texts = list(told), list(told.values())
        self._missing = 0
        if self._encoder is None:
            raw = features.of_texts(texts)
        else:
            raw, there = embedding.kept(self._project, self._encoder).get(vectors.keys_of(texts))
            self._missing = int((~there).sum())
            ids = [item for item, has in zip(ids, there, strict=True) if has]
            if not ids:
                raise UserError("The encoder has not read any text yet; let it do so first.")
        self._place = {item: place for place, item in enumerate(ids)}
        self._pool = Pool(raw)
        if self._memory.head is not None and self._memory.head.weights.shape[1] != self._pool.x.shape[1] + 1:
            self._memory = Memory()

    def _shown(self, order: list[int], most: int | None) -> list[int]:
        """The rows that get a guess: those that come next in either order."""
        if most is None:
            return order
        return list(dict.fromkeys([*order[:most], *sorted(order)[: loop_rows.NEXT]]))

    # guesses

    def _classes_of(self, turn: refits.Turn, items: list[int]) -> dict[int, tuple[str, ...]]:
        """What the guesses are, by classes."""
        if turn.probabilities is None or not items:
            return {}
        made = turn.probabilities[[self._place[item] for item in items]]
        if self._rules.many:
            return {
                item: tuple(name for name, one in zip(turn.classes, row, strict=True) if one >= 0.5)
                for item, row in zip(items, made, strict=True)
            }
        return {item: (turn.classes[place],) for item, place in zip(items, made.argmax(axis=1), strict=True)}

    def _guesses(self, turn: refits.Turn, items: list[int]) -> tuple[Guess, ...]:
        if turn.probabilities is None or not items:
            return ()
        at = [self._place[item] for item in items]
        return self._named(items, turn.probabilities[at], turn.classes, turn.doubts[at])

    def _named(
        self, items: list[int], made: np.ndarray, classes: tuple[str, ...], doubts: np.ndarray
    ) -> tuple[Guess, ...]:
        """Guesses from probabilities float32 [n, k] of rows, labels by class id."""
        labels, many = task_named(self._project.task).labels, self._rules.many
        numbers = {name: number for number, name in self._project.classes.names().items()}
        ids = [numbers[name] for name in classes]
        best = np.argsort(-made, axis=1, kind="stable")[:, :TOP]
        likeliest = np.take_along_axis(made, best, axis=1).tolist()
        whole = np.exp(np.log(np.maximum(made, 1.0 - made)).sum(axis=1)) if many else made.max(axis=1, initial=0.0)
        return tuple(
            Guess(
                item=item,
                value=labels.to_value(
                    self._rules.named(
                        tuple(classes[place] for place, one in zip(places, chances, strict=True) if one >= 0.5)
                        if many
                        else (classes[places[0]],)
                    ),
                    numbers,
                ),
                probability=sure,
                uncertainty=min(1.0, max(0.0, doubt)),
                top=tuple((ids[place], one) for place, one in zip(places, chances, strict=True)),
            )
            for item, places, chances, sure, doubt in zip(
                items, best.tolist(), likeliest, whole.tolist(), doubts.tolist(), strict=True
            )
        )
