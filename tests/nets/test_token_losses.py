"""The losses of single tokens are those of torch, and so are the gradients of whatever is made of them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from desktop_llm.nets import head_loss
from desktop_llm.nets.token_losses import token_losses


def _given(tokens: int, words: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(tokens)
    hidden = torch.randn(tokens, 24, requires_grad=True)
    weight = torch.randn(words, 24, requires_grad=True)
    return hidden, weight, torch.randint(0, words, (tokens,))


def _made(losses: torch.Tensor) -> torch.Tensor:
    """Something in which each token counts otherwise."""
    return (losses * torch.linspace(-1, 2, len(losses))).sum().tanh()


@pytest.mark.parametrize(("tokens", "words"), [(7, 50), (200, 40_000)], ids=["whole", "pieces"])
@pytest.mark.parametrize("frozen", [False, True], ids=["head learns", "head is frozen"])
def test_they_are_those_of_torch(tokens: int, words: int, frozen: bool) -> None:
    hidden, weight, targets = _given(tokens, words)
    weight.requires_grad_(not frozen)
    learned = [hidden] if frozen else [hidden, weight]
    ours = token_losses(hidden, weight, targets)
    theirs = functional.cross_entropy(hidden @ weight.t(), targets, reduction="none")
    torch.testing.assert_close(ours, theirs)
    assert (head_loss.pieces(tokens, words, torch.device("cpu")) < tokens) == (tokens == 200)
    made, wanted = (torch.autograd.grad(_made(one), learned) for one in (ours, theirs))
    for one, other in zip(made, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_half_precision_rounds_no_more_than_torch_does() -> None:
    hidden, weight, targets = _given(200, 40_000)
    exact = torch.autograd.grad(
        _made(functional.cross_entropy(hidden @ weight.t(), targets, reduction="none")), [hidden, weight]
    )
    with torch.autocast("cpu", torch.bfloat16):
        ours = token_losses(hidden, weight, targets)
        theirs = functional.cross_entropy((hidden @ weight.t()).float(), targets, reduction="none")
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, atol=1e-2, rtol=1e-3)
    made, by_torch = (torch.autograd.grad(_made(one), [hidden, weight]) for one in (ours, theirs))
    for one, other, true in zip(made, by_torch, exact, strict=True):
        assert one.dtype == torch.float32
        assert float((one - true).norm()) <= 1.2 * float((other - true).norm()) + 1e-6
