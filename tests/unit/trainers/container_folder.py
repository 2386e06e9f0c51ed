"""A training container's folder for tests: what SageMaker puts there, and what the trainer leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xgboost as xgb

Array = npt.NDArray[np.float64]
Rows = tuple[Array, Array]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training that has ended: its exit code, its lines on stdout, its folder."""

    code: int
    lines: list[str]
    base: Path

    @property
    def failure(self) -> str:
        """What the platform would show as FailureReason."""
        return (self.base / "output" / "failure").read_text(encoding="utf-8")

    @property
    def rounds(self) -> list[dict[str, float]]:
        """The metrics of each round, as printed."""
        rows = [line.split("\t")[1:] for line in self.lines if line.startswith("[")]
        return [{name: float(value) for name, value in (field.rsplit(":", 1) for field in row)} for row in rows]

    def model(self) -> xgb.Booster:
        """The model, as anybody else loads it."""
        booster = xgb.Booster()
        booster.load_model(bytearray((self.base / "model" / "xgboost-model").read_bytes()))
        return booster

    def channel(self, name: str) -> tuple[xgb.DMatrix, Array]:
        """The rows of a CSV channel, read without the trainer's own reader."""
        text = (self.base / "input" / "data" / name / "part-0.csv").read_text(encoding="utf-8")
        rows = np.array([[float(field or "nan") for field in line.split(",")] for line in text.splitlines()])
        return xgb.DMatrix(rows[:, 1:], label=rows[:, 0]), rows[:, 0]


def csv_text(rows: Rows) -> str:
    """Rows as SageMaker wants them: no header, the label first, missing values empty."""
    lines = [
        ",".join([f"{label:g}", *("" if np.isnan(value) else f"{value:.6g}" for value in row)])
        for row, label in zip(*rows, strict=True)
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, kw_only=True)
class Container:
    """/opt/ml of one training job."""

    base: Path
    run: Callable[[], Run]

    def configure(self, hyperparameters: Mapping[str, str], **content_types: str | None) -> None:
        """Write the configuration files; a channel without content type has none."""
        config = self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps(dict(hyperparameters)))
        channels = {
            name: {"TrainingInputMode": "File"} | ({"ContentType": kind} if kind else {})
            for name, kind in content_types.items()
        }
        (config / "inputdataconfig.json").write_text(json.dumps(channels))

    def put(self, channel: str, name: str, content: str | bytes) -> None:
        """Write a file of a channel."""
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def train(self, hyperparameters: Mapping[str, str], train: Rows, validation: Rows | None = None) -> Run:
        """Train on CSV channels."""
        self.put("train", "part-0.csv", csv_text(train))
        kinds: dict[str, str | None] = {"train": "text/csv"}
        if validation is not None:
            self.put("validation", "part-0.csv", csv_text(validation))
            kinds["validation"] = "text/csv"
        self.configure({"num_round": "5", "nthread": "1"} | dict(hyperparameters), **kinds)
        return self.run()
