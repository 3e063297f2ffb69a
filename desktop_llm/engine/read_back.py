"""An export, loaded again in a process of its own that knows nothing of what wrote it, and asked about real rows.

`compare` asks the run's own model here and the export there, and tells how far they agree. The other process is
`python -m desktop_llm.engine.read_back FOLDER ASKED ANSWERS`: what it is asked is JSON, what it answers arrays.
Of models that go on from a text, the logits of the last tokens of some rows are compared; of all others, the answers
to rows.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from desktop_llm import child
from desktop_llm.engine import evaluate, gguf_file
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs import formats, snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import Compared, Format
from desktop_llm.jobs.model_note import task_of
from desktop_llm.nets import model_folder, onnx_model
from desktop_llm.nets.learner import Outputs, Row, Writing
from desktop_llm.tasks import task as task_named

READ, KEPT, WRITERS_ROWS = 128, 16, 32
"""Of a row of a model that writes: the last tokens that are read, those whose logits are compared; how many rows."""
TASK_SPLITS = ("test", "validation", "train")
WEIGHTS = (".safetensors", ".onnx", ".data", ".gguf")
Step = Callable[[str], None]


def compare(run: RunFolder, export: Path, told: Format, count: int, step: Step) -> Compared:
    """How the model in `export` answers `count` rows of the run's data, measured by the run's own. Raises UserError."""
    config = json.loads((run.model / "config.json").read_text(encoding="utf-8"))
    task = task_named(task_of(run.model))
    by_token = formats.goes_on(config)
    rows = [] if by_token else list(islice(_rows(run), count))
    step("Asking the run's model")
    asked: dict[str, Any] = {"kind": told.kind, "model": str(run.model.resolve())}
    if told.kind == "adapter":
        asked["base"] = run.job().recipe.model
    ours: Outputs
    if by_token:
        learner = task.open_learn().load(run.model)
        assert isinstance(learner, Writing)
        asked["tokens"] = _openings(learner, _rows(run), min(count, WRITERS_ROWS))
        ours = _logits(learner.model, asked["tokens"])
    else:
        predictor = Predictor(run.model)
        learner = predictor.learner
        asked["rows"] = rows
        ours = predictor.outputs(rows)
    step("Loading the export again and asking it")
    theirs = _ask_elsewhere(export, asked)
    same, answers = _same_tokens(ours, theirs) if by_token else _same_answers(learner, ours, theirs)
    figures = {} if by_token or told.bound is not None else _figures(run, task.name, learner, rows, ours, theirs)
    return Compared(
        rows=len(asked["tokens"] if by_token else rows),
        answers=answers,
        same=same,
        difference=_difference(ours, theirs),
        figures=figures,
        size=_weight(export),
        size_before=_weight(run.model),
    )


def _rows(run: RunFolder) -> Iterator[Row]:
    return chain.from_iterable(snapshot.rows(run.snapshot, split) for split in TASK_SPLITS)


def _openings(learner: Writing, rows: Iterator[Row], count: int) -> list[list[int]]:
    """The last tokens of what so many rows begin with; rows that ask nothing, or are too long, are passed over.

    Where all are, the first tokens that there are: something has to be compared.
    """
    told: list[list[int]] = []
    for row in rows:
        if len(told) >= count:
            break
        with suppress(UserError):
            told.append(learner.opening(row, 1)[-READ:])
    return told or [list(range(min(KEPT, len(learner.tokenizer))))]


def _weight(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.iterdir() if one.suffix in WEIGHTS)


def _ask_elsewhere(export: Path, asked: dict[str, Any]) -> Outputs:
    with tempfile.TemporaryDirectory(prefix="desktop-llm-") as place:
        question, answer = Path(place) / "asked.json", Path(place) / "answers.npz"
        question.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
        code, wrong = child.PROGRAM("desktop_llm.engine.read_back", str(export), str(question), str(answer))
        if code or not answer.is_file():
            last = (wrong.strip().splitlines() or [f"exit code {code}"])[-1]
            raise UserError(f"The export cannot be loaded again ({last}); nothing was exported.", details=wrong)
        with np.load(answer) as told:
            return _unpacked(told["flat"], told["sizes"])


def _same_tokens(ours: Outputs, theirs: Outputs) -> tuple[int, int]:
    pairs = [(one.argmax(-1), other.argmax(-1)) for one, other in zip(ours, theirs, strict=True)]
    return sum(int((one == other).sum()) for one, other in pairs), sum(len(one) for one, _ in pairs)


def _same_answers(learner: Any, ours: Outputs, theirs: Outputs) -> tuple[int, int]:
    before, now = learner.predictions(ours), learner.predictions(theirs)
    return sum(one.label == other.label for one, other in zip(before, now, strict=True)), len(before)


def _difference(ours: Outputs, theirs: Outputs) -> float:
    try:
        found = evaluate.difference(ours, theirs)
    except (RuntimeError, ValueError):  # another number of them
        return float("inf")
    return found if np.isfinite(found) else float("inf")


def _figures(
    run: RunFolder, task_name: str, learner: Any, rows: Sequence[Row], ours: Outputs, theirs: Outputs
) -> dict[str, tuple[float, float]]:
    """The task's main measure of both, where all rows have a label."""
    truth = [row.get("label") for row in rows]
    if not truth or any(one is None for one in truth):
        return {}
    task = task_named(task_name)
    classes, score, main = list(run.job().schema.get("classes", ())), task.open_score(), task.metrics[0]
    before, now = (float(score(truth, learner.predictions(one), classes).metrics[main.name]) for one in (ours, theirs))
    return {main.title: (before, now)}


