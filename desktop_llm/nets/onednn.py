"""Linear layers in float32 by oneDNN, on processors where PyTorch's own way is half as fast.

PyTorch multiplies float32 matrices by Intel's MKL, which on AMD processors leaves the 512-bit instructions unused;
oneDNN, which PyTorch carries too, uses them. Measured on an EPYC (Zen 5), one thread, shapes of a small encoder: 100
against 230 GFLOP/s, forward and backward. Results differ by rounding only.

oneDNN keeps what it has made ready for each number of rows, with memory to work in: 1 to 3 MB a layer and number were
measured, for up to 1,024 of them. A model that only answers is therefore `pack`ed: its weights lie as oneDNN wants
them, once, and it is given few numbers of rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

STEP, MOST = 8, 256
"""A packed layer multiplies a multiple of STEP rows, and at most MOST of them, at once."""


def pays() -> bool:
    """Whether this processor is one where it is faster: AMD with AVX-512, and PyTorch brings both libraries."""
    told = torch.cpu.get_capabilities()
    return (
        bool(told.get("avx512_f"))
        and str(told.get("cpu_name", "")).startswith("AMD")
        and torch._C.has_mkl
        and torch._C._has_mkldnn
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def use(model: nn.Module) -> int:
    """Let every plain linear layer of a model on the processor multiply by oneDNN; how many there are.

    Parameters, names and what is saved stay as they are.
    """
    found = [module for module in model.modules() if type(module) is nn.Linear]
    for module in found:
        module.__class__ = OneDnnLinear
    return len(found)


class OneDnnLinear(nn.Linear):
    """A linear layer; float32 on the processor by oneDNN, all else (autocast, a GPU) as before."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        if input.device.type != "cpu" or input.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return functional.linear(input, self.weight, self.bias)
        # oneDNN takes a detour of a hundredfold cost for rows that lie apart, such as every text's first token
        rows = input.reshape(-1, self.in_features).contiguous()
        result: torch.Tensor = _Linear.apply(rows, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return result.view(*input.shape[:-1], self.out_features)


def pack(model: nn.Module) -> int:
    """Let the layers that `use` has found answer, and never learn or be saved again; how many there are.

    Not the head over all tokens: whoever asks for the chances of some reads its weight, and it may be the embeddings'.
    """
    head = getattr(model, "get_output_embeddings", lambda: None)()
    found = [module for module in model.modules() if type(module) is OneDnnLinear and module is not head]
    for module in found:
        module.__class__ = PackedLinear
        assert isinstance(module, PackedLinear)
        module.take()
    return len(found)


class PackedLinear(OneDnnLinear):
    """A linear layer without a weight of its own but in oneDNN's layout: for answers on the processor, in float32."""

    packed: torch.Tensor

    def take(self) -> None:
        """Let the weight be laid out anew; the old one is given up."""
        weight = self.weight.detach()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
        self.weight = nn.Parameter(weight.new_empty(0, self.in_features), requires_grad=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        rows = input.reshape(-1, self.in_features).contiguous()
        if not len(rows):
            return rows.new_empty(*input.shape[:-1], self.out_features)
        parts = [self._multiply(rows[start : start + MOST]) for start in range(0, len(rows), MOST)]
        result = parts[0] if len(parts) == 1 else torch.cat(parts)
        return result.view(*input.shape[:-1], self.out_features)

    def _multiply(self, rows: torch.Tensor) -> torch.Tensor:
        count = len(rows)
        over = -count % STEP
        if over:
            rows = functional.pad(rows, (0, 0, 0, over))
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.packed, self.bias, "none", [], "")
        return made[:count]


class _Linear(torch.autograd.Function):
    """y = x wᵀ + b with its gradients, each one call of oneDNN."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """`rows` [n, in], `weight` [out, in], `bias` [out] to [n, out]."""
        ctx.save_for_backward(rows, weight)
        ctx.has_bias = bias is not None
        return _multiply(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of rows, weight and bias."""
        gradient = gradients[0].contiguous()
        rows, weight = ctx.saved_tensors
        wants_rows, wants_weight, wants_bias = ctx.needs_input_grad
        return (
            _multiply(gradient, weight.t()) if wants_rows else None,
            _multiply(gradient.t(), rows.t()) if wants_weight else None,
            gradient.sum(0) if ctx.has_bias and wants_bias else None,
        )


def _multiply(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Rows [n, k] times weight [m, k] transposed, plus bias [m]."""
    if torch.compiler.is_compiling():
        made: torch.Tensor = _whole_multiply(rows, weight, bias)
        return made
    result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return result


@torch.library.custom_op("desktop_llm::multiply", mutates_args=())
def _whole_multiply(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """The same for `torch.compile`, which takes oneDNN apart for weights that never change alone."""
    result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return result


@_whole_multiply.register_fake
def _(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Its shape."""
    return rows.new_empty(rows.shape[0], weight.shape[0])
