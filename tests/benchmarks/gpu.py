"""On one NVIDIA GPU: our engine against nanoGPT's loop and transformers' Trainer, each leg a process of its own.

Run by hand: python -m tests.benchmarks.gpu [--legs lm124,lm12,classify,lora] [--nanogpt FOLDER] [--out FILE]
Ours is a whole run of a run folder with its events and checkpoints; all learn from the same rows of random words, whose
lengths follow a lognormal. nanoGPT and the Trainer learn from the same blocks that ours makes, without keeping the
texts of a block apart. Figures are medians of the time between steps after the first third, by events told later or by
callbacks; the last line tells the rate of a large matrix product in the same call, which is the ceiling.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model and its batches; `lengths` mean and spread of the log of a text's tokens."""

    vocabulary: int
    wide: int
    layers: int
    heads: int
    inner: int
    context: int
    batch: int
    lengths: tuple[float, float]
    steps: int


def _shape(vocabulary: int, wide: int, layers: int, heads: int, inner: int, **more: Any) -> Shape:
    return Shape(vocabulary=vocabulary, wide=wide, layers=layers, heads=heads, inner=inner, **more)


SHAPES = {
    "lm124": _shape(50304, 768, 12, 12, 2048, context=1024, batch=64, lengths=(5.8, 1.0), steps=60),
    "lm12": _shape(4096, 384, 6, 6, 1024, context=256, batch=64, lengths=(4.0, 1.0), steps=300),
    "classify": _shape(30522, 384, 6, 12, 1536, context=128, batch=32, lengths=(2.7, 0.45), steps=300),
    "lora": _shape(32000, 2048, 22, 32, 5632, context=1024, batch=8, lengths=(5.2, 0.8), steps=40),
}
LEGS = {
    "lm124": ("ours", "nanogpt", "trainer", "trainer compiled"),
    "lm12": ("ours", "ours compiled", "trainer", "nanogpt"),
    "classify": ("ours", "trainer", "trainer grouped"),
    "lora": ("ours", "ours compiled", "trainer", "trainer padded"),
}
CLASSES = 77


class Turn:
    """Legs that were started together wait for each other once they are warm, and are then measured one by one."""

    def __init__(self, told: dict[str, Any]) -> None:
        """`told["turns"]` is the folder by which they know of each other; '' where each runs alone."""
        self._folder = Path(told["turns"]) if told.get("turns") else None
        self._mine = f"{told['name']} {told['who']}".replace(" ", "-")
        self._lock: Any = None

    def take(self) -> None:
        """Warm now: wait until all are, and until it is this one's turn."""
        if self._folder is None or self._lock is not None:
            return
        import fcntl

        _wait()
        (self._folder / f"{self._mine}.ready").touch()
        while not (self._folder / "go").exists():
            time.sleep(0.05)
        self._lock = (self._folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def give(self) -> None:
        """Measured."""
        if self._lock is not None:
            _wait()
            self._lock.close()


def rows(shape: Shape, count: int, *, labelled: bool) -> Iterator[dict[str, Any]]:
    """Texts of random words."""
    source = np.random.default_rng(7)
    lengths = np.clip(source.lognormal(*shape.lengths, size=count).astype(int), 2, 4 * shape.context)
    for number, length in enumerate(lengths.tolist(), 1):
        words = source.integers(0, shape.vocabulary - 8, size=length)
        label = f"c{int(source.integers(CLASSES))}" if labelled else None
        yield {"id": number, "text": " ".join(f"w{one}" for one in words.tolist()), "label": label}


def tokens_wanted(shape: Shape) -> int:
    """How many tokens the steps of a leg read."""
    return shape.steps * shape.batch * shape.context


def make_tokenizer(shape: Shape, *, encoder: bool) -> Any:
    """A word is a token."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    kind: Any = transformers.PreTrainedTokenizerFast
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<x>"]
    names = [*special, *(f"w{one}" for one in range(shape.vocabulary - len(special)))]
    made = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if encoder:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        return kind(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    return kind(tokenizer_object=made, eos_token="</s>", bos_token="</s>", unk_token="[UNK]")


def make_model(shape: Shape, name: str) -> Any:
    """A model of the shape with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if name == "classify":
        return BertForSequenceClassification(
            BertConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.wide,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                intermediate_size=shape.inner,
                id2label={place: f"c{place}" for place in range(CLASSES)},
            )
        )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.wide,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=6,
            eos_token_id=6,
            pad_token_id=None,
        )
    )
    return model.bfloat16() if name == "lora" else model


