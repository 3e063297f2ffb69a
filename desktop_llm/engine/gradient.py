"""The gradient of one optimizer step: the batches of a step, in slices, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import evaluate, rate
from desktop_llm.engine.device import Device
from desktop_llm.engine.replaying import Replay, pays
from desktop_llm.engine.spread import Spread
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Batch, Judged, Judging, Learner


class Gradient:
    """Adds the gradient of a step's batches to the parameters; the mean over all their examples.

    Of several processes each computes its share of every slice, so that all have equally many and equally long ones.
    """

    def __init__(
        self, learner: Learner, examples: Any, device: Device, *, group_by_length: bool, spread: Spread | None = None
    ) -> None:
        """`examples` are the encoded training rows; the learner is on its device, spread over processes or alone."""
        self.learner, self._examples, self.device = learner, examples, device
        self.spread = spread or Spread(learner)
        self.loss: Callable[[Batch], torch.Tensor] = learner.loss
        """How the loss of a batch is computed where nobody judges; a compiled one may take its place."""
        size = sum(parameter.numel() for parameter in learner.model.parameters())
        self._size = size
        self._overhead = device.slice_overhead(size) if group_by_length else None
        self._now: np.ndarray = np.zeros(0, dtype=np.int64)
        self.places = self.most = 0
        """At most so many token places (examples × longest), and so many examples, are computed at once; 0: no limit.
        """
        self.judges = isinstance(learner, Judging)
        """Whether it is kept how the learner judges each example's label."""
        self.judged: list[tuple[np.ndarray, Judged]] = []
        """How the examples of the last step were judged, on the device."""
        self.replays = False
        """Whether passes may be recorded and launched as a whole; see `engine.replaying`."""
        self._replay: Replay | None = None

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(self._examples)

    @property
    def one_shape(self) -> bool:
        """Whether all full batches have the same shape."""
        lengths = self._examples.lengths
        return len(lengths) > 0 and bool(lengths.min() == lengths.max())

    def add(self, group: Sequence[np.ndarray], scaler: torch.amp.GradScaler | None = None) -> torch.Tensor:
        """Forward and backward over the batches `group` (indices int64 [b] each); the mean loss, on the device.

        With several processes the gradient is still to be `reduce`d, and the loss that of this one's share.
        """
        rows, factor = sum(len(batch) for batch in group), self.spread.factor
        total = torch.zeros((), device=self.device.torch)
        self.judged = []
        replay = self._replaying(group) if scaler is None else None
        if replay is not None:
            replay.begin()
        with self._converted_once():
            for batch in group:
                for indices in self.slices(batch):
                    share = self.spread.ranks.share(indices)
                    # all processes compute equally often: one without a share computes something that does not count
                    weight = len(share) / rows
                    self._now = share if len(share) else indices[:1]
                    chosen = self._chosen(self._now)
                    told = replay.add(chosen, weight * factor) if replay is not None else None
                    if told is not None:
                        total += told[0] * (weight * factor)
                        self._keep(told[1], counts=bool(weight))
                        continue
                    mean, judged = self._losses(chosen)
                    self._keep(judged, counts=bool(weight))
                    loss = mean * (weight * factor)
                    with self._as_it_comes():
                        (scaler.scale(loss) if scaler else loss).backward()  # type: ignore[no-untyped-call]
                    total += loss.detach()
                    del mean, loss
        return total if factor == 1.0 else total / factor

    def reduce(self, loss: torch.Tensor) -> torch.Tensor:
        """Add up what all processes have added; the loss of the whole step."""
        self.spread.reduce()
        return self.spread.ranks.summed(loss)

    def add_frugally(
        self,
        group: Sequence[np.ndarray],
        scaler: torch.amp.GradScaler | None = None,
        on_halved: Callable[[int], None] = lambda places: None,
    ) -> torch.Tensor:
        """`add` in smaller slices, where memory runs out: the gradient stays the same.

        What a step that failed has added is thrown away. `on_halved` is told the places from then on. Raises what
        torch says where a single example is too large.
        """
        while True:
            try:
                return self.add(group, scaler)
            except (MemoryError, RuntimeError) as error:
                if not devices.is_full(error) or not self._halve():
                    raise
            # only here is the traceback gone, which holds what the failed step computed
            self.forget()
            self.replays = False
            self.learner.model.zero_grad(set_to_none=True)
            self.judged = []
            if self.device.torch.type == "cuda":
                torch.cuda.empty_cache()
            on_halved(self.places)

    def slices(self, batch: np.ndarray) -> list[np.ndarray]:
        """What of a batch is computed at once: all of it, or slices of similar length, none above `places`."""
        world = self.spread.ranks.world
        # the places of a slice are shared, what it costs beside them is not
        overhead = None if self._overhead is None else self._overhead * world
        parts = [batch] if overhead is None else buckets.slices(batch, self._examples.lengths, overhead)
        limited = self.places or self.most
        return parts if not limited else [small for part in parts for small in self._small(part, world)]

    def _small(self, part: np.ndarray, world: int) -> list[np.ndarray]:
        """A slice in as few equal parts as `places` and `most` allow each process."""
        each = self.most or len(part)
        if self.places:
            each = min(each, max(1, self.places // max(1, int(self._examples.lengths[part].max()))))
        return np.array_split(part, -(-len(part) // (each * world)))

    def _halve(self) -> bool:
        """Allow half of what was computed when memory ran out; False where that was a single example."""
        if len(self._now) <= 1:
            return False
        longest = int(self._examples.lengths[self._now].max())
        self.places = (len(self._now) // 2) * longest
        return True

    def forget(self) -> None:
        """Let go of what was recorded: the model moves, or its memory is wanted."""
        if self._replay is not None:
            self._replay.drop()
            self._replay = None

    def _replaying(self, group: Sequence[np.ndarray]) -> Replay | None:
        """What passes are recorded in, where that is allowed and pays."""
        if not self.replays or self.spread.sharded:
            return None
        if self._replay is None:
            lengths = self._examples.lengths
            places = max(len(batch) * int(lengths[batch].max()) for batch in group) // self.spread.ranks.world
            if not pays(self._size, places, rate.published(self.device) or rate.ASSUMED):
                self.replays = False
                return None
            self._replay = Replay(self.learner.model, self._losses)
        return self._replay

    def _chosen(self, indices: np.ndarray) -> Batch:
        """Examples as a batch on the device."""
        return evaluate.to_device(self.learner.collate(self._examples, indices.tolist()), self.device.torch)

    def _losses(self, batch: Batch) -> tuple[torch.Tensor, Judged | None]:
        """The mean loss of a batch, and how its labels are judged by learners that do."""
        with self.device.autocast():
            if not self.judges or not isinstance(self.learner, Judging):
                return self.spread.compute(self.loss, batch), None
            return self.spread.compute(self.learner.judged_loss, batch)

    def _converted_once(self) -> AbstractContextManager[object]:
        """On a processor weights are converted to the precision of products once a step, not for each of its slices.

        The same bits; 4 to 18 % of a step of small encoders. Autocast keeps what it has converted until the outermost
        context ends. A GPU computes a batch at once.
        """
        return self.device.autocast() if self.device.torch.type == "cpu" and not self.spread.sharded else nullcontext()

    def _as_it_comes(self) -> AbstractContextManager[object]:
        """Backward in the precisions that forward has chosen."""
        if self.device.torch.type != "cpu" or self.device.precision == "fp32":
            return nullcontext()
        return torch.autocast("cpu", enabled=False)

    def _keep(self, judged: Judged | None, *, counts: bool) -> None:
        """Keep how the examples of now are judged, where that `counts`."""
        if judged is not None and counts:
            self.judged.append((self._now, judged))
