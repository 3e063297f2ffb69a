"""The processes of a run: one alone, or several that `torchrun` started, each with its own device.

    torchrun --nproc-per-node 2 --max-restarts 3 -m desktop_llm.engine RUN_FOLDER

`torchrun` tells each process by its environment which one it is, its rank. All of them go the same way through the
same code and meet in the same collective calls; the first one alone decides, speaks and writes. What one of them finds
in the way before the first step ends all of them with the same sentence (`agreed`). One that dies later ends the
others by their next meeting; `torchrun` then starts all anew, and they go on from the newest checkpoint.

A process alone has no group, and none of this costs it anything.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from desktop_llm.errors import Cancelled, UserError

T = TypeVar("T")
PATIENCE = timedelta(hours=6)
"""How long the others wait for one: it may be writing to a slow disk. One that has died is noticed at once."""
MEETING = timedelta(minutes=10)
"""How long the first meeting may take to come about."""
ASK_SECONDS = 0.05
GONE = ("gloo", "NCCL", "nccl", "Connection closed by peer", "Connection reset by peer")
"""What stands in the words of a library that has lost another process."""


class PeerLostError(Exception):
    """Another process of the run has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Which process this is of how many; `local` of the `near` ones on this machine."""

    rank: int = 0
    world: int = 1
    local: int = 0
    near: int = 1

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.world == 1

    @property
    def first(self) -> bool:
        """Whether it is this one that decides, speaks and writes."""
        return self.rank == 0

    def share(self, indices: np.ndarray) -> np.ndarray:
        """This process's part of examples that all of them have in one order; empty where there are too few."""
        return indices[self.rank :: self.world]

    def decided(self, *numbers: int) -> tuple[int, ...]:
        """What the first process says; the others' numbers do not count."""
        if self.alone:
            return numbers
        told = torch.tensor(numbers, dtype=torch.int64)
        dist.broadcast(told, 0)
        return tuple(told.tolist())

    def told(self, thing: T) -> T:
        """The first process's `thing`."""
        if self.alone:
            return thing
        place = [thing if self.first else None]
        dist.broadcast_object_list(place, 0)
        return cast(T, place[0])

    def gathered(self, thing: T) -> list[T]:
        """On the first process what each of them has, in their order; nothing on the others."""
        if self.alone:
            return [thing]
        places: list[Any] | None = [None] * self.world if self.first else None
        dist.gather_object(thing, places, 0)
        return places or []

    def summed(self, figure: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place and on its device."""
        if not self.alone:
            dist.all_reduce(figure)
        return figure

    def agreed(self, work: Callable[[], T]) -> T:
        """Do `work`, on every process; what ends it on one of them is raised on all. Raises Cancelled, UserError."""
        if self.alone:
            return work()
        result: list[T] = []
        found: Exception | None = None
        try:
            result.append(work())
        except (Cancelled, UserError) as error:
            found = error
        mine = (type(found).__name__, found.message, found.details) if isinstance(found, UserError) else None
        every: list[Any] = [None] * self.world
        dist.all_gather_object(every, ("cancelled", mine) if isinstance(found, Cancelled) else ("", mine))
        if found is not None:
            raise found
        for kind, told in every:
            if kind:
                raise Cancelled
            if told is not None:
                raise UserError(told[1], details=told[2])
        return result[0]

    def seed(self, seed: int, step: int) -> None:
        """Let chance fall otherwise on each process in each step, and always the same in the same one."""
        if not self.alone:
            torch.manual_seed(int(np.random.SeedSequence((seed, step, self.rank)).generate_state(1, np.uint64)[0] >> 1))

    @contextmanager
    def group(self, device: str) -> Iterator[None]:
        """Meet the others; `device` is the recipe's. The processor's meetings are by gloo, those of GPUs by NCCL."""
        if self.alone:
            yield
            return
        gpus = device in ("auto", "cuda") and torch.cuda.is_available() and dist.is_nccl_available()
        store, _, _ = next(rendezvous("env://", timeout=MEETING))
        store = PrefixStore(self._token(store), store)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if gpus else "gloo",
            store=store,
            rank=self.rank,
            world_size=self.world,
            timeout=PATIENCE,
        )
        yield
        # not where something went wrong: the others may be gone, and it would wait for them
        dist.destroy_process_group()

    def _token(self, store: Store) -> str:
        """A word that the living alone know, from the first process.

        `torchrun` keeps one store over all its starts, in which the addresses of the dead still stand; and its count of
        starts is not the same on all machines. So each other process asks with a number of its own, which nobody has
        asked with before, and is answered under that number.
        """
        mine = uuid.uuid4().hex
        if not self.first:
            store.set(f"asked/{self.rank}", mine)
            token: str = store.get(f"answer/{mine}").decode()
            store.set(f"{token}/{self.rank}", "there")
            return token
        others, deadline = list(range(1, self.world)), time.monotonic() + MEETING.total_seconds()
        while not store.check([f"{mine}/{rank}" for rank in others]):
            for asked in (f"asked/{rank}" for rank in others):
                if store.check([asked]):
                    store.set(f"answer/{store.get(asked).decode()}", mine)
                    store.delete_key(asked)
            if time.monotonic() > deadline:
                raise PeerLostError("The run's processes do not find each other.")
            time.sleep(ASK_SECONDS)
        return mine

    def has_lost_one(self, error: BaseException) -> bool:
        """Whether this error says that another process has gone."""
        if self.alone or isinstance(error, UserError):
            return False
        return isinstance(error, (dist.DistError, PeerLostError)) or any(word in str(error) for word in GONE)


ALONE = Ranks()


def from_environment(told: Mapping[str, str] = os.environ) -> Ranks:
    """What `torchrun` says; a process alone where it says nothing."""
    if "RANK" not in told or "WORLD_SIZE" not in told:
        return ALONE
    return Ranks(
        rank=int(told["RANK"]),
        world=int(told["WORLD_SIZE"]),
        local=int(told.get("LOCAL_RANK", "0")),
        near=int(told.get("LOCAL_WORLD_SIZE", "1")),
    )
