"""What a model server counts, in Prometheus' text exposition (0.0.4)."""

from __future__ import annotations

import bisect
import time
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Upper ends of the latency histogram's buckets, seconds.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process, since it began; used by one thread.

    Attributes:
        in_flight: Requests that are read or scored now.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._began_s = time.time()
        self._by_status: Counter[int] = Counter()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0

    def observe(self, status: int, seconds: float) -> None:
        """A scoring request was answered."""
        self._by_status[status] += 1
        self._buckets[bisect.bisect_left(BUCKETS_S, seconds)] += 1
        self._sum_s += seconds

    def text(self, *, model: str, version: str, swaps: int, is_stuck: bool) -> str:
        """All of it.

        Args:
            model: Registered model.
            version: That serves.
            swaps: Versions taken over since the start.
            is_stuck: Whether what the alias names does not serve.
        """
        lines = [*_head("requests_total", "counter", "Scoring requests, by status.")]
        lines += [
            f'retune_requests_total{{status="{status}"}} {self._by_status[status]}'
            for status in sorted(self._by_status)
        ]
        lines += _head("request_seconds", "histogram", "Seconds from a scoring request's headers to its answer.")
        below = 0
        for end, count in zip((*BUCKETS_S, None), self._buckets, strict=True):
            below += count
            lines.append(f'retune_request_seconds_bucket{{le="{"+Inf" if end is None else f"{end:g}"}"}} {below}')
        lines += [f"retune_request_seconds_sum {self._sum_s:.6f}", f"retune_request_seconds_count {below}"]
        for name, kind, said, value in (
            ("requests_in_flight", "gauge", "Scoring requests that are read or scored now.", self.in_flight),
            ("swaps_total", "counter", "Versions taken over since the start.", swaps),
            ("swap_failing", "gauge", "1 while the alias names what does not serve, or cannot be read.", int(is_stuck)),
            ("start_time_seconds", "gauge", "When this server began, Unix time.", f"{self._began_s:.3f}"),
        ):
            lines += [*_head(name, kind, said), f"retune_{name} {value}"]
        lines += _head("model_info", "gauge", "Always 1: the model, and the version that serves.")
        lines.append(f'retune_model_info{{model="{_escaped(model)}",version="{_escaped(version)}"}} 1')
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, said: str) -> tuple[str, str]:
    return f"# HELP retune_{name} {said}", f"# TYPE retune_{name} {kind}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
