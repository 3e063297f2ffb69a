"""A model as GGUF, for llama.cpp and what stands on it: written by the `gguf` package, without a foreign build.

Models like Llama that write, and classifiers like BERT, whose pooler and head are what llama.cpp calls `cls` and
`cls.output`. Matrices are kept in the precision that is asked for, vectors in 32 bits; embeddings in 8 bits where the
rest has fewer, since small models lose most there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm.engine import gguf_words
from desktop_llm.errors import UserError

NAME = "model.gguf"
BLOCK = 32
"""Numbers that share a scale in Q8_0, Q5_0 and Q4_0; a matrix whose rows do not divide by it stays in 16 bits."""
HEADS = {"pooler.dense": "cls", "classifier": "cls.output"}
EXACT = ("position_embd", "token_types", "cls")
"""Small, and read as they are by llama.cpp."""
RANK = 4
"""The pooling of a classifier, by its number in GGUF: the first token, through pooler and head."""
Report = Callable[[int, int], None]


def write(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, file: Path, precision: str, name: str, report: Report
) -> None:
    """Write `model` to `file`; `report(done, total)` counts tensors. Raises UserError."""
    import gguf

    kind: Any = gguf.GGMLQuantizationType[precision]
    config = model.config
    writes = config.model_type != "bert"
    writer: Any = gguf.GGUFWriter(str(file), "llama" if writes else "bert")
    try:
        writer.add_name(name)
        _write_sizes(writer, config)
        _write_writer(writer, config) if writes else _write_classifier(writer, config)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{precision}"])
        if precision != "F16":
            writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        gguf_words.write(writer, tokenizer, config.vocab_size)
        places = list(names(model))
        for number, (ours, theirs) in enumerate(places):
            report(number, len(places))
            numbers = turned(ours, model.state_dict()[ours], config).detach().to(torch.float32).numpy()
            own = _kind_of(theirs, numbers, kind, gguf.GGMLQuantizationType)
            writer.add_tensor(theirs, gguf.quants.quantize(np.ascontiguousarray(numbers), own), raw_dtype=own)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def names(model: PreTrainedModel) -> Iterator[tuple[str, str]]:
    """The names of a model's tensors, here and in GGUF. Raises UserError for one that GGUF does not know."""
    import gguf

    config = model.config
    arch = gguf.MODEL_ARCH.BERT if config.model_type == "bert" else gguf.MODEL_ARCH.LLAMA
    known: Any = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    for name in model.state_dict():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # it is the embeddings
        plain = name.removeprefix("bert.")
        stem, _, ending = plain.rpartition(".")
        found = f"{HEADS[stem]}.{ending}" if stem in HEADS else known.get_name(plain, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise UserError(f"The model has a part that GGUF does not know ({name}); choose another format.")
        yield name, found


def turned(name: str, numbers: torch.Tensor, config: PretrainedConfig) -> torch.Tensor:
    """A tensor as GGUF has it: what positions turn stands in pairs there, and in halves here."""
    if ".q_proj." in name:
        heads = config.num_attention_heads
    elif ".k_proj." in name:
        heads = config.num_key_value_heads
    else:
        return numbers
    halves = numbers.reshape(heads, 2, numbers.shape[0] // heads // 2, *numbers.shape[1:])
    return halves.swapaxes(1, 2).reshape(numbers.shape)


def read(file: Path) -> Mapping[str, np.ndarray]:
    """The tensors of a file as float32, by GGUF's names."""
    import gguf

    reader: Any = gguf.GGUFReader(str(file))
    return {
        one.name: np.array(gguf.quants.dequantize(one.data, one.tensor_type), dtype=np.float32).reshape(
            tuple(int(size) for size in reversed(one.shape))
        )
        for one in reader.tensors
    }


def fill(model: PreTrainedModel, file: Path) -> None:
    """Give a classifier the weights of a file; it must have each of them."""
    there = read(file)
    state = {ours: torch.from_numpy(there[theirs]) for ours, theirs in names(model)}
    model.load_state_dict(state)


def _kind_of(name: str, numbers: np.ndarray, asked: Any, kinds: Any) -> Any:
    if numbers.ndim < 2 or name.startswith(EXACT):
        return kinds.F32
    if asked == kinds.F16 or numbers.shape[-1] % BLOCK:
        return kinds.F16
    return kinds.Q8_0 if name.startswith(("token_embd", "output.")) else asked


def _write_sizes(writer: Any, config: PretrainedConfig) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)


def _write_writer(writer: Any, config: PretrainedConfig) -> None:
    wide = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rope = dict(getattr(config, "rope_parameters", None) or {})
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(wide)
    writer.add_key_length(wide)
    writer.add_value_length(wide)
    writer.add_rope_freq_base(float(rope.get("rope_theta", getattr(config, "rope_theta", 10000.0) or 10000.0)))


def _write_classifier(writer: Any, config: PretrainedConfig) -> None:
    import gguf

    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(RANK))
    names: Mapping[Any, Any] = config.id2label or {}
    writer.add_classifier_output_labels([str(names[place]) for place in range(config.num_labels or 0)])
