"""A registered model with versions that answer, and with some that do not, for deployment targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.registry.connection import connect
from components.registry.experiments import ensure_experiment
from components.registry.mlflow_registry import Registry
from components.registry.verification import TrialModel
from tests.unit.registry import registry_cases

MODEL = "bank"
METRIC = "validation:auc"
ROW = {"balance": 1, "age": 40, "job": "admin", "housing": True}


@dataclass(frozen=True, kw_only=True)
class HostedVersions:
    """A registered model.

    Attributes:
        registry: Of it.
        good: Numbers of two versions that answer, with different trees.
        unanswering: Of one that loads everywhere and answers here only: it needs pyarrow, which no image has.
        unloading: Of one that does not load in a container, for the same reason.
        broken: Of one that does not load anywhere any more: it needs a file that is gone.
    """

    registry: Registry
    good: tuple[int, int]
    unanswering: int
    unloading: int
    broken: int


def register_versions(folder: Path) -> HostedVersions:
    """Make them, in a SQLite MLflow in a folder."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = connect(uri)
    run_id = client.create_run(ensure_experiment(client, MODEL, str(folder / "artifacts"))).info.run_id
    data = registry_cases.case("binary")
    registry = Registry(tracking_uri=uri, model=MODEL)
    register = registry_cases.registrar(registry, data, run_id, folder / "scratch")
    trained = registry_cases.trial(data, folder / "one", metric=METRIC)
    other = registry_cases.trial(data, folder / "other", metric=METRIC, eta="0.1")
    flag = folder / "flag"
    flag.touch()
    asked = "model.predict(xgb.DMatrix(matrix, missing=np.nan))"

    def script(name: str, answer: str, top: str = "") -> TrialModel:
        made = registry_cases.script_trial(trained, folder / f"{name}.tar.gz", answer=answer, is_script=True)
        if top:
            files = registry_cases.unpacked(made.archive)
            files["inference.py"] = top.encode() + files["inference.py"]
            registry_cases.packed(made.archive, files)
        return made

    trials = [
        trained,
        other,
        script("unanswering", f"__import__('pyarrow') and {asked}"),
        script("unloading", asked, top="import pyarrow\n"),
        script("broken", asked, top=f"open({str(flag)!r}).close()\n"),
    ]
    numbers = [register(each, key=f"{number:010d}", number=number).version for number, each in enumerate(trials, 1)]
    flag.unlink()
    return HostedVersions(
        registry=registry,
        good=(numbers[0], numbers[1]),
        unanswering=numbers[2],
        unloading=numbers[3],
        broken=numbers[4],
    )
