"""How a model lies over the processes of a run: whole in each (DDP), or a part of it in each (FSDP2).

Learners keep their plain model and need not know: a batch is computed inside `Root`, a module around the model, so
that both ways find what they hook into however a learner calls its model.

Checkpoints and results are one kind of file, whole, written by the first process, and not the sharded ones of
`torch.distributed.checkpoint`: so a run moves between one device and several, and whatever reads a model folder reads
these. It takes one whole model in the memory of the first machine, which it needs at the end in any case.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from transformers import PreTrainedModel

from desktop_llm.engine import shards
from desktop_llm.engine.device import Device
from desktop_llm.engine.optimizers import States
from desktop_llm.engine.ranks import ALONE, Ranks
from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import stack
from desktop_llm.nets.learner import Batch, Learner

T = TypeVar("T")
BUCKET = 25 * 2**20
"""Bytes of gradients that travel together, as DDP has it."""


class Root(nn.Module):
    """A model and whatever a learner does with it, as one module."""

    def __init__(self, model: nn.Module) -> None:
        """Around a model, which stays as it is."""
        super().__init__()
        self.model = model

    def forward(self, work: Callable[[Batch], T], batch: Batch) -> T:
        """What `work` makes of a batch."""
        return work(batch)


class Spread:
    """A model that is whole in its process, the only one."""

    sharded = False
    factor = 1.0
    """By which a loss is multiplied, so that what comes of all processes is the sum of their gradients."""

    def __init__(self, learner: Learner, ranks: Ranks = ALONE) -> None:
        """The learner is on its device."""
        self.learner, self.ranks = learner, ranks

    @property
    def whole(self) -> Learner:
        """On the first process: the learner that holds the whole model once `gather` was called."""
        return self.learner

    def compute(self, work: Callable[[Batch], T], batch: Batch) -> T:
        """What `work` of the learner makes of a batch."""
        return work(batch)

    def rest(self) -> None:
        """Some passes without a backward one are over."""

    def reduce(self) -> None:
        """Add up the gradients of all processes, once each has added those of its slices."""

    def gather(self) -> None:
        """Bring the weights together in `whole`."""

    def scatter(self) -> None:
        """Give all processes the weights of `whole`."""

    def states(self, told: States) -> States:
        """What the optimizers remember, whole, on the first process; no tensors on the others."""
        return told


class Replicated(Spread):
    """DDP: the whole model in each process, gradients added up.

    Once a step, when all of its slices are done, and not by torch's `DistributedDataParallel`, which adds up during the
    last backward pass: there a process whose memory is full could not try again in smaller slices, as the others would
    already have met with its first try. It costs the time in which both would have gone on at once.
    """

    def __init__(self, learner: Learner, ranks: Ranks) -> None:
        """Begins with the weights of the first process."""
        super().__init__(learner, ranks)
        self._used: list[bool] = []
        self.scatter()

    def reduce(self) -> None:
        """One after the other in buckets; a parameter that no process has used stays without a gradient."""
        parameters = [one for one in self.learner.model.parameters() if one.requires_grad]
        if not self._used or not all(self._used):
            met = torch.tensor([one.grad is not None for one in parameters], dtype=torch.uint8)
            dist.all_reduce(met, dist.ReduceOp.MAX)
            self._used = [bool(one) for one in met.tolist()]
        gradients = []
        for one in (one for one, used in zip(parameters, self._used, strict=True) if used):
            if one.grad is None:
                one.grad = torch.zeros_like(one)
            gradients.append(one.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([one.flatten() for one in bucket])
            dist.all_reduce(flat)
            parts = torch.split(flat, [one.numel() for one in bucket])
            torch._foreach_copy_([one.view(-1) for one in bucket], list(parts))

    @torch.no_grad()
    def scatter(self) -> None:
        """Parameters and buffers of the first process for all."""
        for one in (*self.learner.model.parameters(), *self.learner.model.buffers()):
            dist.broadcast(one.detach(), 0)

    def states(self, told: States) -> States:
        """The same on all processes."""
        return told if self.ranks.first else States({}, told.figures)


class Sharded(Spread):
    """FSDP2: of each layer's weights, gradients and optimizer's memory each process holds a part."""

    sharded = True

    def __init__(self, learner: Learner, ranks: Ranks, device: Device) -> None:
        """The learner is still on the processor; begins with the weights of the first process."""
        super().__init__(learner, ranks)
        self.factor = float(ranks.world)  # gradients are averaged on their way
        self._whole = copy.deepcopy(learner) if ranks.first else learner
        model = learner.model
        if not isinstance(model, PreTrainedModel):
            raise UserError("A model of this task cannot be shared out; leave “fsdp” off.")
        layers = model.get_submodule(stack.layers(model, "fsdp"))
        device.take(model, stay=True)
        mesh = init_device_mesh(device.torch.type, (ranks.world,))
        parts: list[FSDPModule] = [fully_shard(layer, mesh=mesh) for layer in layers.children()]
        self._root = Root(model)
        self._top: FSDPModule = fully_shard(self._root, mesh=mesh)
        parts.append(self._top)
        for part in parts:  # where the first batch is an evaluation's, what it makes room in could never learn
            part.unshard()
            part.reshard()
        self.scatter()

    @property
    def whole(self) -> Learner:
        """Another learner, on the processor."""
        return self._whole

    def compute(self, work: Callable[[Batch], T], batch: Batch) -> T:
        """All processes must compute equally often."""
        told: T = self._root(work, batch)
        return told

    def rest(self) -> None:
        """Let go of what the root of the model has together: only a backward pass does so by itself.

        Else the next pass would compute with these weights, whatever became of the parts since.
        """
        self._top.reshard()

    @torch.no_grad()
    def gather(self) -> None:
        """One tensor after the other."""
        for mine, kept in self._pairs():
            value = shards.whole(mine)
            if kept is not None:
                kept.copy_(value)

    @torch.no_grad()
    def scatter(self) -> None:
        """One tensor after the other."""
        for mine, kept in self._pairs():
            value = torch.empty(mine.shape, dtype=mine.dtype) if kept is None else kept.detach().clone()
            value = value.to(shards.local(mine).device)
            dist.broadcast(value, 0)
            shards.local(mine).copy_(shards.local(shards.part_of(mine, value)))

    def states(self, told: States) -> States:
        """One tensor after the other."""
        kept: dict[str, torch.Tensor] = {}
        for name, tensor in told.tensors.items():
            value = shards.whole(tensor)
            if self.ranks.first:
                kept[name] = value.to("cpu")
        return States(kept, told.figures)

    def _pairs(self) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        """Each parameter and buffer here with that of `whole`, on the first process."""
        mine = {**dict(self.learner.model.named_parameters()), **dict(self.learner.model.named_buffers())}
        if not self.ranks.first:
            return [(one.detach(), None) for one in mine.values()]
        theirs: Mapping[str, torch.Tensor] = {
            **dict(self._whole.model.named_parameters()),
            **dict(self._whole.model.named_buffers()),
        }
        return [(one.detach(), theirs[name].detach()) for name, one in mine.items()]


def over(learner: Learner, recipe: Recipe, device: Device, ranks: Ranks) -> Spread:
    """Bring a learner to the device, spread as the recipe has it. Raises UserError for what cannot be spread."""
    if ranks.alone:
        device.take(learner.model)
        return Spread(learner)
    if not recipe.fsdp:
        device.take(learner.model)
        return Replicated(learner, ranks)
    return Sharded(learner, ranks, device)


def _buckets(gradients: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """In their order, of one kind each."""
    told: list[list[torch.Tensor]] = []
    size = 0
    for one in reversed(gradients):
        if not told or size >= BUCKET or told[-1][0].dtype != one.dtype:
            told.append([])
            size = 0
        told[-1].append(one)
        size += one.numel() * one.element_size()
    return told
