"""What a version is beside its scores: seconds of training, bytes of its model, milliseconds of an answer.

Seconds and bytes are the training job's own and stay with it wherever they are looked at. The latency is of this
machine at this moment: the median time of one row through the pyfunc, in the process that decides about the promotion,
both models in turn so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from components import naming
from components.data.snapshot import RawPart
from components.registry.model_version import ModelVersion
from components.registry.scoring import Model, as_declared

_WARM_UP = 3
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 40
_LONGEST_S = 2.0  # after which no further round begins
_TAGS = {
    "training_seconds": naming.TAG_TRAINING_SECONDS,
    "model_size_bytes": naming.TAG_MODEL_SIZE,
    "prediction_ms": naming.TAG_PREDICTION_MS,
}


def measures_of(version: ModelVersion) -> dict[str, float]:
    """What the version's tags say; nothing of what was never measured."""
    return {name: float(version.tags[tag]) for name, tag in _TAGS.items() if tag in version.tags}


def tags_of(measures: Mapping[str, float]) -> dict[str, str]:
    """Measures as tags of a version."""
    return {_TAGS[name]: f"{value:g}" if name == "prediction_ms" else repr(value) for name, value in measures.items()}


def latencies_ms(models: Sequence[Model], rows: RawPart) -> list[float]:
    """Median milliseconds of one row through each model, asked in turn."""
    asked = [(model, as_declared(model, rows.features.iloc[[0]])) for model in models]
    taken: list[list[float]] = [[] for _ in models]
    began_s = time.perf_counter()
    for turn in range(_WARM_UP + _MOST_ROUNDS):
        for (model, row), times in zip(asked, taken, strict=True):
            start_s = time.perf_counter()
            model.predict(row)
            if turn >= _WARM_UP:
                times.append((time.perf_counter() - start_s) * 1000)
        if turn >= _WARM_UP + _FEWEST_ROUNDS and time.perf_counter() - began_s > _LONGEST_S:
            break
    return [round(statistics.median(times), 3) for times in taken]
