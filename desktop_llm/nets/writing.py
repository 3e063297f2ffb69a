"""One token after the other: a model that remembers what it has read (KV cache), and how the next one is chosen.

The choice is transformers' own, step by step: repetition penalty (Keskar et al. 2019), temperature, top k, top p
(Holtzman et al. 2020); with the same seed it is the choice of `generate`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from desktop_llm.jobs.generation import Sampling

SEEDS = 2**31


def choices(model: PreTrainedModel, opening: Sequence[int], told: Sampling) -> Iterator[tuple[int, torch.Tensor]]:
    """Tokens without end: each with the model's own logits there, float32 [vocabulary], on its device.

    The first comes when the opening has been read; nothing is computed before the next one is asked for.
    """
    device = model.device
    ids = torch.tensor([list(opening)], device=device)
    processors: Any = _processors(told)
    source = torch.Generator(device=device)
    source.manual_seed(int(torch.randint(SEEDS, ())) if told.seed is None else told.seed)
    cache: Any = None
    fresh = ids
    # the logits of a long opening would take gigabytes
    last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    while True:
        with torch.inference_mode():
            out = model(input_ids=fresh, past_key_values=cache, use_cache=True, **last)
            logits = out.logits[:, -1].float()
            scores = processors(ids, logits.clone())
            if told.temperature == 0:
                token = scores.argmax(dim=-1, keepdim=True)
            else:
                token = torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=source)
        yield int(token), logits[0]
        ids = torch.cat([ids, token], dim=1)
        cache = getattr(out, "past_key_values", None)
        fresh = ids if cache is None else token  # a model that remembers nothing reads all of it again


def _processors(told: Sampling) -> LogitsProcessorList:
    made: list[Any] = []
    if told.repetition_penalty != 1.0:
        made.append(RepetitionPenaltyLogitsProcessor(told.repetition_penalty))
    if told.temperature not in (0.0, 1.0):
        made.append(TemperatureLogitsWarper(told.temperature))
    if told.top_k:
        made.append(TopKLogitsWarper(told.top_k))
    if told.top_p < 1.0:
        made.append(TopPLogitsWarper(told.top_p))
    return LogitsProcessorList(made)
