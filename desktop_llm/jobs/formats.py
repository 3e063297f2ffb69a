"""The formats in which a model is handed on: what each is for, what it needs, and how like the run it must answer.

Which of them a model can have is said by its config.json, so that no task has to be known for it.
"""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from desktop_llm.errors import UserError
from desktop_llm.paths import check_home

Kind = Literal["folder", "adapter", "onnx", "gguf"]
ZIP = ".zip"
EXACT = 1e-4
"""The largest difference between logits of the run and of an export that holds all of its digits (float32)."""
WRITERS = ("ForCausalLM", "LMHeadModel")
"""How transformers ends the names of models that go on from a text."""
ONNX_KINDS = ("ForSequenceClassification", "ForTokenClassification", *WRITERS)
GGUF_WRITERS = ("llama", "mistral")
GGUF_ENCODERS = ("bert",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format by its `name` on the command line.

    `modules` are the Python modules it needs, of our extra `ship`. `precision` is that of the
    weights, '' as they are. An export is refused when its logits differ by more than `bound` (None: they may), or when
    less than `agreeing` of the compared answers are the same.
    """

    name: str
    title: str
    help: str
    kind: Kind
    precision: str = ""
    modules: tuple[str, ...] = ()
    bound: float | None = EXACT
    agreeing: float = 0.0


ONNX_MODULES = ("onnx", "onnxscript", "onnxruntime")
_ALL = (
    Format(
        name="huggingface",
        title="Hugging Face folder",
        help="Weights as safetensors, config with the label names, tokenizer. transformers loads it without this "
        "program.",
        kind="folder",
    ),
    Format(
        name="adapter",
        title="Adapter (LoRA)",
        help="Only what the run learned beside its base model, some megabytes in peft's layout. Whoever loads it needs "
        "the base model, too.",
        kind="adapter",
    ),
    Format(
        name="onnx",
        title="ONNX",
        help="For onnxruntime and its like, on servers, phones and in browsers, without PyTorch. Any number of texts "
        "of any length; the tokenizer lies beside it.",
        kind="onnx",
        modules=ONNX_MODULES,
    ),
    Format(
        name="onnx-int8",
        title="ONNX, 8 bits",
        help="As ONNX, at a quarter of the size: weights as whole numbers of 8 bits. Answers may change a little; "
        "how much is measured.",
        kind="onnx",
        precision="int8",
        modules=ONNX_MODULES,
        bound=None,
        agreeing=0.9,
    ),
    Format(
        name="onnx-int4",
        title="ONNX, 4 bits",
        help="As ONNX, at about a seventh of the size: weights and embeddings in blocks of 4 bits. For memory, not for "
        "speed; what it costs in answers is measured.",
        kind="onnx",
        precision="int4",
        modules=ONNX_MODULES,
        bound=None,
        agreeing=0.8,
    ),
    Format(
        name="gguf-f16",
        title="GGUF, 16 bits",
        help="For llama.cpp, Ollama and LM Studio, in half precision.",
        kind="gguf",
        precision="F16",
        modules=("gguf",),
        bound=None,
        agreeing=0.98,
    ),
    Format(
        name="gguf-q8_0",
        title="GGUF, 8 bits (Q8_0)",
        help="For llama.cpp, Ollama and LM Studio, at a quarter of the size; hardly to be told from the original.",
        kind="gguf",
        precision="Q8_0",
        modules=("gguf",),
        bound=None,
        agreeing=0.9,
    ),
    Format(
        name="gguf-q5_0",
        title="GGUF, 5 bits (Q5_0)",
        help="For llama.cpp, Ollama and LM Studio, at a sixth of the size, with some loss.",
        kind="gguf",
        precision="Q5_0",
        modules=("gguf",),
        bound=None,
        agreeing=0.7,
    ),
    Format(
        name="gguf-q4_0",
        title="GGUF, 4 bits (Q4_0)",
        help="For llama.cpp, Ollama and LM Studio, at an eighth of the size; small models lose much.",
        kind="gguf",
        precision="Q4_0",
        modules=("gguf",),
        bound=None,
        agreeing=0.5,
    ),
)
FORMATS: Mapping[str, Format] = {one.name: one for one in _ALL}


def lacking(modules: Sequence[str]) -> list[str]:
    """Those of the modules that are not installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def command(modules: Sequence[str]) -> str:
    """The command that adds those of the modules that are not installed to this very installation."""
    python = subprocess.list2cmdline([sys.executable]) if sys.platform == "win32" else shlex.quote(sys.executable)
    return f"{python} -m pip install {' '.join(lacking(modules))}"


def missing(told: Format) -> str:
    """The sentence on what has to be installed for a format; '' where all is there."""
    names = lacking(told.modules)
    if not names:
        return ""
    return (
        f"“{told.title}” needs {', '.join(names)}, which this installation does not have; add it with: "
        f"{command(told.modules)}"
    )


def unfit(told: Format, config: Mapping[str, Any], *, adapter: bool) -> str:
    """Why a model cannot have a format, in a sentence; '' where it can.

    `config` is the model's config.json, `adapter` whether the run has learned matrices beside a base model.
    """
    if told.kind == "adapter":
        return "" if adapter else "The run has no adapter: it was not trained by LoRA."
    if told.kind == "onnx":
        return _unfit_for_onnx(config)
    return _unfit_for_gguf(config) if told.kind == "gguf" else ""


def note(told: Format, config: Mapping[str, Any]) -> str:
    """What is to be known beforehand of a format that a model can have, in a sentence; '' where there is nothing."""
    if told.kind in ("onnx", "gguf") and goes_on(config):
        return "For other programs: here such a model is tried, measured and served from a Hugging Face folder alone."
    return ""


def goes_on(config: Mapping[str, Any]) -> bool:
    """Whether a model goes on from a text, token by token."""
    return _kind_of(config).endswith(WRITERS) and not config.get("is_encoder_decoder")


def _kind_of(config: Mapping[str, Any]) -> str:
    names = config.get("architectures") or ("",)
    return str(names[0])


def _unfit_for_onnx(config: Mapping[str, Any]) -> str:
    if config.get("is_encoder_decoder") or not _kind_of(config).endswith(ONNX_KINDS):
        kind = config.get("model_type")
        return f"Models of the type “{kind}” are not written as ONNX here; take the Hugging Face folder."
    return ""


def _unfit_for_gguf(config: Mapping[str, Any]) -> str:
    kind, family = _kind_of(config), str(config.get("model_type"))
    if family in GGUF_WRITERS and kind.endswith("ForCausalLM"):
        rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
        scaled = rope.get("rope_type", rope.get("type", "default")) != "default"
        return "The model stretches its positions in a way that is not written to GGUF here." if scaled else ""
    if family in GGUF_ENCODERS and kind.endswith("ForSequenceClassification"):
        return ""
    return (
        f"GGUF is written for models like Llama that write, and for classifiers like BERT; this one is of the type "
        f"“{family}”. Take ONNX or the Hugging Face folder."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What reading an export back has shown, on `rows` real rows with `answers` answers between them.

    `same` of the answers are the same as the run's; `difference` is the largest between two logits. `figures` are the
    task's main measure of the run and of the export, by name, where rows had a label. `size` in bytes of the export's
    weights and `size_before` of the run's.
    """

    rows: int
    answers: int
    same: int
    difference: float
    figures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    size: int = 0
    size_before: int = 0

    @property
    def share(self) -> float:
        """The part of the answers that are the same."""
        return self.same / self.answers if self.answers else 1.0

    def refusal(self, told: Format) -> str:
        """Why an export in this format is not good enough, in a sentence; '' where it is."""
        if told.bound is not None and not self.difference <= told.bound:
            return (
                f"The exported model answers differently (logits by up to {self.difference:.2g}, "
                f"allowed are {told.bound:.0e}); nothing was exported."
            )
        if self.share < told.agreeing:
            return (
                f"Only {self.same:,} of {self.answers:,} answers of the exported model are the run's "
                f"({self.share:.1%}; “{told.title}” wants {told.agreeing:.0%}); nothing was exported."
            )
        return ""

    def words(self) -> str:
        """In a sentence or two."""
        same = "all" if self.same == self.answers else f"{self.same:,} of"
        said = [
            f"Read back in a process of its own and compared on {self.rows:,} rows: {same} {self.answers:,} answers "
            f"are the same, logits differ by {self.difference:.2g} at most."
        ]
        said += [
            f"{name} on these rows, of which the run may have learned: {before:.4f} before, {after:.4f} now."
            for name, (before, after) in self.figures.items()
        ]
        if self.size and self.size_before and self.size != self.size_before:
            said.append(f"{megabytes(self.size)} instead of {megabytes(self.size_before)}.")
        return " ".join(said)


def check_place(to: Path, *, zipped: bool) -> None:
    """Raise UserError where an export cannot be put: one never covers what is there."""
    check_home(to.parent if zipped else to)
    if zipped:
        if to.suffix != ZIP:
            raise UserError(f"“{to}” is to be one file; give it a name that ends in {ZIP}.")
        if to.exists():
            raise UserError(f"“{to}” is there already; choose another name.")
    elif to.exists() and not to.is_dir():
        raise UserError(f"“{to}” is a file; choose a new folder.")
    elif to.exists() and any(to.iterdir()):
        raise UserError(f"“{to}” is there already and not empty; choose a new folder.")


def megabytes(size: int) -> str:
    """A size in words."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def to_json(told: Compared) -> dict[str, Any]:
    """As a JSON object."""
    return {
        "rows": told.rows,
        "answers": told.answers,
        "same": told.same,
        "difference": told.difference,
        "figures": {name: list(pair) for name, pair in told.figures.items()},
        "size": told.size,
        "size_before": told.size_before,
    }
