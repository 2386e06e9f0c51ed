"""Small data of every column kind, models trained on it by the built-in trainer, and archives."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.data.parts import channel_csv
from components.data.prepare import document, fit
from components.data.snapshot import DataSnapshot, RawPart
from components.data.transform import Preprocessing
from components.registry.mlflow_registry import Registry
from components.registry.model_version import Lineage, ModelVersion
from components.registry.registration import register
from components.registry.verification import TrialModel
from components.trainers import xgboost

CLASSES = {"binary": ("no", "yes"), "three": ("bus", "car", "van"), "codes": None, "number": None}
STATIC = {
    "binary": {"objective": "binary:logistic", "num_round": "12"},
    "three": {"objective": "multi:softmax", "num_class": "3", "num_round": "8"},
    "codes": {"objective": "multi:softmax", "num_class": "3", "num_round": "8"},
    "number": {"objective": "reg:squarederror", "num_round": "12"},
}
INFERENCE = """
import json, os
import numpy as np
import xgboost as xgb
from scaling import doubled

def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(os.path.join(model_dir, "trees.ubj"))
    return booster

def predict_fn(matrix, model):
    return {answer}
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A snapshot and its parts."""

    target: str
    snapshot: DataSnapshot
    train: RawPart
    validation: RawPart
    test: RawPart


def features(count: int, seed: int) -> pd.DataFrame:
    """Raw rows: a number, whole numbers, text, a boolean; each but the whole numbers with missing values."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "balance": draw.normal(size=count) * 1000,
            "age": draw.integers(18, 90, count).astype(np.float64),
            "job": draw.choice(["admin", "blue-collar", "retired"], count),
            "housing": draw.choice([True, False], count),
        }
    ).astype({"job": object, "housing": object})
    for column in ("balance", "job", "housing"):
        frame.loc[draw.random(count) < 0.1, column] = None
    return frame


def labels(frame: pd.DataFrame, target: str, seed: int) -> pd.Series[Any]:
    """Labels the rows say something about."""
    noise = np.random.default_rng(seed).normal(size=len(frame))
    signal = frame["age"] / 20 + (frame["job"] == "retired") * 2 - (frame["housing"] == True) + noise  # noqa: E712
    classes = CLASSES[target]
    if target == "number":
        return signal + 5.0
    if classes is None:
        return pd.qcut(signal, 3, labels=False)
    codes = pd.qcut(signal, len(classes), labels=False)
    return pd.Series(np.array(classes, dtype=object)[codes], index=frame.index)


def case(target: str = "binary", *, drop: tuple[str, ...] = ()) -> Case:
    """Data with a target of this kind, some columns left out: 300, 120 and 80 rows."""
    classes = CLASSES[target]
    parts = {}
    for seed, (part, count) in enumerate({"train": 300, "validation": 120, "test": 80}.items()):
        frame = features(count, seed)
        taken = frame.drop(columns=list(drop))
        parts[part] = RawPart(part=part, features=taken, labels=labels(frame, target, seed))
    typed = parts["train"].features
    columns = fit(typed.astype({"housing": "boolean"} if "housing" in typed else {}), parts["train"].labels, classes)
    snapshot = DataSnapshot(
        digest="5" * 64,
        uri="s3://retune-local/snapshots/5555555555555555",
        features=columns,
        target="y",
        classes=classes,
        rows={part: len(rows.labels) for part, rows in parts.items()},
        preprocessing=document(columns, target="y", classes=classes),
    )
    return Case(target=target, snapshot=snapshot, **parts)


def trial(data: Case, folder: Path, *, metric: str, **hyperparameters: str) -> TrialModel:
    """What the built-in trainer makes of a case: its archive, and the objective its last log line shows."""
    preprocessing = Preprocessing.from_json(data.snapshot.preprocessing)
    for part in (data.train, data.validation):
        channel = folder / "input" / "data" / part.part
        channel.mkdir(parents=True)
        matrix = preprocessing.transform(part.features)
        (channel / "part-0.csv").write_bytes(channel_csv(preprocessing.encode_labels(part.labels), matrix))
    config = folder / "input" / "config"
    config.mkdir()
    channel_of = {"ContentType": "text/csv", "TrainingInputMode": "File"}
    (config / "inputdataconfig.json").write_text(json.dumps({"train": channel_of, "validation": channel_of}))
    values = {**STATIC[data.target], "eta": "0.3", **hyperparameters, "_tuning_objective_metric": metric}
    (config / "hyperparameters.json").write_text(json.dumps(values))
    log = io.StringIO()
    with redirect_stdout(log):
        xgboost.train(folder)
    found = re.findall(rf"\t{metric.replace(':', '-')}:(\S+)", log.getvalue())
    archive = packed(folder / "model.tar.gz", {"xgboost-model": (folder / "model" / "xgboost-model").read_bytes()})
    return TrialModel(archive=archive, metric=metric, objective=float(np.float32(found[-1])))


def packed(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """A model.tar.gz."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def unpacked(path: Path) -> dict[str, bytes]:
    """The files of a model.tar.gz."""
    with tarfile.open(path) as archive:
        return {member.name: read.read() for member in archive if (read := archive.extractfile(member)) is not None}


def script_trial(built_in: TrialModel, path: Path, *, answer: str, **changes: Any) -> TrialModel:
    """The same trees, left by a script as SageMaker's inference.py with a module beside it."""
    files = {
        "trees.ubj": unpacked(built_in.archive)["xgboost-model"],
        "inference.py": INFERENCE.replace("{answer}", answer),
        "scaling.py": "def doubled(value):\n    return value * 2\n",
    }
    return replace(built_in, archive=packed(path, files), **changes)


def lineage(model: str, *, key: str = "0123456789", number: int = 1) -> Lineage:
    """Where a version of a model came from."""
    return Lineage(
        model=model,
        run_key=key,
        run_digest=key + "0" * 54,
        snapshot="5" * 64,
        engine="local",
        mode="tune",
        reason="no earlier version",
        tuning_job=f"{model}-{key}-01",
        training_job=f"{model}-{key}-01-{number:03d}",
        spec_digest="a" * 64,
        code_digest="b" * 64,
        generation=0,
    )


def registrar(registry: Registry, data: Case, run_id: str, scratch: Path) -> Callable[..., ModelVersion]:
    """`register` with everything but the trial and the run key filled in."""

    def register_one(of: TrialModel, *, key: str = "0123456789", number: int = 1) -> ModelVersion:
        return register(
            registry=registry,
            trial=of,
            snapshot=data.snapshot,
            validation=data.validation,
            lineage=lineage(registry.model, key=key, number=number),
            run_id=run_id,
            scratch=scratch,
        )

    return register_one


def serving(registry: Registry) -> int | None:
    """Number of the champion."""
    champion = registry.champion()
    return None if champion is None else champion.version
