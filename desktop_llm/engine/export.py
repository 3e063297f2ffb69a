"""A finished model as a folder, or a ZIP, that others can load: written beside, read back, compared, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm import atomic
from desktop_llm.engine import gguf_file, ollama, read_back
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import formats, prompt
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import Compared, Format
from desktop_llm.nets import model_folder, onnx_model

COMPARED = 256
HEAVY = (".safetensors", ".index.json")
Report = Callable[[float, str], None]
Describe = Callable[[Compared], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be handed on, and how: `compared` rows are asked of both, `zipped` makes one file of the folder.

    `describe` writes what lies beside the model (its card and example, by file name) once the comparison is known.
    """

    format: Format
    to: Path
    describe: Describe
    name: str = ""
    compared: int = COMPARED
    zipped: bool = False
    report: Report = field(default=lambda part, doing: None)


def export(run: RunFolder, order: Order) -> Compared:
    """Write the run's model as ordered; what was found on reading it back.

    It appears under its name only after another process has loaded it and its answers agree. Raises UserError when the
    model is damaged, `to` is taken, or the answers do not agree.
    """
    _check(run, order)
    to = order.to
    try:
        if order.zipped:
            to.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{to.name}.", suffix=".part", dir=to.parent) as place:
                folder = Path(place) / to.stem
                compared = _fill(run, order, folder)
                order.report(0.95, "Packing")
                with atomic.new_file(to) as file:
                    _pack(folder, file)
        else:
            compared = _fill(run, order, to)
    except OSError as error:
        raise from_os_error(error, "export to", to) from error
    order.report(1.0, "Exported")
    return compared


def _check(run: RunFolder, order: Order) -> None:
    wrong = atomic.damage(run.model) if run.model.is_dir() else "it has not ended yet"
    if wrong:
        raise UserError(f"The run in “{run.path}” has no whole model ({wrong}); resume or train again.")
    formats.check_place(order.to, zipped=order.zipped)
    config = json.loads((run.model / "config.json").read_text(encoding="utf-8"))
    unfit = formats.unfit(order.format, config, adapter=run.adapter.is_dir()) or formats.missing(order.format)
    if unfit:
        raise UserError(unfit)


def _fill(run: RunFolder, order: Order, to: Path) -> Compared:
    """Make the folder `to`, whole and compared, or nothing."""
    with atomic.new_folder(to) as filling:
        order.report(0.05, "Writing the model")
        FILLERS[order.format.kind](run, order, filling)
        order.report(0.6, "Comparing with the run")
        told = read_back.compare(run, filling, order.format, order.compared, lambda doing: order.report(0.7, doing))
        refusal = told.refusal(order.format)
        if refusal:
            raise UserError(refusal)
        for name, text in order.describe(told).items():
            atomic.write_text(filling / name, text)
        order.report(0.9, "Writing to the disk")
    return told


def _copy(path: Path, to: Path) -> None:
    # not copied with its mode: some weights are written for their owner alone
    shutil.copyfile(path, to / path.name)


def _folder(run: RunFolder, order: Order, filling: Path) -> None:
    for path in run.model.iterdir():
        if path.name != atomic.MANIFEST:
            _copy(path, filling)


def light(run: RunFolder, filling: Path) -> None:
    """All but the weights: config, tokenizer, and what this program has to know."""
    for path in run.model.iterdir():
        if path.is_file() and path.name != atomic.MANIFEST and not path.name.endswith(HEAVY):
            _copy(path, filling)


def _adapter(run: RunFolder, order: Order, filling: Path) -> None:
    _copy(run.model / "config.json", filling)
    for path in run.adapter.iterdir():
        if path.name != atomic.MANIFEST:
            _copy(path, filling)
    file = filling / "adapter_config.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    # where the base model lies on this disk is nobody's business
    told["base_model_name_or_path"] = Path(str(told.get("base_model_name_or_path") or "")).name
    atomic.write_json(file, told)


def _onnx(run: RunFolder, order: Order, filling: Path) -> None:
    light(run, filling)
    model, _ = _loaded(run.model)
    longest = model_folder.longest(model.config, onnx_model.UNLIMITED)
    if not order.format.precision:
        onnx_model.write(model, filling / onnx_model.WEIGHTS, longest)
        return
    with tempfile.TemporaryDirectory(prefix=".exact.", dir=filling) as place:
        exact = Path(place) / onnx_model.WEIGHTS
        onnx_model.write(model, exact, longest)
        del model
        order.report(0.5, "Making its numbers smaller")
        onnx_model.QUANTISERS[order.format.precision](exact, filling / onnx_model.WEIGHTS)


def _gguf(run: RunFolder, order: Order, filling: Path) -> None:
    model, tokenizer = _loaded(run.model)

    def report(done: int, total: int) -> None:
        order.report(0.1 + 0.4 * done / total, "Writing the model")

    gguf_file.write(model, tokenizer, filling / gguf_file.NAME, order.format.precision, order.name, report)
    if hasattr(model, "generate") and model.config.model_type != "bert":
        instruction = prompt.told(model.config.to_dict())
        labels = list((model.config.id2label or {}).values())
        text = ollama.modelfile(
            tokenizer,
            gguf_file.NAME,
            _ends(model, tokenizer),
            model.config.max_position_embeddings,
            None if instruction is None else prompt.asked(prompt.with_labels(instruction, labels), prompt.TEXT),
        )
        atomic.write_text(filling / ollama.NAME, text)


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The tokens by which a model says that it has ended."""
    told = getattr(model.generation_config, "eos_token_id", None)
    numbers = told if isinstance(told, list) else [told, tokenizer.eos_token_id]
    wanted = dict.fromkeys(number for number in numbers if isinstance(number, int))
    return [str(tokenizer.convert_ids_to_tokens(number)) for number in wanted]


def _loaded(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model as transformers alone has it."""
    import transformers

    model_folder.quiet()
    config = model_folder.config(folder)
    kind: Any = getattr(transformers, (config.architectures or [""])[0])
    model = kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True, use_safetensors=True)
    return model.eval(), model_folder.tokenizer(folder)


FILLERS: Mapping[str, Callable[[RunFolder, Order, Path], None]] = {
    "folder": _folder,
    "adapter": _adapter,
    "onnx": _onnx,
    "gguf": _gguf,
}


def _pack(folder: Path, file: Any) -> None:
    """A folder as a ZIP, and a look at whether it reads back."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, allowZip64=True) as packed:
        for path in sorted(folder.rglob("*")):
            # weights do not get smaller
            how = zipfile.ZIP_STORED if path.suffix in read_back.WEIGHTS else zipfile.ZIP_DEFLATED
            packed.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", how)
    file.flush()
    os.fsync(file.fileno())
    with zipfile.ZipFile(Path(file.name)) as again:
        damaged = again.testzip()
    if damaged:
        raise UserError(f"What was written to the disk does not read back ({damaged}); check the disk.")
