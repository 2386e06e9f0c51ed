"""How a training container fails: an error of the customer or of the algorithm, told in `output/failure`."""

from __future__ import annotations

from pathlib import Path

# SageMaker shows the first 1024 characters as FailureReason.
SHOWN_CHARACTERS = 1024


class CustomerError(Exception):
    """Something the customer can mend: a hyperparameter, a channel, a value in the data."""


def write_failure(folder: Path, kind: str, message: str) -> None:
    """Leave the reason where the platform looks for it.

    Args:
        folder: `output` below the base folder.
        kind: `ClientError` or `AlgorithmError`, as FailureReason begins.
        message: What went wrong; cut to what the platform shows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure").write_text(f"{kind}: {message}"[:SHOWN_CHARACTERS], encoding="utf-8")
