"""A model with some of its layers left out, as a smaller one to be trained further (Sanh et al. 2019, DistilBERT).

No architecture is named: the layers are found as `nets.stack` finds them, and lists of the config with an entry for
each layer are cut along. What comes out is a plain model of the same kind.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from transformers import PretrainedConfig, PreTrainedModel

from desktop_llm.errors import UserError
from desktop_llm.nets import stack


def evenly(count: int, wanted: int) -> tuple[int, ...]:
    """`wanted` of `count` layers, the first and the last among them, as evenly between as can be."""
    if wanted == 1:
        return (0,)
    return tuple(round(place * (count - 1) / (wanted - 1)) for place in range(wanted))


def check(count: int, wanted: int) -> None:
    """Raise UserError where a model of `count` layers cannot keep so many."""
    if not 1 <= wanted <= count:
        raise UserError(f"The model has {count:,} layers; keep 1 to {count:,} of them, not {wanted:,}.")


def with_layers(model: PreTrainedModel, kept: Sequence[int]) -> PreTrainedModel:
    """A new model with these layers, in this order, and all else as it is. Raises UserError.

    The lowest must be among them: in some models it is made otherwise than the rest.
    """
    place = stack.layers(model, "layers") + "."
    config = copy.deepcopy(model.config)
    count = int(config.num_hidden_layers)
    check(count, len(kept))
    if kept[0] != 0:
        raise UserError("The lowest layer of a model stays; leave out others.")
    _cut(config, count, kept)
    numbers = {str(old): str(new) for new, old in enumerate(kept)}
    state = {}
    for name, tensor in model.state_dict().items():
        if name.startswith(place):
            old, _, rest = name[len(place) :].partition(".")
            if old not in numbers:
                continue
            name = f"{place}{numbers[old]}.{rest}"
        state[name] = tensor
    return filled(model, config, state)


def filled(model: PreTrainedModel, config: PretrainedConfig, state: dict[str, object]) -> PreTrainedModel:
    """A new model of the kind of `model`, of another config and with these weights. Raises UserError."""
    made = type(model)(config)
    try:
        made.load_state_dict(state)
    except RuntimeError as error:
        kind = model.config.model_type
        raise UserError(
            f"A model of the type “{kind}” cannot be made smaller in this way.", details=str(error)
        ) from error
    if hasattr(model, "generation_config"):  # of those that write
        made.generation_config = copy.deepcopy(model.generation_config)
    made.train(model.training)
    return made


def _cut(config: PretrainedConfig, count: int, kept: Sequence[int]) -> None:
    for name, value in list(vars(config).items()):
        if isinstance(value, list | tuple) and len(value) == count and name != "architectures":
            setattr(config, name, [value[number] for number in kept])
    config.num_hidden_layers = len(kept)
