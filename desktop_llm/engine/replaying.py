"""Gradients of batches of one shape as one CUDA graph: launched as a whole, not kernel by kernel.

A small model's kernels take microseconds, and Python some twenty of them to launch each: the GPU waits. Recorded once
(Ng, Nguyen & Gross 2021, "Accelerating PyTorch with CUDA Graphs"), a pass forward and backward is launched as a whole.
Each shape of a batch has a graph of its own, recorded once it has come twice, before the next step: in the middle of
one what other passes have left would be drawn in. What is computed stays the same, random numbers of dropout included,
which follow the seed that is set before a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from desktop_llm import log
from desktop_llm.errors import first_line
from desktop_llm.nets.learner import Batch, Judged

Compute = Callable[[Batch], tuple[torch.Tensor, Judged | None]]
"""The loss of a batch on the device, and how its labels are judged."""
Shape = tuple[tuple[str, torch.Size, torch.dtype], ...]

MOST = 48
"""So many shapes are recorded at most: each holds some memory."""
WARM_UP = 2
LAUNCH_SECONDS = 0.012
"""What Python takes at least to launch a pass of a small Transformer forward and backward (measured: 10 to 30 ms)."""
SHARE = 0.4
"""The share of a GPU's published rate that a pass reaches, about."""


def pays(parameters: int, places: int, peak: float) -> bool:
    """Whether a pass over so many token places is shorter than its launching; `peak` is the GPU's FLOP/s."""
    return peak > 0 and 6.0 * parameters * places / (SHARE * peak) < LAUNCH_SECONDS


@dataclass(frozen=True, slots=True)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    batch: Batch
    weight: torch.Tensor
    loss: torch.Tensor
    judged: Judged | None


class Replay:
    """Adds gradients of batches to the parameters' own, by graphs where it has some."""

    def __init__(self, model: nn.Module, compute: Compute) -> None:
        """`compute` must not wait for the device; its model learns on a CUDA device."""
        self._compute = compute
        self._parameters = [one for one in model.parameters() if one.requires_grad]
        self._places: tuple[int, ...] = ()
        self._gradients: dict[int, torch.Tensor] = {}
        """Of each parameter that gets one, by its place: where graphs add to its gradient."""
        self._recorded: dict[Shape, _Recorded] = {}
        self._seen: set[Shape] = set()
        self._asked: dict[Shape, Batch] = {}
        """A batch of each shape that is to be recorded."""
        self._pool = torch.cuda.graph_pool_handle()
        self.failed = False
        """Whether something could not be recorded; all is launched as before from then on."""

    def begin(self) -> None:
        """A step begins: its gradients are nothing yet, and lie where the graphs add to them."""
        places = tuple(one.data_ptr() for one in self._parameters)
        if places != self._places:  # the model was moved
            self.drop()
            self._places = places
        for shape, batch in self._asked.items():
            recorded = None if self.failed else self._record(batch)
            if recorded is not None:
                self._recorded[shape] = recorded
        self._asked.clear()
        if self._gradients:
            torch._foreach_zero_(list(self._gradients.values()))
        for place, gradient in self._gradients.items():
            self._parameters[place].grad = gradient

    def drop(self) -> None:
        """Forget all graphs, and give back what they hold."""
        self._recorded.clear()
        self._seen.clear()
        self._asked.clear()
        self._gradients.clear()
        self._places = ()
        self._pool = torch.cuda.graph_pool_handle()

    def add(self, batch: Batch, weight: float) -> tuple[torch.Tensor, Judged | None] | None:
        """Add the gradient of `batch`, on the device or pinned, times `weight`; its loss and how it was judged.

        None where no graph is used this time: the caller computes it as ever.
        """
        shape: Shape = tuple(sorted((name, value.shape, value.dtype) for name, value in batch.items()))
        recorded = self._recorded.get(shape)
        if recorded is None:
            if shape in self._seen and len(self._recorded) + len(self._asked) < MOST and not self.failed:
                self._asked[shape] = {name: value.clone() for name, value in batch.items()}
            self._seen.add(shape)
            return None
        for name, value in batch.items():
            recorded.batch[name].copy_(value, non_blocking=True)
        recorded.weight.fill_(weight)
        recorded.graph.replay()
        # the next replay writes over what this one tells
        judged = recorded.judged
        if judged is not None:
            judged = Judged(
                judged.sure.clone(), judged.right.clone(), judged.against.clone(), judged.against_sure.clone()
            )
        return recorded.loss.clone(), judged

    def _record(self, batch: Batch) -> _Recorded | None:
        device = self._parameters[0].device
        weight = torch.ones((), device=device)
        chance = torch.cuda.get_rng_state(device)
        try:
            with torch.random.fork_rng([device]):
                self._warm_up(batch, weight, device)
                graph = torch.cuda.CUDAGraph()
                # other threads go on with theirs, such as writing a checkpoint
                with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                    loss, judged = self._pass(batch, weight)
        except RuntimeError as error:
            # some models wait for the device, or ask the processor: their steps are launched as ever
            self.failed = True
            self._recorded.clear()
            log.logger("engine").warning("not recorded: %s", first_line(error.__context__ or error))
            _end_recording(device, chance)
            return None
        return _Recorded(graph, batch, weight, loss, judged)

    def _warm_up(self, batch: Batch, weight: torch.Tensor, device: torch.device) -> None:
        """What libraries prepare at their first call must not be recorded; and who gets a gradient shows."""
        side: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        here = torch.cuda.current_stream(device)
        side.wait_stream(here)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                _, _, found = self._computed(batch, weight)
        here.wait_stream(side)
        for place, one in enumerate(found):
            if one is not None and place not in self._gradients:
                self._gradients[place] = torch.zeros_like(self._parameters[place])

    def _pass(self, batch: Batch, weight: torch.Tensor) -> tuple[torch.Tensor, Judged | None]:
        loss, judged, found = self._computed(batch, weight)
        pairs = [(self._gradients[place], one) for place, one in enumerate(found) if one is not None]
        if pairs:
            torch._foreach_add_([kept for kept, _ in pairs], [one for _, one in pairs])
        return loss, judged

    def _computed(
        self, batch: Batch, weight: torch.Tensor
    ) -> tuple[torch.Tensor, Judged | None, tuple[torch.Tensor | None, ...]]:
        loss, judged = self._compute(batch)
        return loss.detach(), judged, torch.autograd.grad(loss * weight, self._parameters, allow_unused=True)


def _end_recording(device: torch.device, chance: torch.Tensor) -> None:
    """Let the device's generator of random numbers leave the recording that failed, and go on from where it was.

    Else a run that was resumed, which tries to record at another step, would learn with other numbers.
    """
    torch.cuda.synchronize(device)
    place = torch.cuda.current_device() if device.index is None else device.index
    generator = torch.cuda.default_generators[place]
    generator.graphsafe_set_state(torch.Generator(device).graphsafe_get_state())
    generator.set_state(chance)
