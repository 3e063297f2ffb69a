"""The lines of `example.py` for a model that was taught by a prompt: asked as it was taught, without this program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from desktop_llm.jobs import prompt, recipe_prompt
from desktop_llm.jobs.formats import Kind
from desktop_llm.tasks.task import Task

LOADED: Mapping[Kind, tuple[str, ...]] = {
    "folder": (
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder)",
    ),
    "gguf": (
        'tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")',
        'model = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf")',
    ),
    "adapter": (
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "base = AutoModelForCausalLM.from_pretrained(sys.argv.pop(1))",
        "model = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()",
    ),
}
WRITE = (
    '    read = tokenizer(opening, add_special_tokens=False, return_tensors="pt")["input_ids"]',
    "    written = model.generate(input_ids=read, max_new_tokens=256, do_sample=False)",
    "    print(tokenizer.decode(written[0, read.shape[1] :], skip_special_tokens=True).strip())",
)
CHOOSE = (
    "    read = tokenizer(opening, add_special_tokens=False)['input_ids']",
    "    sums = []",
    "    for label in LABELS:",
    '        said = [*asked, {"role": "assistant", "content": label}]',
    "        whole = tokenizer.apply_chat_template(said, tokenize=False)",
    "        answer = tokenizer(whole[len(opening) :].rstrip(), add_special_tokens=False)['input_ids']",
    "        with torch.no_grad():",
    "            logits = model(input_ids=torch.tensor([read + answer])).logits[0, len(read) - 1 : -1].float()",
    "        chosen = torch.log_softmax(logits, dim=-1)[torch.arange(len(answer)), torch.tensor(answer)]",
    "        sums.append(float(chosen.sum()))",
    "    chances = torch.softmax(torch.tensor(sums), dim=0)",
    "    print(LABELS[int(chances.argmax())], round(float(chances.max()), 4), text)",
)


def lines(task: Task, kind: Kind, config: Mapping[str, Any]) -> Iterator[str]:
    """All lines; `config` is the model's config.json."""
    labels = _labels(config) if task.classes else []
    instruction = prompt.with_labels(prompt.told(config) or "", labels)
    base = " PATH/TO/BASE" if kind == "adapter" else ""
    yield f'"""Ask the model in this folder as it was taught: python example.py{base} "a text" "another" """'
    yield ""
    yield "import sys"
    yield "from pathlib import Path"
    yield ""
    if labels:
        yield "import torch"
    if kind == "adapter":
        yield "from peft import PeftModel"
    yield "from transformers import AutoModelForCausalLM, AutoTokenizer"
    yield ""
    yield "folder = Path(__file__).resolve().parent"
    yield f"PROMPT = {_quoted(prompt.asked(instruction, prompt.TEXT))}"
    if labels:
        yield f"LABELS = {_quoted(labels)}"
    yield from LOADED[kind]
    yield 'texts = sys.argv[1:] or ["your text"]'
    yield "for text in texts:"
    yield f'    asked = [{{"role": "user", "content": PROMPT.replace({_quoted(prompt.TEXT)}, text)}}]'
    yield "    opening = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)"
    yield from CHOOSE if labels else WRITE


def taught(task: Task, config: Mapping[str, Any]) -> bool:
    """Whether a model was taught its task by a prompt."""
    return recipe_prompt.GROUP in task.groups and prompt.told(config) is not None


def fits(task: Task, kind: Kind, config: Mapping[str, Any]) -> bool:
    """Whether it was, and there is an example for a kind of format."""
    return taught(task, config) and kind in LOADED


def _labels(config: Mapping[str, Any]) -> list[str]:
    told = config.get("id2label")
    names = told if isinstance(told, Mapping) else {}
    return [str(names[place]) for place in sorted(names, key=int)]


def _quoted(told: str | Sequence[str]) -> str:
    return json.dumps(told, ensure_ascii=False)
