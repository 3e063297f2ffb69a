"""A model written as ONNX: made from one of transformers, and answered by onnxruntime in its place."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from desktop_llm.errors import UserError
from desktop_llm.jobs import formats

WEIGHTS = "model.onnx"
INPUTS = ("input_ids", "attention_mask")
MOST_TEXTS = 65_536
UNLIMITED = 1_000_000
BLOCK = 32


def is_one(folder: Path) -> bool:
    """Whether a folder has a model in this form, and no other."""
    return (folder / WEIGHTS).is_file() and not (folder / "model.safetensors").is_file()


class Answer:
    """What a model of transformers gives back, as far as learners look at it."""

    def __init__(self, logits: torch.Tensor) -> None:
        """Logits float32 as the model was written with."""
        self.logits = logits


class OnnxModel(torch.nn.Module):
    """Stands where a model of transformers stands, for answers alone: `model(input_ids=…).logits`."""

    def __init__(self, folder: Path, config: PretrainedConfig, threads: int = 0) -> None:
        """Load it on the processor, with so many threads (0: as many as torch). Raises UserError."""
        super().__init__()
        try:
            import onnxruntime
        except ImportError:
            add = formats.command(("onnxruntime",))
            raise UserError(
                f"“{folder}” is an ONNX export; answering with it needs onnxruntime, added by: {add}"
            ) from None
        self.config = config
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3
        # threads that wait sleep: others of this machine want it, too
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(folder / WEIGHTS), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has an exception of its own for everything that may be wrong
            raise UserError(f"“{folder / WEIGHTS}” cannot be loaded; export the model again.") from error

    @property
    def device(self) -> torch.device:
        """Where it computes, as models of transformers say it."""
        return torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Answer:
        """Logits of padded texts, int64 [b, t]."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        (logits,) = self._session.run(
            None, {"input_ids": input_ids.cpu().numpy(), "attention_mask": mask.cpu().numpy()}
        )
        return Answer(torch.from_numpy(logits).to(input_ids.device))


class _Logits(torch.nn.Module):
    """A model with two inputs and one output."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self._model = model
        self._more: dict[str, Any] = {"use_cache": False} if hasattr(model.config, "use_cache") else {}

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._model(input_ids=input_ids, attention_mask=attention_mask, **self._more).logits
        return logits


def write(model: PreTrainedModel, file: Path, longest: int) -> None:
    """Write a model as ONNX: any number of texts of up to `longest` tokens. Raises UserError."""
    texts = torch.export.Dim("texts", min=1, max=MOST_TEXTS)
    tokens = torch.export.Dim("tokens", min=1, max=max(2, longest))
    shapes = {name: {0: texts, 1: tokens} for name in INPUTS}
    width = min(7, longest)
    ids = torch.arange(2 * width).view(2, width) % model.config.get_text_config().vocab_size
    mask = torch.ones_like(ids)
    mask[1, -max(1, width // 3) :] = 0
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, of which nothing is needed
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                _Logits(model).eval(),
                (),
                kwargs={"input_ids": ids, "attention_mask": mask},
                input_names=list(INPUTS),
                output_names=["logits"],
                dynamo=True,
                dynamic_shapes=shapes,
                verbose=False,
            )
            program.save(str(file))
    except OSError:
        raise
    except Exception as error:  # whatever torch cannot follow in a model, it says in an exception of its own
        raise UserError(
            f"This model cannot be written as ONNX ({type(error).__name__}); take the Hugging Face folder."
        ) from error


def quantise(file: Path, to: Path) -> None:
    """The same with weights of 8 bits, whose scales are found as it is written (dynamic quantisation)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises a further step that dynamic shapes do not need
    # a scale for each row of a matrix, and one bit kept free for the sums of processors without VNNI: of banking77's
    # answers 99 % stay the same so, 94 % without
    quantize_dynamic(str(file), str(to), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


def quantise_blocks(file: Path, to: Path) -> None:
    """The same with weights, and the tables that are looked up in, as whole numbers of 4 bits in blocks of BLOCK."""
    root = logging.getLogger()
    before = list(root.handlers)
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)  # what the library sets up as it is loaded would print whatever anybody logs
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.ERROR)
    made = MatMulNBitsQuantizer(
        str(file), bits=4, block_size=BLOCK, is_symmetric=False, op_types_to_quantize=("MatMul", "Gather")
    )
    made.process()
    made.model.save_model_to_file(str(to), False)


QUANTISERS: Mapping[str, Callable[[Path, Path], None]] = {"int8": quantise, "int4": quantise_blocks}
"""How weights are made smaller, by the precision of a format."""