def _logits(model: Any, lines: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Logits float32 [at most KEPT, vocabulary] behind the last tokens of each line."""
    told = []
    with torch.inference_mode():
        for line in lines:
            logits = model(input_ids=torch.tensor([line])).logits if line else torch.zeros(1, 0, 1)
            told.append(logits[0, -KEPT:].float().clone())
    return told


def _packed(outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """All rows of all outputs one below the other, and how many each has; −1 alone: each has one, without an axis."""
    if isinstance(outputs, torch.Tensor):
        return outputs.numpy(), np.array([-1])
    flat = torch.cat(list(outputs)) if outputs else torch.zeros(0, 1)
    return flat.numpy(), np.array([len(one) for one in outputs], dtype=np.int64)


def _unpacked(flat: np.ndarray, sizes: np.ndarray) -> Outputs:
    whole = torch.from_numpy(flat)
    if len(sizes) == 1 and sizes[0] == -1:
        return whole
    return list(torch.split(whole, sizes.tolist()))


def answer(folder: Path, asked: dict[str, Any]) -> Outputs:
    """What the export in `folder` says, as it is asked. Raises UserError."""
    model_folder.quiet()
    kind = str(asked["kind"])
    if "tokens" in asked:
        return _logits(_writer(folder, kind, asked), asked["tokens"])
    if kind in ("folder", "onnx"):
        return Predictor(folder).outputs(asked["rows"])
    predictor = Predictor(Path(asked["model"]))  # for its tokens and its shape; the weights come from the export
    learner: Any = predictor.learner
    if kind == "gguf":
        for weight in learner.model.parameters():
            weight.data.fill_(float("nan"))
        gguf_file.fill(learner.model, folder / gguf_file.NAME)
    else:
        learner.model = _with_adapter(folder, asked)
    return predictor.outputs(asked["rows"])


def _writer(folder: Path, kind: str, asked: dict[str, Any]) -> Any:
    """A model that writes, as whoever gets the export loads it."""
    from transformers import AutoModelForCausalLM

    auto: Any = AutoModelForCausalLM
    if kind == "onnx":
        return onnx_model.OnnxModel(folder, model_folder.config(folder, part=True))
    if kind == "adapter":
        return _with_adapter(folder, asked)
    if kind == "gguf":
        return auto.from_pretrained(folder, gguf_file=gguf_file.NAME, dtype=torch.float32, local_files_only=True).eval()
    return auto.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


def _with_adapter(folder: Path, asked: dict[str, Any]) -> Any:
    import transformers
    from peft import PeftModel

    config = model_folder.config(Path(asked["model"]))
    kind: Any = getattr(transformers, (config.architectures or [""])[0])
    base = kind.from_pretrained(
        asked["base"], config=config, dtype=torch.float32, local_files_only=True, ignore_mismatched_sizes=True
    )
    return PeftModel.from_pretrained(base, str(folder)).eval()


def main(words: Sequence[str]) -> None:
    """The other process."""
    folder, question, place = (Path(one) for one in words)
    flat, sizes = _packed(answer(folder, json.loads(question.read_text(encoding="utf-8"))))
    with place.open("wb") as file:
        np.savez(file, flat=flat, sizes=sizes)


if __name__ == "__main__":  # offline, as the environment of the process that started it says
    try:
        main(sys.argv[1:])
    except UserError as problem:
        sys.exit(problem.message)