def recipe(told: dict[str, Any], folder: Path, *, compiled: bool) -> Any:
    """Ours."""
    from desktop_llm.jobs.recipe import Recipe, changed

    shape = SHAPES[told["name"]]
    values: dict[str, Any] = {
        "model": str(folder),
        "max_length": shape.context,
        "per_device_train_batch_size": shape.batch,
        "max_steps": told["steps"] or shape.steps,
        "num_train_epochs": 1000.0,
        "learning_rate": 3e-4,
        "bf16": True,
        "torch_compile": compiled,
        "device": told["device"],
        "early_stopping_patience": 0,
        "save_steps": 100_000,
    }
    if told["name"] == "lora":
        values |= {"lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
    if told["name"] == "classify":
        values |= {"hidden_dropout_prob": 0.1}
    return changed(Recipe(), values)


def ours(told: dict[str, Any], work: Path, *, compiled: bool) -> dict[str, Any]:
    """A run by our engine."""
    from desktop_llm.engine.run import run
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Event, Finished, Gauged, Noted, StepDone
    from desktop_llm.jobs.job import Job
    from desktop_llm.tasks import TASKS

    name, shape = told["name"], SHAPES[told["name"]]
    task = next(one for one in TASKS.values() if one.unsupervised) if name != "classify" else next(iter(TASKS.values()))
    folder = work / "run"
    note = snapshot.write(folder / "snapshot", {"train": rows(shape, told["rows"], labelled=name == "classify")})
    schema = {"classes": sorted({f"c{one}" for one in range(CLASSES)})} if name == "classify" else {}
    made = recipe(told, Path(told["model"]), compiled=compiled)
    jobs.write(
        Job(number=1, project="", task=task.name, recipe=made, schema=schema, snapshot=note, created=""),
        folder / "job.json",
    )
    steps: list[StepDone] = []
    notes: list[str] = []
    gauged: list[float] = []
    turn, warm = Turn(told), (told["steps"] or shape.steps) // 3
    last = told["steps"] or shape.steps

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            steps.append(event)
            if event.step == warm:
                turn.take()
            if event.step == last:
                turn.give()
        elif isinstance(event, Noted):
            notes.append(event.message)
        elif isinstance(event, Gauged):
            gauged.append(event.mfu)

    end = run(folder, on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"our run failed: {end}")
    later = steps[warm + (len(steps) - warm) // 4 :]
    # the clock of a step is when it was launched; over many it is that of the device
    seconds = sum(one.seconds for one in later) / len(later)
    tokens = sum(one.tokens_per_second * one.seconds for one in later) / len(later)
    return {
        "seconds": seconds,
        "tokens": tokens,
        "memory": max(one.memory for one in steps),
        "loss": steps[-1].loss,
        "mfu": max(gauged, default=0.0),
        "notes": notes,
    }


def blocks_of(told: dict[str, Any]) -> Any:
    """The blocks that ours learns from, int64 [n, context + 1]."""
    shape = SHAPES[told["name"]]
    tokenizer = make_tokenizer(shape, encoder=False)
    texts = [one["text"] for one in rows(shape, told["rows"], labelled=False)]
    flat: list[np.ndarray] = []
    for start in range(0, len(texts), 1000):
        for ids in tokenizer(texts[start : start + 1000], add_special_tokens=False)["input_ids"]:
            flat.append(np.asarray([*ids, 6], dtype=np.int64))
    row = np.concatenate(flat)
    count = (len(row) - 1) // shape.context
    places = np.arange(count)[:, None] * shape.context + np.arange(shape.context + 1)
    return row[places]


def nanogpt(told: dict[str, Any], work: Path, *, compiled: bool) -> dict[str, Any]:
    """Steps of nanoGPT's model as its train.py does them."""
    import torch

    shape = SHAPES[told["name"]]
    sys.path.insert(0, told["nanogpt"])
    theirs: Any = __import__("model")
    torch.manual_seed(1337)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    told_shape = {
        "block_size": shape.context,
        "vocab_size": shape.vocabulary,
        "n_layer": shape.layers,
        "n_head": shape.heads,
        "n_embd": shape.wide,
    }
    model = theirs.GPT(theirs.GPTConfig(**told_shape, dropout=0.0, bias=False)).cuda()
    optimizer = model.configure_optimizers(0.1, 6e-4, (0.9, 0.95), "cuda")
    stepping = torch.compile(model) if compiled else model
    blocks, count = blocks_of(told), told["steps"] or shape.steps
    source = np.random.default_rng(0)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.from_numpy(blocks[source.integers(len(blocks), size=shape.batch)])
        x, y = chosen[:, :-1].contiguous().pin_memory(), chosen[:, 1:].contiguous().pin_memory()
        return x.cuda(non_blocking=True), y.cuda(non_blocking=True)

    x, y = batch()
    began, turn = 0.0, Turn(told)
    for step in range(count):
        if step == count // 3:
            turn.take()
            torch.cuda.synchronize()
            began = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16):
            _, loss = stepping(x, y)
        x, y = batch()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            loss.item()
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - began) / (count - count // 3)
    turn.give()
    return {
        "seconds": seconds,
        "tokens": shape.batch * shape.context,
        "memory": torch.cuda.max_memory_allocated(),
        "loss": float(loss),
    }


def _grouping(arguments: Any, *, grouped: bool) -> dict[str, Any]:
    if not grouped:
        return {}
    new = "train_sampling_strategy" in arguments.__dataclass_fields__
    return {"train_sampling_strategy": "group_by_length"} if new else {"group_by_length": True}


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def trainer(told: dict[str, Any], work: Path, *, compiled: bool, grouped: bool) -> dict[str, Any]:
    """Steps of transformers' Trainer with its defaults, on the model that ours trains."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    name, shape = told["name"], SHAPES[told["name"]]
    count = told["steps"] or shape.steps
    more: dict[str, Any] = {}
    tokens = float(shape.batch * shape.context)
    if name == "classify":
        tokenizer = make_tokenizer(shape, encoder=True)
        model: Any = AutoModelForSequenceClassification.from_pretrained(told["model"])
        listed = list(rows(shape, told["rows"], labelled=True))
        ids = tokenizer([one["text"] for one in listed], truncation=True, max_length=shape.context)["input_ids"]
        data: list[dict[str, Any]] = [
            {"input_ids": one, "labels": int(row["label"][1:]) % CLASSES} for one, row in zip(ids, listed, strict=True)
        ]
        more["data_collator"] = DataCollatorWithPadding(tokenizer)
        tokens = float(np.mean([len(one["input_ids"]) for one in data]) * shape.batch)
    elif name == "lora":
        from peft import LoraConfig, get_peft_model

        model = AutoModelForCausalLM.from_pretrained(told["model"], dtype=torch.bfloat16)
        model = get_peft_model(
            model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        )
        data = [{"input_ids": one[:-1], "labels": one[:-1]} for one in blocks_of(told)]
    else:
        model = AutoModelForCausalLM.from_pretrained(told["model"], dtype=torch.float32)
        data = [{"input_ids": one[:-1], "labels": one[:-1]} for one in blocks_of(told)]
    marks: list[float] = []
    turn = Turn(told)

    class Mark(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            if len(marks) == count // 3:
                turn.take()
            if len(marks) in (count // 3, count - 1):
                _wait()
            marks.append(time.perf_counter())
            if len(marks) == count:
                turn.give()

    arguments = TrainingArguments(
        output_dir=str(work / "out"),
        max_steps=count,
        per_device_train_batch_size=shape.batch,
        bf16=True,
        use_cpu=told["device"] == "cpu",
        torch_compile=compiled,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        **_grouping(TrainingArguments, grouped=grouped),
    )
    peer = Trainer(model=model, args=arguments, train_dataset=cast(Any, data), callbacks=[Mark()], **more)
    told_end = peer.train()
    seconds = (marks[-1] - marks[count // 3]) / (len(marks) - 1 - count // 3)
    return {
        "seconds": seconds,
        "tokens": tokens,
        "memory": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
        "loss": told_end.training_loss,
    }


def leg(told: dict[str, Any]) -> None:
    """One leg in this process."""
    os.environ.update({"TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"})
    who, compiled = told["who"], told["who"].endswith("compiled") or told["who"] == "nanogpt"
    if told["name"] == "lm124" and who == "ours":
        compiled = True
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if who.startswith("ours"):
            made = ours(told, work, compiled=compiled)
        elif who.startswith("nanogpt"):
            made = nanogpt(told, work, compiled=compiled)
        else:
            made = trainer(told, work, compiled=compiled, grouped=who.endswith("grouped"))
    sys.stdout.write("\nRESULT " + json.dumps({"name": told["name"], "who": who, **made}) + "\n")


def matmul() -> float:
    """TFLOP/s of a large bf16 matrix product on random numbers."""
    import torch

    one, other = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        one @ other
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        one @ other
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - began) / 1e12


def flops_a_token(shape: Shape) -> float:
    """6 N + 12 L d T (Chowdhery et al. 2022, PaLM, appendix B), causal attention counted whole as is usual."""
    body = shape.layers * (4 * shape.wide**2 + 3 * shape.wide * shape.inner)
    return 6.0 * (body + shape.wide * shape.vocabulary) + 12.0 * shape.layers * shape.wide * shape.context


def main() -> None:
    """Run the legs in turn and print a line for each at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", default=",".join(LEGS))
    parser.add_argument("--who", default="")
    parser.add_argument("--nanogpt", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds that a leg may take")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--together", action="store_true", help="start the legs of a name at once, measure in turn")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        leg(json.loads(told.leg))
        return
    rate = matmul() if told.device == "cuda" else 0.0
    lines = [f"bf16 matrix product of 8192: {rate:.0f} TFLOP/s"]
    sys.stdout.write(lines[0] + "\n")
    with tempfile.TemporaryDirectory() as folder:
        asked = [one for name in told.legs.split(",") for one in _asked(name, told, Path(folder))]
        for line in _together(asked, rate, Path(folder)) if told.together else (_one(one, rate) for one in asked):
            lines.append(line)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            if told.out:
                Path(told.out).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _asked(name: str, told: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """What the legs of a name are told; their model is made."""
    shape, model = SHAPES[name], folder / name
    make_model(shape, name).save_pretrained(model)
    make_tokenizer(shape, encoder=name == "classify").save_pretrained(model)
    mean = float(np.exp(shape.lengths[0] + shape.lengths[1] ** 2 / 2))
    steps = told.steps or shape.steps
    tokens = min(steps, 80) * shape.batch * shape.context
    count = shape.batch * min(steps, 320) if name == "classify" else int(tokens / mean * 1.1)
    return [
        {**vars(told), "name": name, "who": who, "model": str(model), "rows": count, "turns": ""}
        for who in (told.who.split(",") if told.who else LEGS[name])
        if who != "nanogpt" or told.nanogpt
    ]


def _together(asked: list[dict[str, Any]], rate: float, folder: Path) -> Iterator[str]:
    with ThreadPoolExecutor(len(asked)) as pool:
        made = [pool.submit(_one, {**one, "turns": str(folder)}, rate) for one in asked]
        while len(list(folder.glob("*.ready"))) + sum(one.done() for one in made) < len(made):
            time.sleep(0.1)
        (folder / "go").touch()
        for one in as_completed(made):
            yield one.result()


def _one(asked: dict[str, Any], rate: float) -> str:
    name, who, limit = asked["name"], asked["who"], asked["limit"]
    shape = SHAPES[name]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.gpu", "--leg", json.dumps(asked)],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode() if isinstance(error.stderr, bytes) else str(error.stderr)
        return f"{name:9s}{who:18s}took longer than {limit:.0f} s: {said[-300:]}"
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    if not line:
        return f"{name:9s}{who:18s}failed: {(done.stderr or done.stdout)[-1500:]}"
    made = json.loads(line[7:])
    speed = made["tokens"] / made["seconds"]
    share = flops_a_token(shape) * speed / (rate * 1e12) if rate and name.startswith("lm") else 0.0
    told = f"{name:9s}{who:18s}{1e3 * made['seconds']:9.2f} ms a step {speed:12,.0f} tokens/s"
    told += f" {made['memory'] / 1e9:7.2f} GB loss {made['loss']:.3f}"
    if share:
        told += f"  {100 * share:.0f} % of the product's rate"
    return told + f"  ({time.perf_counter() - began:.0f} s in all) " + " | ".join(made.get("notes", []))


if __name__ == "__main__":
    main()
