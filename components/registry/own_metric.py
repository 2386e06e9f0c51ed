"""One's own metric, `promotion.metric: module:function`: called in a process of its own.

As one's own preparation: it may import anything, and nothing it does to its process reaches the flow but its numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from components.errors import CannotWrite, InvalidInput
from components.registry import own_metric_process
from components.registry.metrics import Answers, CannotScoreError
from components.registry.ranking_areas import Floats


def values_of(
    function: str,
    answers: Sequence[Answers],
    *,
    base_dir: Path,
    scratch: Path,
    classes: Sequence[str] | None,
    calls: int,
    seed: int,
) -> Floats:
    """What `function(labels, predictions, probabilities)` returns of each model's answers to the same rows.

    It is given arrays in the data's own terms: labels and predictions as text for classes, else as numbers;
    probabilities of each class in code order, or None.

    Args:
        function: `module:function`; the module is looked for below `base_dir` first.
        answers: One a model.
        base_dir: The project's folder, and the function's working folder.
        scratch: Folder for what passes between the processes.
        classes: Labels in code order; None for a numeric target.
        calls: Bootstrap samples of the rows.
        seed: Of the samples.

    Returns:
        Shape (1 + calls, models): row 0 of all rows; NaN where it failed on a sample.

    Raises:
        CannotScoreError: There is no such function, it failed on all rows, or returned no number.
        CannotWrite: The scratch folder cannot be written.
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch) as folder:
            arrays = {"labels": _named(answers[0].labels, classes)}
            for number, each in enumerate(answers):
                arrays[f"predicted_{number}"] = _named(each.predicted, classes)
                if each.probabilities is not None:
                    arrays[f"probabilities_{number}"] = each.probabilities
            np.savez(Path(folder) / own_metric_process.ANSWERS, allow_pickle=False, **arrays)
            _run(function, str(base_dir), folder, str(len(answers)), str(calls), str(seed))
            told = json.loads((Path(folder) / own_metric_process.VALUES).read_bytes())
            return np.array(told, dtype=np.float64).reshape(1 + calls, len(answers))
    except OSError as error:
        raise CannotWrite(f"cannot run {function} in {scratch} ({error.strerror or error})") from error


def look_up(function: str, *, base_dir: Path) -> None:
    """Import the function, in a process of its own. Raises InvalidInput when it is not there."""
    _run(function, str(base_dir))


def _run(function: str, base_dir: str, *more: str) -> None:
    # -P: its own folder holds modules that the function's imports must not meet.
    command = [sys.executable, "-P", own_metric_process.__file__, function, base_dir, *more]
    ended = subprocess.run(command, cwd=base_dir, capture_output=True, text=True, errors="replace", check=False)
    if ended.returncode:
        said = ended.stderr.strip().rpartition("\n")[2] or f"exit code {ended.returncode}"
        wanted = "must return a number for labels, predictions and probabilities" if more else "must be a function"
        raise (CannotScoreError if more else InvalidInput)(f"{function} {wanted}, got: {said}")


def _named(values: Floats, classes: Sequence[str] | None) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    return values if classes is None else np.array([str(name) for name in classes])[values.astype(np.int64)]
