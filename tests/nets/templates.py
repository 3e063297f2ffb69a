"""Chat templates as they are found in the wild, small, each with a tokenizer that knows its special tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

FOLDER = Path(__file__).parent / "chat_templates"
TEMPLATES = {
    "chatml": ("<|im_end|>", ("<|im_start|>",)),
    "llama3": ("<|eot_id|>", ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>")),
    "mistral": ("</s>", ("<s>", "[INST]", "[/INST]")),
    "zephyr": ("</s>", ("<s>", "<|user|>", "<|assistant|>", "<|system|>")),
    "gemma": ("<end_of_turn>", ("<bos>", "<eos>", "<start_of_turn>")),
    "qwen": ("<|im_end|>", ("<|im_start|>", "<|endoftext|>")),
    "marked": ("<|im_end|>", ("<|im_start|>",)),
}
"""By the name of a template: what ends an answer, and further special tokens, the one that begins a text first."""
TEXTS = ("Be brief. Hello there, how are you? I am well, and you? Fine. The sky is blue. Two and two are four. 你好吗",)


def read(name: str) -> str:
    """The template of that name; `blind` is one that writes the last message first."""
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8").removesuffix("\n")


def tokenizer(
    template: str | None, end: str, others: Iterable[str], texts: Iterable[str] = TEXTS
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer made of a few texts, with a chat template."""
    special = [end, *others]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    eos = "<eos>" if "<eos>" in special else end
    told = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        bos_token=special[1] if len(special) > 1 else end,
        eos_token=eos,
        additional_special_tokens=special,
        clean_up_tokenization_spaces=False,
    )
    told.chat_template = template
    return told


def named(name: str) -> PreTrainedTokenizerFast:
    """One of TEMPLATES; '' is a tokenizer that knows no roles."""
    if not name:
        return tokenizer(None, "</s>", ("<s>",))
    end, others = TEMPLATES[name]
    return tokenizer(read(name), end, others)


def llama(path: Path, name: str = "chatml", **values: Any) -> Path:
    """A folder with a tiny Llama that knows nothing, and the chat template of that name."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = named(name)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(
        **{"vocab_size": len(tokenizer), **shape, "max_position_embeddings": 128, **values},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
