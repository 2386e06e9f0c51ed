"""A trained model as an MLflow model folder that takes raw rows and loads where retune is not installed."""

from __future__ import annotations

import ast
import json
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data import transform
from components.data.snapshot import DataSnapshot, RawPart
from components.errors import Damaged
from components.registry import asking
from components.registry.archive import Kind, TrainedModel
from components.registry.quiet import quiet_mlflow
from components.registry.scoring import cause_of

# What served_model.py, asking.py and transform.py import.
_BASE_PACKAGES = ("mlflow", "numpy", "pandas")


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A model folder, ready to be logged.

    Attributes:
        kind: As the training job left it.
        folder: With `MLmodel` in it, unless there is a refusal.
        refusal: Why it must not be promoted; None when it may.
        objective: What a Booster was trained for, such as `binary:logistic`; None of other kinds.
    """

    kind: Kind
    folder: Path
    refusal: str | None = None
    objective: str | None = None


def pyfunc() -> ModuleType:
    """`mlflow.pyfunc`, imported without the warning it gives about its own type hints."""
    quiet_mlflow()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*Any type hint is inferred as AnyType", category=UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc


def package(
    trained: TrainedModel, *, snapshot: DataSnapshot, validation: RawPart, into: Path, input_example: bool
) -> PackagedModel:
    """Make the model folder.

    An MLflow model stays as it is. `inference.py` is run, here and wherever the model is loaded: it is the user's own
    training code. If it fails, the archive is kept as it is, and the refusal says why.

    Args:
        trained: From `open_archive`.
        snapshot: The data it was trained on.
        validation: Asked once, to learn what form an `inference.py` answers in.
        into: Folder to make; what was there is replaced.
        input_example: Whether made-up rows go with the model.

    Raises:
        Damaged: `xgboost-model` is none, or was trained on other columns than the snapshot's.
    """
    shutil.rmtree(into, ignore_errors=True)
    if trained.kind == "mlflow":
        return PackagedModel(kind="mlflow", folder=trained.path)
    if trained.kind == "unknown":
        return PackagedModel(kind="unknown", folder=trained.folder, refusal=trained.refusal)
    matrix = transform.Preprocessing.from_json(snapshot.preprocessing).transform(validation.features)
    serving: dict[str, Any] = {"kind": trained.kind, "classes": snapshot.classes}
    objective = None
    if trained.kind == "xgboost":
        objective = _booster_objective(trained.path, columns=matrix.shape[1])
        serving["form"] = _booster_form(objective, snapshot.classes)
        raw = asking.booster_predictor(trained.path)(matrix[:1])
        requirements = _requirements(_xgboost_distribution())
    else:
        serving["script"] = str(trained.path.relative_to(trained.folder))
        try:
            raw = np.asarray(asking.script_predictor(trained.folder, serving["script"])(matrix))
            serving["form"] = _script_form(raw, validation.labels, snapshot.classes)
        except Exception as error:  # noqa: BLE001  somebody's code: what it raises is a reason, not a crash
            refusal = f"inference.py fails: {type(error).__name__}: {cause_of(error)}"
            return PackagedModel(kind="unknown", folder=trained.folder, refusal=refusal)
        requirements = _script_requirements(trained.path)
    sample = asking.answer(raw[:1], serving["form"], snapshot.classes)
    _save(trained, snapshot, serving, sample, into=into, requirements=requirements, input_example=input_example)
    return PackagedModel(kind=trained.kind, folder=into, objective=objective)


def _save(
    trained: TrainedModel,
    snapshot: DataSnapshot,
    serving: dict[str, Any],
    sample: Any,
    *,
    into: Path,
    requirements: Sequence[str],
    input_example: bool,
) -> None:
    pyfunc()  # its import is quiet only from there
    from components.registry import served_model
    from components.registry.signature import example_of, signature_of

    parts = into.with_name(f"{into.name}.parts")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    (parts / "serving.json").write_text(json.dumps(serving), encoding="utf-8")
    (parts / "preprocessing.json").write_text(snapshot.preprocessing, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*An input example was not provided", category=UserWarning)
        pyfunc().save_model(
            into,
            python_model=str(Path(served_model.__file__)),
            artifacts={
                "serving": str(parts / "serving.json"),
                "preprocessing": str(parts / "preprocessing.json"),
                "transform": transform.__file__,
                "asking": asking.__file__,
                "model": str(trained.path if trained.kind == "xgboost" else trained.folder),
            },
            signature=signature_of(snapshot, form=serving["form"], probabilities=list(sample.columns[1:])),
            input_example=example_of(snapshot) if input_example else None,
            pip_requirements=list(requirements),
            metadata={"retune": {"kind": trained.kind, "columns": {c.name: c.kind for c in snapshot.features}}},
        )
    shutil.rmtree(parts, ignore_errors=True)


def booster_columns(path: Path) -> int:
    """How many columns a Booster takes. Raises Damaged when the file is none."""
    return _booster_facts(path)[1]


def _booster_objective(path: Path, *, columns: int) -> str:
    objective, taken = _booster_facts(path)
    if taken != columns:
        raise Damaged(
            f"xgboost-model must take the snapshot's {columns} columns, got {taken}: it was trained on other data"
        )
    return objective


def _booster_facts(path: Path) -> tuple[str, int]:
    """Objective and number of columns."""
    import xgboost as xgb

    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(path.read_bytes()))
        return str(json.loads(booster.save_config())["learner"]["objective"]["name"]), booster.num_features()
    except (xgb.core.XGBoostError, ValueError, KeyError) as error:
        raise Damaged(f"xgboost-model must be a model xgboost {xgb.__version__} reads: {cause_of(error)}") from None


def _booster_form(objective: str, classes: Sequence[str] | None) -> str:
    if objective in ("binary:logistic", "binary:logitraw") or (objective == "reg:logistic" and classes):
        return "second"
    if objective == "binary:hinge":
        return "codes"
    return "each" if objective.startswith("multi:") else "numbers"


def _script_form(raw: npt.NDArray[Any], labels: Any, classes: Sequence[str] | None) -> str:
    """What a `predict_fn` means, judged once on all validation rows and written down: it must not depend on a request.

    Raises:
        ValueError: It means nothing that can be told.
    """
    if len(raw) != len(labels):
        raise ValueError(f"predict_fn must answer every row, got {len(raw)} answers to {len(labels)} rows")
    if raw.ndim == 2 and raw.shape[1] > 1:  # noqa: PLR2004  a matrix
        if classes is not None and raw.shape[1] != len(classes):
            raise ValueError(
                f"predict_fn must give a probability of each of {len(classes)} classes, got {raw.shape[1]}"
            )
        return "each"
    flat = raw.reshape(len(raw)) if raw.size == len(raw) else None
    if flat is None:
        raise ValueError(f"predict_fn must return a value or a row of probabilities each, got shape {raw.shape}")
    if not np.issubdtype(flat.dtype, np.number):
        if classes is not None and {str(value) for value in flat} <= set(classes):
            return "labels"
        raise ValueError(f"predict_fn must return labels of the target, codes or probabilities, got {str(flat[0])!r}")
    codes = range(2 if classes is None else len(classes))
    whole = bool(np.isin(flat, codes).all())
    binary = len(classes) == 2 if classes is not None else bool(np.isin(labels, (0, 1)).all())  # noqa: PLR2004
    if binary and not whole and bool(((flat >= 0) & (flat <= 1)).all()):
        return "second"
    if classes is None:
        return "codes" if binary and whole else "numbers"
    if whole:
        return "codes"
    raise ValueError(f"predict_fn must return class codes 0..{len(classes) - 1} or probabilities, got {str(flat[0])!r}")


def _xgboost_distribution() -> str:
    for name in ("xgboost-cpu", "xgboost"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    return "xgboost"


def _requirements(*names: str) -> list[str]:
    found = []
    for name in dict.fromkeys((*_BASE_PACKAGES, *names)):
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            found.append(name)
    return found


def _script_requirements(script: Path) -> list[str]:
    """The training job's own requirements.txt if it kept one; else what its modules import, as installed here."""
    kept = script.parent / "requirements.txt"
    if kept.is_file():
        lines = [line.strip() for line in kept.read_text(encoding="utf-8").splitlines()]
        return _requirements() + [line for line in lines if line and not line.startswith(("#", "-"))]
    imported: set[str] = set()
    for module in script.parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_bytes())):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    if "joblib" in imported:  # a pickled estimator names its library only inside
        imported.add("sklearn")
    distributions = packages_distributions()
    own = {module.stem for module in script.parent.glob("*.py")} | set(sys.stdlib_module_names)
    return _requirements(*sorted(name for module in imported - own for name in distributions.get(module, ())[:1]))
