"""Training dynamics, by hand."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import dynamics
from desktop_llm.loop.dynamics import Records


def _records(*told: tuple[int, int, float, bool, int, float]) -> Records:
    return Records(
        example=np.array([one[0] for one in told], dtype=np.int32),
        epoch=np.array([one[1] for one in told], dtype=np.int32),
        sure=np.array([one[2] for one in told], dtype=np.float16),
        right=np.array([one[3] for one in told], dtype=np.bool_),
        against=np.array([one[4] for one in told], dtype=np.int32),
        against_sure=np.array([one[5] for one in told], dtype=np.float16),
    )


def test_confidence_variability_and_forgetting() -> None:
    told = dynamics.summarise(
        dynamics.joined(
            [
                _records((2, 0, 0.25, False, 1, 0.5), (0, 0, 0.5, True, 3, 0.25)),
                # out of order, as after an epoch that was begun twice
                _records((2, 2, 0.25, False, 4, 0.5), (2, 1, 0.75, True, 1, 0.25), (0, 1, 0.5, True, 3, 0.25)),
            ]
        ),
        np.array([10, 11, 12]),
    )
    assert told.item.tolist() == [10, 12]
    assert told.seen.tolist() == [2, 3]
    np.testing.assert_allclose(told.confidence, [0.5, 1.25 / 3], rtol=1e-6)
    np.testing.assert_allclose(told.variability, [0.0, float(np.std([0.25, 0.75, 0.25]))], rtol=1e-6)
    np.testing.assert_allclose(told.right, [1.0, 1 / 3], rtol=1e-6)
    assert told.forgotten.tolist() == [0, 1]
    assert told.against.tolist() == [3, 1]
    np.testing.assert_allclose(told.against_sure, [0.25, 0.75 / 3], rtol=1e-6)


def test_nothing_seen_is_nothing_said() -> None:
    assert len(dynamics.summarise(dynamics.NO_RECORDS, np.array([1, 2])).item) == 0
