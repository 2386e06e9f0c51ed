"""A registered version repacked as the `model.tar.gz` that SageMaker's script-mode images host.

    code/inference.py        SageMaker's serving functions; requirements.txt beside it where the training job kept one
    retune/                  asking.py, transform.py, preprocessing.json, serving.json, and the model itself

The same version gives the same bytes, so an archive that was stored half or twice is the same archive.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import naming
from components.deployment import inference
from components.errors import Damaged, Refused
from components.registry import asking
from components.storage import ObjectStore

KINDS = ("xgboost", "inference")
ARCHIVE = "model.tar.gz"


@dataclass(frozen=True, kw_only=True)
class HostedModel:
    """What SageMaker is to host.

    Attributes:
        kind: `xgboost`, or `inference`: the training job's own `inference.py`.
        archive: The bytes of model.tar.gz.
        preprocessing: JSON text: the raw columns it takes.
    """

    kind: str
    archive: bytes
    preprocessing: str

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, 64 hex digits."""
        return hashlib.sha256(self.archive).hexdigest()


def repack(folder: Path, *, version: str) -> HostedModel:
    """Repack a version's MLflow folder.

    Args:
        folder: As `Registry.folder` gives it.
        version: The version's number; every answer names it.

    Raises:
        Refused: It is an MLflow model of the user's own, which those images do not load.
        Damaged: The folder is not as retune writes it.
    """
    artifacts = _artifacts(folder)
    if not {"serving", "preprocessing", "transform", "model"} <= artifacts.keys():
        raise Refused(
            "SageMaker is to host XGBoost models and those with an inference.py; an MLflow model of one's own needs "
            "MLflow in its image: leave inference.py in SM_MODEL_DIR instead, or serve (deployment.target local) and "
            "predict on this machine"
        )
    try:
        serving = json.loads(artifacts["serving"].read_text(encoding="utf-8"))
        files = dict(_files(artifacts["model"], "retune/model"))
        for name in ("preprocessing", "transform"):
            suffix = artifacts[name].suffix
            files[f"retune/{name}{suffix}"] = artifacts[name].read_bytes()
        # a version that was registered before asking.py travelled is asked by today's
        files["retune/asking.py"] = artifacts.get("asking", Path(asking.__file__)).read_bytes()
        files["code/inference.py"] = Path(inference.__file__).read_bytes()
    except (OSError, ValueError) as error:
        raise Damaged(f"a registered model must be whole, got {error}") from error
    if serving["kind"] == "inference":
        kept = f"retune/model/{Path(serving['script']).parent / 'requirements.txt'}"
        if kept in files:
            files["code/requirements.txt"] = files[kept]
    files["retune/serving.json"] = json.dumps({**serving, "version": version}, sort_keys=True).encode()
    return HostedModel(
        kind=serving["kind"],
        archive=_packed(files),
        preprocessing=artifacts["preprocessing"].read_text(encoding="utf-8"),
    )


def stored(hosted: HostedModel, *, store: ObjectStore, base_uri: str, model: str, version: str) -> str:
    """Have a version's archive in the store; the URI of its folder, in which it is `ARCHIVE`."""
    folder = f"{base_uri}/{naming.hosted_model_prefix(model, version, hosted.digest)}"
    if not store.exists(f"{folder}/{ARCHIVE}"):
        store.put_bytes(hosted.archive, f"{folder}/{ARCHIVE}")
    return folder


def _artifacts(folder: Path) -> dict[str, Path]:
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    try:
        flavors: dict[str, Any] = Model.load(str(folder)).flavors or {}
    except (MlflowException, OSError) as error:
        raise Damaged(f"a registered model must have a readable MLmodel, got {error}") from error
    artifacts = flavors.get("python_function", {}).get("artifacts") or {}
    return {name: folder / entry["path"] for name, entry in artifacts.items()}


def _files(place: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if place.is_file():
        yield name, place.read_bytes()
        return
    for path in sorted(place.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{name}/{path.relative_to(place).as_posix()}", path.read_bytes()


def _packed(files: dict[str, bytes]) -> bytes:
    """A tar.gz without times and owners."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return packed.getvalue()
