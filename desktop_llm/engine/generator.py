"""A finished model that writes: loaded once, asked often, heard token by token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from desktop_llm.engine import device as devices
from desktop_llm.engine import predict
from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Ending, Piece, Reason, Sampling
from desktop_llm.jobs.model_note import task_of
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import attention, model_folder, token_words, writing
from desktop_llm.nets.learner import Filling, Foretelling, Reading, Row, Writing
from desktop_llm.tasks import task as task_named

TOP = 5
"""How many of the likeliest tokens are told of each place."""


class Generator:
    """A model folder ready to write."""

    def __init__(self, folder: Path, task: str = "") -> None:
        """Load it; `task` names the task of a folder that no run has written. Raises UserError."""
        self.folder = folder
        self._stamp = predict.stamp(folder)
        self.task = task_named(task or task_of(folder))
        device = devices.choose(Recipe(bf16=False))
        model_folder.check_whole(folder)
        with devices.memory_sentences():
            learner = self.task.open_learn().load(folder)
            device.take(learner.model)
        if not isinstance(learner, Writing | Filling):
            raise UserError(f"Models of the kind “{self.task.title}” do not write texts.")
        self._learner: Any = learner
        model: Any = learner.model
        self._model: PreTrainedModel = model
        self._model.train(False)
        if isinstance(learner, Writing):
            attention.use_plain(self._model)

    def is_of(self, folder: Path) -> bool:
        """Whether this is the model in `folder`, as it is on disk now."""
        return folder == self.folder and predict.stamp(folder) == self._stamp

    def write(
        self, row: Row, told: Sampling, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Piece | Ending]:
        """Go on from a row, or fill its gaps: pieces as they are sure, the ending last. Raises UserError."""
        began = time.perf_counter()
        if isinstance(self._learner, Filling):
            yield from self._filled(self._learner, row)
            return
        opening, given = self._learner.opening(row, told.max_new_tokens), self._given(row)
        reader = token_words.Reader(self._learner.tokenizer, opening)
        gate = _Gate(told.stops)
        reason: Reason = "length"
        first, count = began if told.num_beams > 1 else 0.0, 0  # what beams find comes at once, after all the work
        with devices.memory_sentences():
            for token, logits in self._choices(opening, given, told, should_stop):
                first = first or time.perf_counter()
                if should_stop():
                    reason = "cancelled"
                    break
                if token in self._learner.ends:
                    reason = "end"
                    break
                count += 1
                yield from gate.take(self._piece(reader.read(token), token, logits))
                if gate.closed:
                    reason = "stop"
                    break
                if count >= told.max_new_tokens:
                    break
                if len(opening) + count >= self._learner.context:
                    reason = "context"
                    break
        if not gate.closed:
            yield from gate.rest()
        now = time.perf_counter()
        yield Ending(
            reason=reason,
            tokens=count,
            seconds=now - (first or now),
            prompt=len(given) or len(opening),
            before=(first or now) - began,
        )

    def look(self, row: Row, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Piece | Ending]:
        """How a text that is there is foretold: pieces as they are read, with their chances. Raises UserError."""
        began = time.perf_counter()
        if not isinstance(self._learner, Foretelling):
            raise UserError(f"Models of the kind “{self.task.title}” are not asked about the tokens of a text.")
        reason: Reason = "end"
        count = 0
        with devices.memory_sentences():
            for piece, tokens in self._learner.foretold(row):
                count += tokens
                yield piece
                if should_stop():
                    reason = "cancelled"
                    break
        yield Ending(reason=reason, tokens=count, seconds=time.perf_counter() - began, prompt=0, before=0.0)

    def _filled(self, learner: Filling, row: Row) -> Iterator[Piece | Ending]:
        began = time.perf_counter()
        with devices.memory_sentences():
            pieces = learner.filled(row)
        yield from pieces
        count = sum(bool(one.top) for one in pieces)
        yield Ending(reason="end", tokens=count, seconds=time.perf_counter() - began, prompt=0, before=0.0)

    def _given(self, row: Row) -> list[int]:
        """What an encoder reads of a row."""
        return self._learner.given(row) if isinstance(self._learner, Reading) else []

    def _choices(
        self, opening: list[int], given: list[int], told: Sampling, should_stop: Callable[[], bool]
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Tokens with the logits at their places, as somebody wants them chosen."""
        if told.num_beams == 1:
            return writing.choices(self._model, opening, told, given)
        most = max(1, min(told.max_new_tokens, self._learner.context - len(opening)))
        return writing.best(self._model, opening, told, given, sorted(self._learner.ends), most, should_stop)

    def _piece(self, text: str, token: int, logits: torch.Tensor) -> Piece:
        with torch.inference_mode():
            chances = torch.softmax(logits, dim=-1)
            likeliest = torch.topk(chances, min(TOP, len(chances)))
        told = dict(zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True))
        words = self._words([*told])
        return Piece(
            text=text,
            probability=float(chances[token]),
            top=tuple((words[one], chance) for one, chance in told.items()),
        )

    def _words(self, ids: Sequence[int]) -> dict[int, str]:
        ends = self._learner.ends
        told = token_words.words_of(self._learner.tokenizer, ids, min(ends))
        return {one: "⟨end⟩" if one in ends else word for one, word in told.items()}


class _Gate:
    """Holds pieces back while they may be the beginning of a text to stop at."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held: list[Piece] = []
        self.closed = False

    def take(self, piece: Piece) -> Iterator[Piece]:
        """What is sure, with one more piece."""
        self._held.append(piece)
        text = "".join(one.text for one in self._held)
        found = [place for place in (text.find(stop) for stop in self._stops) if place >= 0]
        if found:
            self.closed = True
            yield from self._until(min(found))
            return
        sure = len(text) - max((_overlap(text, stop) for stop in self._stops), default=0)
        yield from self._until(sure, whole=True)

    def rest(self) -> Iterator[Piece]:
        """All that is held."""
        yield from self._held
        self._held = []

    def _until(self, end: int, *, whole: bool = False) -> Iterator[Piece]:
        """The held pieces up to a place in their text; `whole`: none is cut, those behind stay held."""
        while self._held:
            piece = self._held[0]
            if len(piece.text) > end:
                if not whole and end:
                    yield Piece(text=piece.text[:end], probability=piece.probability, top=piece.top)
                return
            end -= len(piece.text)
            yield self._held.pop(0)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text may be the beginning of `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
