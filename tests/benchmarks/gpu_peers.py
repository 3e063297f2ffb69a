"""The legs of peers in the benchmark on a GPU: nanoGPT's loop and transformers' Trainer."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

from tests.benchmarks.gpu_shapes import CLASSES, SHAPES, Turn, make_tokenizer, rows, wait


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
                wait()
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
