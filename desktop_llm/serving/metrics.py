"""What a server counts: requests by path and answer, how long they took, batches; as text for Prometheus."""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import Counter, deque
from typing import Any

import psutil

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAST = 512
"""Requests whose times make the median that a person is shown."""
OTHER = "other"


class Metrics:
    """Counted in the thread of the event loop alone."""

    def __init__(self, paths: tuple[str, ...] = ()) -> None:
        """Paths that are not among `paths` are counted together: whoever asks for nonsense must not fill the memory."""
        self.paths = set(paths)
        self.waiting = 0
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._batches = 0
        self._texts = 0
        self._tokens = 0
        self._last: deque[float] = deque(maxlen=LAST)
        self._process = psutil.Process()

    def request(self, path: str, status: int, seconds: float) -> None:
        """One request was answered, or refused."""
        self._requests[(path if path in self.paths else OTHER, status)] += 1
        self._buckets[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds
        if status == 200:
            self._last.append(seconds)

    def batch(self, texts: int) -> None:
        """So many texts were computed at once."""
        self._batches += 1
        self._texts += texts

    def tokens(self, count: int) -> None:
        """So many tokens were written."""
        self._tokens += count

    def told(self) -> dict[str, Any]:
        """For a person who looks on: requests, refused ones, and the median of the last answers in milliseconds."""
        return {
            "requests": sum(self._requests.values()),
            "refused": sum(count for (_, status), count in self._requests.items() if status >= 400),
            "median_ms": statistics.median(self._last) * 1000 if self._last else 0.0,
        }

    def text(self) -> str:
        """The exposition format of Prometheus."""
        lines = ["# TYPE desktop_llm_requests_total counter"]
        for (path, status), count in sorted(self._requests.items()):
            lines.append(f'desktop_llm_requests_total{{path="{path}",status="{status}"}} {count}')
        lines.append("# TYPE desktop_llm_request_seconds histogram")
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'desktop_llm_request_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"desktop_llm_request_seconds_sum {self._seconds:.6f}")
        lines.append(f"desktop_llm_request_seconds_count {total}")
        for name, kind, value in (
            ("batches_total", "counter", self._batches),
            ("texts_total", "counter", self._texts),
            ("tokens_written_total", "counter", self._tokens),
            ("waiting", "gauge", self.waiting),
            ("memory_bytes", "gauge", self._process.memory_info().rss),
        ):
            lines += [f"# TYPE desktop_llm_{name} {kind}", f"desktop_llm_{name} {value}"]
        return "\n".join(lines) + "\n"
