"""The loss made piece by piece is that of torch, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from desktop_llm.nets import head_loss


def _given(tokens: int, words: int, *, ignored: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(tokens)
    hidden = torch.randn(tokens, 24, requires_grad=True)
    weight = torch.randn(words, 24, requires_grad=True)
    targets = torch.randint(0, words, (tokens,))
    if ignored:
        targets[::ignored] = head_loss.IGNORED
    return hidden, weight, targets


@pytest.mark.parametrize(("tokens", "words", "ignored"), [(7, 50, 0), (300, 91, 3), (129, 40_000, 2), (65, 70_000, 5)])
def test_it_is_the_cross_entropy_of_torch(tokens: int, words: int, ignored: int) -> None:
    hidden, weight, targets = _given(tokens, words, ignored=ignored)
    ours = head_loss.mean_loss(hidden, weight, targets)
    theirs = functional.cross_entropy(hidden @ weight.t(), targets)
    torch.testing.assert_close(ours, theirs)
    for one, other in zip(
        torch.autograd.grad(ours * 0.3, [hidden, weight]),
        torch.autograd.grad(theirs * 0.3, [hidden, weight]),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_pieces_are_smaller_than_the_whole() -> None:
    assert head_loss.pieces(1000, 40_000, torch.device("cpu")) < 129
    assert head_loss.pieces(7, 50, torch.device("cpu")) == 7


def test_a_shared_table_gets_both_gradients() -> None:
    _, table, targets = _given(90, 60)
    ids = torch.randint(0, 60, (90,))
    ours = head_loss.mean_loss(functional.embedding(ids, table).tanh(), table, targets)
    theirs = functional.cross_entropy(functional.embedding(ids, table).tanh() @ table.t(), targets)
    torch.testing.assert_close(*(torch.autograd.grad(one, table)[0] for one in (ours, theirs)))


def test_half_precision_rounds_no_more_than_torch_does() -> None:
    hidden, weight, targets = _given(500, 300, ignored=4)
    exact = torch.autograd.grad(functional.cross_entropy(hidden @ weight.t(), targets), [hidden, weight])
    with torch.autocast("cpu", torch.bfloat16):
        ours = head_loss.mean_loss(hidden, weight, targets)
        theirs = functional.cross_entropy((hidden @ weight.t()).float(), targets)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)
    made = torch.autograd.grad(ours, [hidden, weight])
    made_by_torch = torch.autograd.grad(theirs, [hidden, weight])
    for one, other, true in zip(made, made_by_torch, exact, strict=True):
        assert one.dtype == torch.float32
        assert float((one - true).norm()) <= 1.2 * float((other - true).norm()) + 1e-6


def test_without_gradient_and_without_targets() -> None:
    hidden, weight, targets = _given(30, 20, ignored=2)
    with torch.no_grad():
        torch.testing.assert_close(
            head_loss.mean_loss(hidden, weight, targets), functional.cross_entropy(hidden @ weight.t(), targets)
        )
    nothing = head_loss.mean_loss(hidden, weight, torch.full((30,), head_loss.IGNORED))
    assert float(nothing.detach()) == 0.0
    each = head_loss.losses(hidden, weight, targets)
    wanted = functional.cross_entropy(hidden @ weight.t(), targets, reduction="none", ignore_index=head_loss.IGNORED)
    torch.testing.assert_close(each, wanted.detach())


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, targets = _given(30, 20)
    head_loss.mean_loss(hidden, weight.detach(), targets).backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert weight.grad is None
