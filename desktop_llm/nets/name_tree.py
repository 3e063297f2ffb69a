"""Names as tokens, and the tree of their beginnings: behind one prompt a model reads what they share only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from desktop_llm.errors import UserError
from desktop_llm.nets.head_loss import IGNORED

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class NameTree:
    """`table` int64 [names, longest]: the tokens of each name, IGNORED behind them.

    The tree has a node for each beginning of a name that is not whole: `tokens` int64 [nodes] its last token, `depths`
    int64 [nodes] how many come before that, `sees` bool [nodes, nodes] which nodes are its own beginnings, itself
    included. `nexts` int64 [nodes + 1, most]: the tokens that follow nothing, and each node, filled up with 0; `paths`
    int64 [names, longest]: where in the flattened `nexts` the tokens of each name stand, one place behind it all where
    the name has ended.
    """

    table: torch.Tensor
    tokens: torch.Tensor
    depths: torch.Tensor
    sees: torch.Tensor
    nexts: torch.Tensor
    paths: torch.Tensor

    @property
    def longest(self) -> int:
        """Tokens of the longest name."""
        return self.table.shape[1]

    def to(self, device: torch.device) -> NameTree:
        """The same on a device."""
        if self.table.device == device:
            return self
        parts = (self.table, self.tokens, self.depths, self.sees, self.nexts, self.paths)
        return NameTree(*(one.to(device) for one in parts))

    def summed(self, chances: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of names float32 [b, names], from those of `nexts` [b, nodes + 1, most]."""
        flat = torch.nn.functional.pad(chances.flatten(1), (0, 1))
        return flat[:, self.paths.flatten()].view(len(flat), *self.paths.shape).sum(dim=-1)


def made(names: Sequence[str], ids: Sequence[Ids]) -> NameTree:
    """The tree of names with their tokens. Raises UserError where one has none, or two have the same."""
    _check(names, ids)
    places: dict[tuple[int, ...], int] = {(): 0}
    for one in ids:
        for size in range(1, len(one)):
            places.setdefault(tuple(one[:size]), len(places))
    beginnings = list(places)[1:]
    following: list[dict[int, int]] = [{} for _ in places]
    steps: list[list[tuple[int, int]]] = []
    for one in ids:
        path = []
        for size, token in enumerate(one):
            there = following[places[tuple(one[:size])]]
            path.append((places[tuple(one[:size])], there.setdefault(token, len(there))))
        steps.append(path)
    most, longest = max(map(len, following)), max(map(len, ids))
    nexts = torch.zeros(len(places), most, dtype=torch.int64)
    for place, there in enumerate(following):
        nexts[place, : len(there)] = torch.tensor(list(there))
    table = torch.full((len(ids), longest), IGNORED, dtype=torch.int64)
    paths = torch.full((len(ids), longest), len(places) * most, dtype=torch.int64)
    for place, (one, path) in enumerate(zip(ids, steps, strict=True)):
        table[place, : len(one)] = torch.tensor(list(one))
        paths[place, : len(one)] = torch.tensor([node * most + at for node, at in path])
    sees = torch.zeros(len(beginnings), len(beginnings), dtype=torch.bool)
    for one in beginnings:
        sees[places[one] - 1, [places[one[:size]] - 1 for size in range(1, len(one) + 1)]] = True
    return NameTree(
        table,
        torch.tensor([one[-1] for one in beginnings], dtype=torch.int64),
        torch.tensor([len(one) - 1 for one in beginnings], dtype=torch.int64),
        sees,
        nexts,
        paths,
    )


def _check(names: Sequence[str], ids: Sequence[Ids]) -> None:
    found: dict[tuple[int, ...], str] = {}
    for name, one in zip(names, ids, strict=True):
        if not name.strip():
            raise UserError("A label without a name cannot be written as an answer; name it, or let a head choose.")
        same = found.setdefault(tuple(one), name)
        if same != name:
            raise UserError(
                f"The labels “{same}” and “{name}” are the same tokens to this model, so that it cannot tell them "
                "apart; rename one of them."
            )
