"""A run's processes of which the second meets trouble: `TROUBLE` is `full`, a memory for two texts, or `nan`, one loss.

Started by a test in place of `python -m desktop_llm.engine`.
"""

from __future__ import annotations

import math
import os
import sys

import pytest
import torch

from desktop_llm.engine.__main__ import main
from desktop_llm.nets.learner import Batch, Judged
from desktop_llm.tasks.text_classification.learn import Classifier
from tests.engine.learners import Full, use

CALL = 15
"""So many slices are computed before the loss is no number, once: some steps after the first checkpoints."""


class Odd(Classifier):
    """Its loss is no number in one slice."""

    calls = 0

    def judged_loss(self, batch: Batch) -> tuple[torch.Tensor, Judged]:
        """The loss, or NaN."""
        self.calls += 1
        loss, judged = super().judged_loss(batch)
        return (loss * math.nan if self.calls == CALL else loss), judged


def _full(learner: Classifier) -> object:
    assert isinstance(learner, Full)
    return learner.prepare(2, lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory"), late=False)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        if os.environ["RANK"] == "1":
            if os.environ["TROUBLE"] == "full":
                use(patch, Full, _full)
            else:
                use(patch, Odd, lambda learner: learner)
        code = main(sys.argv[1:])
    sys.exit(code)
