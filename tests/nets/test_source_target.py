"""TextPairs of texts as tokens: cut with their ends, shifted, padded, and asked for in measure."""

from __future__ import annotations

import numpy as np
import torch

from desktop_llm.nets import source_target, tokenizer
from desktop_llm.nets.head_loss import IGNORED, losses, mean_loss
from desktop_llm.nets.source_target import ASKED_TOKENS, OFTEN, OFTEN_TOKENS, SOMETIMES, TextPairs

TOKENIZER = tokenizer.train_pairs(["a b c d e f"], 258, 64)
PAD, END = TOKENIZER.pad_token_id, TOKENIZER.eos_token_id


def _encode(rows: list[tuple[str, str | None]], size: int = 8) -> TextPairs:
    return source_target.encode(TOKENIZER, rows, size=size, begin=PAD, end=END, report=lambda *_: None)


def test_what_is_too_long_is_cut_and_still_ends() -> None:
    made = _encode([("abcdefghij", "x" * 20), ("ab", "y")])
    assert (made.cut, made.cut_wanted) == (1, 1)
    assert made.lengths.tolist() == [16, 5]
    batch = made.batch([0])
    assert batch["input_ids"][0, -1] == END
    assert TOKENIZER.decode(batch["input_ids"][0, :-1]) == "abcdefg"
    assert batch["labels"][0, -1] == END


def test_a_target_is_begun_and_shifted_and_what_is_padded_does_not_count() -> None:
    made = _encode([("ab", "xy"), ("abcd", None), ("a", "xyz")])
    batch = made.batch([0, 1, 2])
    assert batch["attention_mask"].sum(dim=1).tolist() == [3, 5, 2]
    assert batch["decoder_input_ids"][:, 0].tolist() == [PAD] * 3
    labels = batch["labels"]
    assert (labels != IGNORED).sum(dim=1).tolist() == [3, 0, 4]
    known = labels[2] != IGNORED
    assert torch.equal(batch["decoder_input_ids"][2, 1:][known[1:]], labels[2, :-1][known[1:]])
    assert "attention_mask" not in made.batch([0])
    assert made.batch([1])["labels"].tolist() == [[IGNORED]]


def test_what_has_no_target_is_always_asked_and_of_others_as_many_as_there_is_time_for() -> None:
    made = _encode([("a", "x" * 7)] * 3000 + [("b", None)] * 5)
    assert (made.asked[3000:] == OFTEN).all()
    for when, most in (
        (SOMETIMES, ASKED_TOKENS),
        (OFTEN, OFTEN_TOKENS),
    ):
        tokens = int(made.sizes[:3000][made.asked[:3000] >= when].sum())
        assert 0.8 * most < tokens <= most + 8
    batch = made.batch([0, 1, 3000])
    assert batch["asked"].tolist() == [0, 2]
    assert batch["often"].tolist() == [True, True]


def test_no_text_is_unknown_and_comes_back_as_it_was() -> None:
    for text in ("  two  spaces\n", "我要一杯茶", "👩‍👩‍👧 naïve"):
        ids = TOKENIZER(text)["input_ids"]
        assert ids[-1] == END
        assert TOKENIZER.decode(ids, skip_special_tokens=True) == text


def test_the_loss_in_pieces_is_the_smoothed_loss_with_its_bias() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(200, 8, dtype=torch.float64).float().requires_grad_()
    weight = torch.randn(50_000, 8).mul_(0.3).requires_grad_()
    bias, targets = torch.randn(50_000), torch.from_numpy(np.arange(200) * 7)
    targets[::5] = IGNORED
    logits = hidden @ weight.t() + bias
    wanted = torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORED, label_smoothing=0.1)
    theirs = torch.autograd.grad(wanted, (hidden, weight))
    told = mean_loss(hidden, weight, targets, bias=bias, smoothing=0.1)
    mine = torch.autograd.grad(told * 1.0, (hidden, weight))
    torch.testing.assert_close(told, wanted)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    each = torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="none")
    torch.testing.assert_close(losses(hidden, weight, targets, bias=bias), each)
