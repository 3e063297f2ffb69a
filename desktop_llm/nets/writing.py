"""One token after the other: a model that remembers what it has read (KV cache), and how the next one is chosen.

The choice is transformers' own, step by step: repetition penalty (Keskar et al. 2019), temperature, top k, top p
(Holtzman et al. 2020); with the same seed it is the choice of `generate`. By beams (Graves 2012, length penalty
of Wu et al. 2016) a text is there as a whole, and comes at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from desktop_llm.jobs.generation import Sampling

SEEDS = 2**31


def choices(
    model: PreTrainedModel, opening: Sequence[int], told: Sampling, given: Sequence[int] = ()
) -> Iterator[tuple[int, torch.Tensor]]:
    """Tokens without end: each with the model's own logits there, float32 [vocabulary], on its device.

    The first comes when the opening has been read; nothing is computed before the next one is asked for. `given` is
    what the encoder reads of a model that has one.
    """
    device = model.device
    ids = torch.tensor([list(opening)], device=device)
    processors: Any = _processors(told)
    source = torch.Generator(device=device)
    source.manual_seed(int(torch.randint(SEEDS, ())) if told.seed is None else told.seed)
    cache: Any = None
    fresh = ids
    name, more = _read(model, given)
    # the logits of a long opening would take gigabytes
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        more["logits_to_keep"] = 1
    while True:
        with torch.inference_mode():
            out = model(**{name: fresh}, past_key_values=cache, use_cache=True, **more)
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


def best(
    model: PreTrainedModel,
    opening: Sequence[int],
    told: Sampling,
    given: Sequence[int],
    ends: Sequence[int],
    most: int,
    should_stop: Callable[[], bool],
) -> Iterator[tuple[int, torch.Tensor]]:
    """As `choices`, the likeliest text of at most `most` tokens that beams find, with the token that ends it.

    Where somebody stops it, what was the likeliest then.
    """
    ids = torch.tensor([list(opening)], device=model.device)
    inputs: dict[str, Any] = {"input_ids": ids}
    if given:
        inputs = {"input_ids": torch.tensor([list(given)], device=model.device), "decoder_input_ids": ids}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    wish = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=most,
        min_length=0,
        do_sample=False,
        num_beams=told.num_beams,
        length_penalty=told.length_penalty,
        repetition_penalty=told.repetition_penalty,
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
        use_cache=True,
    )

    def enough(seen: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        return torch.full((len(seen),), should_stop(), dtype=torch.bool, device=seen.device)

    with torch.inference_mode():
        found = model.generate(**inputs, generation_config=wish, stopping_criteria=[enough])[0]  # type: ignore[operator]
        found = found[len(opening) :]
        whole = torch.cat([ids[0], found])
        name, more = _read(model, given)
        logits = model(**{name: whole[None, :-1]}, use_cache=False, **more).logits[0, len(opening) - 1 :].float()
    yield from zip(found.tolist(), logits, strict=True)


def _read(model: PreTrainedModel, given: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """What the tokens of a text are called for a model, and what else it is told: `given`, read once."""
    if not given:
        return "input_ids", {}
    parts: Any = model
    ids = torch.tensor([list(given)], device=model.device)
    with torch.inference_mode():
        read = parts.get_encoder()(input_ids=ids, attention_mask=torch.ones_like(ids))
    return "decoder_input_ids", {"encoder_outputs": read, "attention_mask": torch.ones_like(ids)}


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
