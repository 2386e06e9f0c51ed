"""Checkpoints of a training, as SageMaker's XGBoost container keeps them: `xgboost-checkpoint.N` after round N.

Used when the platform says where (`checkpointconfig.json`). A checkpoint is the model so far with the state of early
stopping in its attributes, written by rename; the newest one that can be read is gone on from. The container writes one
each round; here at most two a second, and one when the instance is taken away, so that short rounds stay short.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xgboost as xgb

_NAME: Final = "xgboost-checkpoint"
_KEPT: Final = 5
_PAUSE_S: Final = 0.5
_ROUNDS: Final = "retune_rounds"
_STATE: Final = "retune_state"


class Checkpoints:
    """The checkpoints in a folder; nothing is kept without one.

    Args:
        folder: Where they are; None when the platform names no place.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._written_s = time.monotonic()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Checkpoints:
        """Those of a container's `checkpointconfig.json`."""
        return cls(Path(config["LocalPath"]) if config.get("LocalPath") else None)

    @property
    def wanted(self) -> bool:
        """Whether there is a place for them."""
        return self._folder is not None

    def newest(self) -> tuple[xgb.Booster, int, dict[str, Any]] | None:
        """The newest one that can be read: model, rounds in it, state of early stopping; None without any."""
        for path in self._found():
            try:
                booster = xgb.Booster()
                booster.load_model(bytearray(path.read_bytes()))
                attributes = booster.attributes()
                rounds, state = int(attributes[_ROUNDS] or ""), json.loads(attributes[_STATE] or "")
            except (OSError, ValueError, KeyError, xgb.core.XGBoostError):
                continue  # torn by a power cut, or somebody else's
            booster.set_attr(**{_ROUNDS: None, _STATE: None})
            return booster, rounds, state
        return None

    def offer(self, booster: xgb.Booster, rounds: int, state: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Write one, unless the last one is fresh.

        Args:
            booster: The model after so many rounds.
            rounds: In it.
            state: Of early stopping.
            at_once: Whether it must be written now.
        """
        if self._folder is None or (not at_once and time.monotonic() - self._written_s < _PAUSE_S):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        booster.set_attr(**{_ROUNDS: str(rounds), _STATE: json.dumps(dict(state))})
        part = self._folder / f".{_NAME}.part"
        with part.open("wb") as file:
            file.write(booster.save_raw(raw_format="ubj"))
            file.flush()
            os.fsync(file.fileno())
        booster.set_attr(**{_ROUNDS: None, _STATE: None})
        part.replace(self._folder / f"{_NAME}.{rounds - 1}")
        for old in self._found()[_KEPT:]:
            old.unlink(missing_ok=True)
        self._written_s = time.monotonic()

    def _found(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        numbered = [
            (int(path.suffix[1:]), path) for path in self._folder.glob(f"{_NAME}.*") if path.suffix[1:].isdecimal()
        ]
        return [path for _, path in sorted(numbered, reverse=True)]
