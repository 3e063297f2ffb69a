"""Linear layers by oneDNN: the same figures and gradients as PyTorch's own, the same weights on disk."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from desktop_llm.nets import onednn

pytestmark = pytest.mark.skipif(not torch._C._has_mkldnn, reason="this PyTorch comes without oneDNN")


def _model(bias: bool) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(24, 40, bias=bias), nn.GELU(), nn.Linear(40, 7, bias=bias)).double().float()


@pytest.mark.parametrize("bias", [True, False])
def test_output_and_gradients_are_those_of_pytorch(bias: bool) -> None:
    plain, fast = _model(bias), _model(bias)
    assert onednn.use(fast) == 2
    assert list(fast.state_dict()) == list(plain.state_dict())
    rows = torch.randn(5, 11, 24)
    found = []
    for model in (plain, fast):
        given = rows.clone().requires_grad_()
        # all tokens, and every first token: rows that lie apart; their sum has a gradient without storage of its own
        answer = model(given)
        ((answer**2).mean() + model(given[:, 0]).sum()).backward()
        found.append([answer, given.grad, *(one.grad for one in model.parameters())])
    for one, other in zip(*found, strict=True):
        assert one is not None
        torch.testing.assert_close(other, one)


def test_a_frozen_layer_gets_no_gradient_and_passes_it_on() -> None:
    model = _model(True)
    onednn.use(model)
    for parameter in model[2].parameters():
        parameter.requires_grad_(False)
    model(torch.randn(3, 24)).sum().backward()
    first, last = model[0], model[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    assert last.weight.grad is None
    assert last.bias.grad is None
    assert first.weight.grad is not None


def test_half_precision_and_no_gradient_go_the_old_way() -> None:
    plain, fast = _model(True), _model(True)
    onednn.use(fast)
    rows = torch.randn(4, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert fast(rows).dtype == torch.bfloat16
        torch.testing.assert_close(fast(rows), plain(rows))
    with torch.inference_mode():
        torch.testing.assert_close(fast(rows), plain(rows))
        assert fast(torch.empty(0, 24)).shape == (0, 7)


@pytest.mark.parametrize("bias", [True, False])
def test_packed_layers_answer_the_same_for_any_number_of_rows(bias: bool) -> None:
    plain, packed = _model(bias), _model(bias)
    onednn.use(packed)
    assert onednn.pack(packed) == 2
    with torch.inference_mode():
        for shape in ((1,), (3, 5), (8,), (onednn.MOST,), (onednn.MOST + 1,), (3, 300), (0,), (2, 0)):
            rows = torch.randn(*shape, 24)
            torch.testing.assert_close(packed(rows), plain(rows))
        apart = torch.randn(4, 6, 24)[:, 0]
        torch.testing.assert_close(packed(apart), plain(apart))


def test_a_packed_model_holds_its_weights_once() -> None:
    packed = _model(True)
    onednn.use(packed)
    onednn.pack(packed)
    assert [one.numel() for name, one in packed.named_parameters() if name.endswith("weight")] == [0, 0]
