"""A smaller model made of a finished one, in a folder of its own, for a run to start from: layers and tokens left out.

Which layers go is said by their places (evenly), or measured: again and again the one goes without which the loss on
held-out rows is least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm import atomic
from desktop_llm.engine import evaluate
from desktop_llm.engine.device import Device, choose
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.optimizers import count
from desktop_llm.engine.spread import Spread
from desktop_llm.errors import UserError
from desktop_llm.jobs.model_note import NOTE
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import fewer_layers, fewer_tokens, model_folder, narrower
from desktop_llm.nets.learner import Learner, Naming, Row
from desktop_llm.tasks import task as task_named

BATCH = 64
SAMPLE = 200
"""Texts that are read by both tokenizers to see that they read alike."""
Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How many layers stay (None: all), whether they are chosen by what is `measured` without each, and whether only
    the tokens stay that texts use (`tokens`). `heads` and `inner` neurons of each layer stay that say most on held-out
    rows (None: all)."""

    layers: int | None = None
    heads: int | None = None
    inner: int | None = None
    measured: bool = False
    tokens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What came of it: parameters, and the layers (by their places) and number of tokens that stayed; whether it has to
    be `trained_again` before it is of use."""

    folder: Path
    parameters: int
    parameters_before: int
    layers: tuple[int, ...]
    layers_before: int
    tokens: int
    tokens_before: int
    trained_again: bool = True
    losses: tuple[float, ...] = field(default=())
    """Where layers were measured: the loss on held-out rows with all of them, and after each one that went."""


def shrink(
    source: Path,
    task: str,
    cut: Cut,
    to: Path,
    *,
    texts: Callable[[], Iterable[Row]],
    held_out: Sequence[Row],
    report: Report = lambda part, doing: None,
) -> Shrunk:
    """Make the folder `to` of the model in `source`. `texts` are the rows whose tokens stay. Raises UserError."""
    model_folder.quiet()
    model_folder.check_whole(source)
    report(0.0, "Loading the model")
    learner = task_named(task).open_learn().load(source) if (source / NOTE).is_file() else None
    model, tokenizer = _model(source, learner), model_folder.tokenizer(source)
    whole, layers_before = count(model), int(model.config.num_hidden_layers)
    tokens_before = int(model.config.get_text_config().vocab_size)
    kept: tuple[int, ...] = tuple(range(layers_before))
    losses: tuple[float, ...] = ()
    if cut.layers is not None:
        fewer_layers.check(layers_before, cut.layers)
        if cut.measured and learner is None:
            raise UserError("Only a model that was trained for this task can be measured; leave out layers evenly.")
        if cut.measured:
            kept, losses = _measured(learner, cut.layers, held_out, report)
        else:
            kept = fewer_layers.evenly(layers_before, cut.layers)
        model = fewer_layers.with_layers(model, kept)
    if cut.heads is not None or cut.inner is not None:
        model = _narrowed(learner, model, cut, held_out, report)
    with atomic.new_folder(to) as filling:
        stays: list[int] | None = None
        if cut.tokens:
            report(0.7, "Reading the texts")
            rows = list(texts())
            named: list[np.ndarray] = [learner.named()] if isinstance(learner, Naming) else []
            stays = fewer_tokens.stay(tokenizer, [_ids(rows, learner, tokenizer), *named])
            smaller = fewer_tokens.write_tokenizer(tokenizer, stays, filling)
            some = [text for row in rows[:: max(1, len(rows) // SAMPLE)] for text in _texts(row)]
            fewer_tokens.must_read_the_same(tokenizer, smaller, stays, some)
            model = fewer_tokens.with_tokens(model, stays)
        else:
            tokenizer.save_pretrained(filling)
        report(0.9, "Writing the model")
        model.save_pretrained(filling)
        model.config.save_pretrained(filling)
        if learner is not None:
            atomic.write_json(filling / NOTE, {"task": task})
    return Shrunk(
        folder=to,
        parameters=count(model),
        parameters_before=whole,
        layers=kept,
        layers_before=layers_before,
        tokens=tokens_before if stays is None else len(stays),
        tokens_before=tokens_before,
        trained_again=len(kept) < layers_before or cut.heads is not None or cut.inner is not None,
        losses=losses,
    )


def _model(source: Path, learner: Learner | None) -> PreTrainedModel:
    """The learner's model, or that of a folder which no task has a head for yet. Raises UserError."""
    model: Any = None if learner is None else learner.model
    if learner is None:
        config = model_folder.config(source)
        kind: Any = getattr(transformers, (config.architectures or [""])[0], None)
        if kind is not None:
            model = kind.from_pretrained(source, dtype=torch.float32, local_files_only=True, use_safetensors=True)
    if not isinstance(model, PreTrainedModel) or model.config.is_encoder_decoder:
        raise UserError("Only models of one stack of layers can be made smaller here: encoders, and models that write.")
    model.train(False)
    return model


