"""The kernel of the head's loss, as far as it can be looked at without a GPU; what it computes: tests/gpu."""

from __future__ import annotations

import ast
from pathlib import Path

import torch

from desktop_llm.nets import head_kernel


def test_the_kernel_has_no_annotations_that_triton_cannot_compile() -> None:
    source = Path(head_kernel.__file__).with_name("head_triton.py").read_text(encoding="utf-8")
    kernel = next(one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef))
    told = {one.arg: one.annotation and ast.unparse(one.annotation) for one in kernel.args.args}
    assert set(told.values()) == {None, "tl.constexpr"}, told


def test_a_processor_has_no_use_for_it() -> None:
    assert not head_kernel.there(torch.device("cpu"))
