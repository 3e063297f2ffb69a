"""Names as a tree of their beginnings: each path is its name, and each node sees its own beginnings alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.errors import UserError
from desktop_llm.nets import name_tree
from desktop_llm.nets.head_loss import IGNORED

END = 9
NAMES = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=5).map(tuple), min_size=1, max_size=8, unique=True)


@given(NAMES)
def test_each_path_is_its_name(names: list[tuple[int, ...]]) -> None:
    ids = [[*name, END] for name in names]
    tree = name_tree.made([str(one) for one in ids], ids)
    assert len(tree.tokens) == len({name[:size] for name in names for size in range(1, len(name) + 1)})
    flat = tree.nexts.flatten()
    for place, one in enumerate(ids):
        assert tree.table[place].tolist() == [*one, *[IGNORED] * (tree.longest - len(one))]
        path = tree.paths[place].tolist()
        assert flat[path[: len(one)]].tolist() == one
        assert set(path[len(one) :]) <= {len(flat)}
        nodes = [0, *(at // tree.nexts.shape[1] for at in path[1 : len(one)])]
        for depth, node in enumerate(nodes[1:]):
            assert int(tree.tokens[node - 1]) == one[depth]
            assert int(tree.depths[node - 1]) == depth
            seen = torch.nonzero(tree.sees[node - 1]).flatten().tolist()
            assert seen == sorted(before - 1 for before in nodes[1 : depth + 2])


@given(NAMES, st.integers(0, 100))
def test_the_sum_of_a_name_is_that_of_its_steps(names: list[tuple[int, ...]], seed: int) -> None:
    ids = [[*name, END] for name in names]
    tree = name_tree.made([str(one) for one in ids], ids)
    chances = torch.randn(3, *tree.nexts.shape, generator=torch.Generator().manual_seed(seed))
    told = tree.summed(chances)
    for place, one in enumerate(ids):
        steps = tree.paths[place, : len(one)]
        torch.testing.assert_close(told[:, place], chances.flatten(1)[:, steps].sum(dim=1))


def test_names_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(UserError, match="The labels “a” and “A” are the same tokens to this model"):
        name_tree.made(["a", "b", "A"], [[1, END], [2, END], [1, END]])
    with pytest.raises(UserError, match="A label without a name"):
        name_tree.made(["a", " "], [[1, END], [END]])
