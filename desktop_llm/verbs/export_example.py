"""A script of some twenty lines beside each export that asks it, and the exact versions with which that runs."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from typing import Any

from desktop_llm.jobs.formats import Format
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import prompt_example
from desktop_llm.verbs.card import asked

NEEDED = {
    "folder": ("torch", "transformers", "safetensors"),
    "adapter": ("torch", "transformers", "safetensors", "peft"),
    "onnx": ("onnxruntime", "tokenizers", "numpy"),
    "gguf": ("torch", "transformers", "gguf"),
}
HERE = "folder = Path(__file__).resolve().parent"
SAID = 'texts = sys.argv[1:] or ["your text"]'


def script(task: Task, recipe: Recipe, kind: Format, config: Mapping[str, Any]) -> str:
    """The text of `example.py`."""
    if prompt_example.fits(task, kind.kind, config):
        return "\n".join(prompt_example.lines(task, kind.kind, config)) + "\n"
    names = tuple(config.get("architectures") or ("",))
    head = str(names[0]).rpartition("For")[2]
    lines = {
        "folder": lambda: _folder(task, recipe),
        "adapter": lambda: _adapter(task, recipe, str(names[0])),
        "onnx": lambda: _onnx(head, str(config.get("problem_type") or "")),
        "gguf": lambda: _gguf(head),
    }[kind.kind]()
    return "\n".join(lines) + "\n"


def requirements(kind: Format, config: Mapping[str, Any]) -> str:
    """Every package that the example stands on, with its version, one a line."""
    encoder = kind.kind == "gguf" and not str((config.get("architectures") or [""])[0]).endswith("ForCausalLM")
    roots = ("llama-cpp-python",) if encoder else NEEDED[kind.kind]
    return "".join(f"{one}\n" for one in _pinned(roots))


def _pinned(roots: Iterable[str]) -> list[str]:
    """The packages and all that they need here, pinned; by its name alone what is not installed."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            there = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name in roots:
                found[key] = name
            continue
        # a build of its own (2.13.0+cpu) is found nowhere else under that version
        found[key] = f"{key}=={there.version.partition('+')[0]}"
        waiting += [told[0] for one in there.requires or () if "extra ==" not in one and (told := _name(one))]
    return [found[key] for key in sorted(found)]


def _name(requirement: str) -> list[str]:
    return re.findall(r"^[A-Za-z0-9._-]+", requirement)


def _folder(task: Task, recipe: Recipe) -> list[str]:
    if task.auto_model:
        return [
            '"""Ask the model in this folder."""',
            "",
            "from pathlib import Path",
            "",
            f"from transformers import {task.auto_model}, AutoTokenizer",
            "",
            HERE,
            f"model = {task.auto_model}.from_pretrained(folder)",
            "tokenizer = AutoTokenizer.from_pretrained(folder)",
            *task.usage,
        ]
    pipeline, usage = asked(task, recipe)
    return [
        '"""Ask the model in this folder."""',
        "",
        "from pathlib import Path",
        "",
        "from transformers import pipeline",
        "",
        HERE,
        f'model = pipeline("{pipeline}", model=str(folder))',
        *usage,
    ]


def _adapter(task: Task, recipe: Recipe, kind: str) -> list[str]:
    pipeline, usage = asked(task, recipe)
    return [
        '"""Ask the adapter in this folder, upon its base model: python example.py PATH/TO/BASE"""',
        "",
        "import sys",
        "from pathlib import Path",
        "",
        "from peft import PeftModel",
        f"from transformers import AutoConfig, AutoTokenizer, {kind}, pipeline",
        "",
        HERE,
        "config = AutoConfig.from_pretrained(folder)",
        f"base = {kind}.from_pretrained(sys.argv[1], config=config, ignore_mismatched_sizes=True)",
        "merged = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()",
        f'model = pipeline("{pipeline}", model=merged, tokenizer=AutoTokenizer.from_pretrained(folder))',
        *usage,
    ]


def _onnx(head: str, problem: str) -> list[str]:
    told = {
        "SequenceClassification": [
            "for text, row in zip(texts, logits):",
            "    chances = np.exp(row - row.max()) / np.exp(row - row.max()).sum()",
            '    print(config["id2label"][str(chances.argmax())], round(float(chances.max()), 4), text)',
        ],
        "TokenClassification": [
            "for encoded, rows in zip(read, logits):",
            "    for token, row, special in zip(encoded.tokens, rows, encoded.special_tokens_mask):",
            "        if not special:",
            '            print(token, config["id2label"][str(row.argmax())])',
        ],
    }.get(
        head,
        [
            "for encoded, rows in zip(read, logits):  # the likeliest next token",
            "    last = sum(encoded.attention_mask) - 1",
            "    print(repr(tokenizer.decode([int(rows[last].argmax())])))",
        ],
    )
    if problem == "multi_label_classification":
        told = [
            "for text, row in zip(texts, logits):",
            "    chances = 1 / (1 + np.exp(-row))",
            '    limits = config.get("thresholds") or [0.5] * len(row)',
            '    print([config["id2label"][str(place)] for place in np.flatnonzero(chances >= limits)], text)',
        ]
    return [
        '"""Ask the model in this folder, without PyTorch: python example.py "a text" "another" """',
        "",
        "import json",
        "import sys",
        "from pathlib import Path",
        "",
        "import numpy as np",
        "import onnxruntime",
        "from tokenizers import Tokenizer",
        "",
        HERE,
        'config = json.loads((folder / "config.json").read_text(encoding="utf-8"))',
        'longest = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["model_max_length"]',
        'tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))',
        "tokenizer.enable_truncation(min(longest, 100_000))",
        'tokenizer.enable_padding(pad_id=config.get("pad_token_id") or 0)',
        'session = onnxruntime.InferenceSession(str(folder / "model.onnx"))',
        SAID,
        "read = tokenizer.encode_batch(texts)",
        'ids, mask = (np.array([getattr(one, name) for one in read], np.int64) for name in ("ids", "attention_mask"))',
        '(logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask})',
        *told,
    ]


def _gguf(head: str) -> list[str]:
    if head != "CausalLM":
        return [
            '"""Ask the classifier in this folder by llama-cpp-python: python example.py "a text" """',
            "",
            "import sys",
            "from pathlib import Path",
            "",
            "from llama_cpp import LLAMA_POOLING_TYPE_RANK, Llama",
            "",
            HERE,
            'file = str(folder / "model.gguf")',
            "model = Llama(file, embedding=True, pooling_type=LLAMA_POOLING_TYPE_RANK, verbose=False)",
            SAID,
            "for text in texts:",
            "    logits = model.embed(text)",
            "    print(max(range(len(logits)), key=logits.__getitem__), text)",
        ]
    return [
        '"""Let the model in this folder write. With Ollama: ollama create my-model -f Modelfile"""',
        "",
        "import sys",
        "from pathlib import Path",
        "",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        HERE,
        'tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")',
        'model = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf")',
        SAID,
        "for text in texts:",
        '    read = tokenizer(text, return_tensors="pt")',
        '    written = model.generate(input_ids=read["input_ids"], max_new_tokens=40)',
        "    print(tokenizer.decode(written[0], skip_special_tokens=True))",
    ]
