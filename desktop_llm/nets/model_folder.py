"""A model folder in Hugging Face layout as a starting point: looked at before anything is loaded.

Only safetensors weights and architectures that transformers itself knows are read; remote code and pickles never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm import atomic
from desktop_llm.catalog import folder as folders
from desktop_llm.catalog import weight_files
from desktop_llm.errors import UserError, first_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

ADAPTER = folders.ADAPTER
ABSENT = ("missing_keys", "mismatched_keys")


def quiet() -> None:
    """Keep transformers from writing to the terminal; what matters is said through our events."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def check(folder: Path) -> dict[str, Any]:
    """The folder's config.json; raises UserError with what is missing or does not fit, and what to do."""
    return folders.check(folder)


def told(folder: Path) -> dict[str, Any]:
    """What the folder's config.json says, whatever else is there. Raises UserError."""
    return folders.told(folder)


def fits(folder: Path, head: str) -> bool:
    """Whether the folder's model can have a head, in the words of transformers. Raises UserError."""
    config = folders.told(folder)
    return bool(config.get("model_type")) and not folders.unfit(config, (head,))


def weights(folder: Path) -> list[Path]:
    """The files of weights in a model folder."""
    return weight_files.files(folder)


def check_whole(folder: Path) -> None:
    """Raise UserError when the weights in a folder that this program wrote are no longer as they were written."""
    wrong = atomic.damage(folder, ".safetensors") if (folder / atomic.MANIFEST).is_file() else ""
    if wrong:
        raise UserError(f"The model in “{folder}” is damaged ({wrong}); train it again, or choose another.")


def config(folder: Path, *, part: bool = False) -> PretrainedConfig:
    """The folder's config as transformers sees it; with `part` it need not have all weights. Raises UserError."""
    from transformers import AutoConfig

    told = folders.told(folder) if part else check(folder)
    try:
        read: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return read
    except Exception as error:  # each model type checks its own values in its own way
        kind = told.get("model_type", "unknown")
        raise UserError(
            f"“{folder / 'config.json'}” does not describe a model of the type “{kind}” that can be loaded here; "
            "fetch the model again or choose another."
        ) from error


def tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer. Raises UserError."""
    from transformers import AutoTokenizer

    try:
        read = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise UserError(f"The tokenizer in “{folder}” cannot be loaded; fetch the model again.") from error
    if read.pad_token is None and read.eos_token is not None:
        read.pad_token = read.eos_token  # models that write text were trained without padding
    return read


def check_vocabulary(folder: Path, tokenizer_read: PreTrainedTokenizerBase, config_read: PretrainedConfig) -> None:
    """Raise UserError when the tokenizer makes tokens that the model does not know."""
    known = getattr(config_read, "vocab_size", None)
    highest = max(tokenizer_read.get_vocab().values(), default=-1)
    if isinstance(known, int) and highest >= known:
        raise UserError(
            f"The tokenizer in “{folder}” makes tokens up to number {highest:,}, the model knows only {known:,}; "
            "they do not belong together, fetch both again."
        )


def with_dropout(config_read: PretrainedConfig, keys: Iterable[str], value: float | None) -> PretrainedConfig:
    """A folder's config, to be loaded in float32; a dropout `value` that is told is put at all `keys` it has."""
    import torch

    if value is not None:
        for key in keys:
            if isinstance(getattr(config_read, key, None), float | int):
                setattr(config_read, key, value)
    config_read.dtype = torch.float32
    return config_read


def load(
    auto: Any, folder: Path, config_read: PretrainedConfig, *, new_head: bool = False, other_sizes: bool = False
) -> PreTrainedModel:
    """The model of a folder in float32, by one of transformers' Auto classes. Raises UserError.

    With `new_head`, what stands above its body may be missing, and with `other_sizes` be of another size.
    """
    import torch
    from safetensors import SafetensorError

    made: PreTrainedModel
    try:
        made, told = auto.from_pretrained(
            folder,
            config=config_read,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=other_sizes,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        why = first_line(error)
        raise UserError(f"The weights in “{folder}” cannot be loaded ({why}); fetch the model again.") from error
    check_weights(folder, made, told, new_head=new_head)
    return made


def check_weights(folder: Path, model: PreTrainedModel, told: Mapping[str, Iterable[Any]], *, new_head: bool) -> None:
    """Raise UserError when weights that config.json speaks of are not in the file, which would leave them random.

    `told` is what `from_pretrained` reports of its loading. With `new_head`, only the body must be there: what
    stands above it, the pooler included, is learned anew.
    """
    names = {str(one[0] if isinstance(one, tuple) else one) for key in ABSENT for one in told.get(key, ())}
    if new_head:
        body = f"{model.base_model_prefix}."
        names = {name for name in names if name.startswith(body) and ".pooler." not in name}
    if names:
        raise UserError(
            f"The weights in “{folder}” do not fit its config.json ({len(names):,} of them are missing or of another "
            "size); the files belong to different models, fetch them again."
        )


def shorter(config_read: PretrainedConfig, asked: int) -> str:
    """A sentence where the model reads less at once than was asked for, else ''."""
    length = longest(config_read, asked)
    if length >= asked:
        return ""
    return f"The model reads at most {length:,} tokens at once; “max_length” is {asked:,}, and counts as {length:,}."


def longest(config_read: PretrainedConfig, asked: int) -> int:
    """The longest text, in tokens, that both the recipe (`asked`) and the model's positions allow."""
    places = getattr(config_read, "max_position_embeddings", None)
    if not isinstance(places, int) or places <= 0:
        return asked
    pad = getattr(config_read, "pad_token_id", 0) or 0
    offset = pad + 1 if getattr(config_read, "model_type", "") in {"roberta", "xlm-roberta", "camembert"} else 0
    return min(asked, places - offset)
