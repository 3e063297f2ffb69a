"""Texts of a block told apart by where they begin: as by a mask, where a device has no kernel for it."""

from __future__ import annotations

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from desktop_llm.nets import attention, varlen

POSITIONS = np.array([[0, 1, 2, 0, 1, 0, 1, 2], [0, 1, 2, 3, 4, 5, 6, 0]])


def test_where_texts_begin_has_one_shape_whatever_their_number() -> None:
    told = varlen.starts(POSITIONS, 4)
    assert told.tolist() == [0, 3, 5, 8, 15, 16, 16, 16, 16]
    assert varlen.starts(np.arange(16).reshape(2, 8), 4).shape == told.shape
    assert varlen.documents(told, (2, 8)).tolist() == [[0, 0, 0, 1, 1, 2, 2, 2], [3, 3, 3, 3, 3, 3, 3, 4]]


def test_a_text_sees_itself_alone_as_with_a_mask() -> None:
    torch.manual_seed(0)
    shape = LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    model = LlamaForCausalLM(shape)
    model.train(False)
    attention.use(model)
    ids, positions = torch.randint(64, (2, 8)), torch.from_numpy(POSITIONS)
    begins = varlen.starts(POSITIONS, 3)
    mask = attention.mask_of(varlen.documents(begins, (2, 8)), torch.float32)
    with torch.no_grad():
        masked = model(input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False).logits
        told = model(input_ids=ids, position_ids=positions, use_cache=False, **attention.apart(begins, 8)).logits
        whole = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    torch.testing.assert_close(told, masked)
    assert not torch.allclose(whole, masked, atol=1e-3), "nothing is kept apart: the comparison would be empty"
