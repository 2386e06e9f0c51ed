"""Where a container's checkpoints may be: below /opt/ml, which is all that a process of this machine is given."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

DEFAULT: Final = "/opt/ml/checkpoints"
_OPT_ML = PurePosixPath("/opt/ml")
_TAKEN = ("input", "model", "output", "code")


def is_usable(path: PurePosixPath) -> bool:
    """Whether a LocalPath can be had here: below /opt/ml, and not where the platform keeps its own."""
    below = path.parts[len(_OPT_ML.parts) :]
    return path.is_relative_to(_OPT_ML) and ".." not in path.parts and bool(below) and below[0] not in _TAKEN


def below_opt_ml(path: str | None) -> PurePosixPath:
    """A usable LocalPath, the default for None, as seen from /opt/ml."""
    return PurePosixPath(path or DEFAULT).relative_to(_OPT_ML)