def _ids(rows: Sequence[Row], learner: Learner | None, tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """All tokens of the rows, as the learner reads them; where there is none yet, of all their texts."""
    if learner is not None:
        read: Any = learner.encode(rows, lambda *_: None)
        read = getattr(read, "texts", read)  # pairs have theirs apart
        # what is asked before an answer, where that is not known
        parts = [getattr(read, name, None) for name in ("ids", "openings")]
        found = [part for part in parts if isinstance(part, np.ndarray)]
        ids = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    else:
        texts = [text for row in rows for text in _texts(row)]
        told = tokenizer(texts)["input_ids"] if texts else []
        ids = np.fromiter(chain.from_iterable(told), dtype=np.int64)
    if not len(ids):
        raise UserError("There are no texts whose tokens could be kept; import some, or keep all tokens.")
    return ids


def _texts(row: Row) -> list[str]:
    return [str(value) for name, value in row.items() if name not in ("id", "label")]


def _measured(
    learner: Any, wanted: int, rows: Sequence[Row], report: Report
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The layers that stay where each time the one goes that is missed least, never the lowest; and the losses."""
    if not rows:
        raise UserError("There are no held-out rows to measure layers by; leave them out evenly instead.")
    device, whole = choose(Recipe(bf16=False)), learner.model
    split = Split(rows, learner.encode(rows, lambda *_: None))
    kept = tuple(range(int(whole.config.num_hidden_layers)))
    losses = [_loss(learner, whole, split, device)]
    total = sum(range(wanted, len(kept)))
    done = 0
    while len(kept) > wanted:
        tried = []
        for place in kept[1:]:
            done += 1
            report(0.7 * done / max(1, total), "Measuring the model without each layer")
            rest = tuple(one for one in kept if one != place)
            tried.append((_loss(learner, fewer_layers.with_layers(whole, rest), split, device), rest))
        loss, kept = min(tried)
        losses.append(loss)
    learner.model = whole
    return kept, tuple(losses)


def _narrowed(learner: Any, model: PreTrainedModel, cut: Cut, rows: Sequence[Row], report: Report) -> PreTrainedModel:
    """The model with narrower layers. Raises UserError."""
    if learner is None or not rows:
        raise UserError(
            "Which heads or inner neurons say least is found on held-out rows, by a model that was trained for this "
            "task."
        )
    device = choose(Recipe(bf16=False))
    split = Split(rows, learner.encode(rows, lambda *_: None))
    for wanted, cutting in ((cut.heads, narrower.with_heads), (cut.inner, narrower.with_inner)):
        if wanted is not None:
            report(0.6, "Measuring what the parts of each layer say")
            narrowing: Any = model
            said = narrower.weights(narrowing, lambda: _loss(learner, narrowing, split, device))  # noqa: B023
            model = cutting(narrowing.to("cpu"), wanted, said)
    return model


def _loss(learner: Learner, model: PreTrainedModel, split: Split, device: Device) -> float:
    learner.model = model  # type: ignore[misc]
    device.take(model)
    with torch.inference_mode():
        outputs = evaluate.outputs_of(Spread(learner), split, device, BATCH, lambda: None)
    return learner.mean_loss(outputs, split.examples)
