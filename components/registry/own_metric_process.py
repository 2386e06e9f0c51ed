"""The process that one's own metric runs in; imports nothing of ours, so that the function's imports are its own."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ANSWERS = "answers.npz"
VALUES = "values.json"


def main(function: str, base_dir: str, folder: str | None = None, models: str = "0", *sampling: str) -> None:
    """Call `module:function` on the answers in `folder` and leave its values there; without a folder, only look it up.

    Args:
        function: `module:function`.
        base_dir: Where the module is looked for first.
        folder: With the answers.
        models: How many models answered.
        sampling: Number of samples, and the seed they are drawn from.
    """
    module, _, name = function.partition(":")
    sys.path.insert(0, base_dir)
    try:
        metric = getattr(importlib.import_module(module), name)
        if not callable(metric):
            raise TypeError(f"a function is needed, got {type(metric).__name__}")  # noqa: TRY301  told as any other
        if folder is not None:
            calls, seed = (int(number) for number in sampling)
            values = _values(metric, Path(folder), models=int(models), calls=calls, seed=seed)
            (Path(folder) / VALUES).write_text(json.dumps(values), encoding="utf-8")
    except Exception as error:  # noqa: BLE001  one's own code: told in one line, whatever it raises
        traceback.print_exc()
        *_, last = traceback.extract_tb(error.__traceback__)
        sys.exit(f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})")


def _values(metric: Callable[..., Any], folder: Path, *, models: int, calls: int, seed: int) -> list[list[float]]:
    import numpy as np

    with np.load(folder / ANSWERS) as stored:
        arrays = dict(stored)
    labels = arrays["labels"]
    answers = [(arrays[f"predicted_{n}"], arrays.get(f"probabilities_{n}")) for n in range(models)]
    values = [[float(metric(labels, *each)) for each in answers]]
    draw = np.random.default_rng(seed)
    for _ in range(calls):
        rows = draw.integers(0, len(labels), len(labels))
        values.append([_or_nan(metric, labels, each, rows) for each in answers])
    return values


def _or_nan(metric: Callable[..., Any], labels: Any, answers: tuple[Any, Any], rows: Any) -> float:
    predicted, probabilities = answers
    try:
        return float(metric(labels[rows], predicted[rows], None if probabilities is None else probabilities[rows]))
    except Exception:  # noqa: BLE001  a sample may lack a class
        return float("nan")


if __name__ == "__main__":
    main(*sys.argv[1:])
