"""Refits: decided by drift, one training job, found again after a kill, and a search's parents found after them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from components.amt.client import LocalAmt
from components.storage.local import FolderStore
from tests.command import Retune, kill
from tests.gate import SCRIPT, Gate


def shop(rows: int, seed: int, older_by: float = 0.0) -> pd.DataFrame:
    """Customers of one month, who answer in the same way each month."""
    draw = np.random.default_rng(seed)
    age = draw.integers(18, 70, rows) + older_by
    city = draw.choice(["Bonn", "Trier", "Ulm"], rows)
    pays = age - 8 * (city == "Bonn") + draw.normal(0, 6, rows)
    return pd.DataFrame(
        {"age": age, "city": city, "visits": draw.poisson(4, rows), "buys": np.where(pays > 42, "y", "n")}
    )


def trained(retune: Retune, name: str) -> Any:
    """DescribeTrainingJob of this home."""
    amt = LocalAmt(home=retune.home / "amt", store=FolderStore(retune.home / "store"), supervise=False)
    return amt.describe_training_job(TrainingJobName=name)


def plans(retune: Retune, *options: dict[str, Any]) -> list[Any]:
    """`retune plan --json` of each of these options, in one process: importing takes longer than planning."""
    code = (
        "import json, sys; from flows.line import RunOptions; from flows.plan import plan_of; "
        "print(json.dumps([plan_of(RunOptions(**each)) for each in json.loads(sys.argv[1])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(options)],
        cwd=retune.cwd,
        env=dict(retune.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def refits(retune: Retune) -> list[str]:
    """Names of this home's refits, oldest first."""
    amt = LocalAmt(home=retune.home / "amt", store=FolderStore(retune.home / "store"), supervise=False)
    rows = amt.list_training_jobs(NameContains="-refit-", SortBy="Name", SortOrder="Ascending")["TrainingJobSummaries"]
    return [row["TrainingJobName"] for row in rows]


@pytest.mark.slow
def test_months_are_refitted_until_the_data_drift(
    retune: Retune, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    """Months like the last are one training job, as planned; drift, another column, lost data are a search, said so."""
    spec = str(
        write_spec(
            name="shop",
            data={"source": str(tmp_path / "january.csv"), "target": "buys"},
            training={"hyperparameters": {"objective": "binary:logistic", "num_round": 5}},
            tuning={
                "objective": {"metric": "validation:auc", "type": "maximize"},
                "strategy": "random",
                "seed": 1,
                "max_jobs": 2,
                "max_parallel_jobs": 2,
                "space": {"eta": {"continuous": [0.1, 0.5]}, "max_depth": {"integer": [2, 6]}},
            },
        )
    )

    def month(name: str, frame: pd.DataFrame, *changes: str) -> dict[str, Any]:
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return {"spec": spec, "deploy": False, "overrides": [f"data.source={tmp_path / name}.csv", *changes]}

    def run(options: dict[str, Any]) -> Any:
        return retune.ok("run", spec, "--no-deploy", "--set", *options["overrides"])

    first = run(month("january", shop(900, 1)))
    assert (first["mode"], first["refit_of"], first["drift"]) == ("tune", None, None)

    february = month("february", shop(900, 2))
    (plan,) = plans(retune, february)
    second = run(february)
    name = second["best"]["training_job"]
    assert (plan["mode"], plan["training_job"], plan["tuning_job"], plan["cost"]) == ("refit", name, None, None)
    job, request = trained(retune, name), plan["request"]
    for key in ("HyperParameters", "InputDataConfig", "StoppingCondition", "CheckpointConfig", "RoleArn"):
        assert job[key] == request[key]
    assert first["best"]["hyperparameters"].items() <= request["HyperParameters"].items()

    assert (second["mode"], second["tuning_job"], second["warm_start"]["parents"]) == ("refit", None, [])
    assert second["best"]["hyperparameters"] == first["best"]["hyperparameters"]
    assert second["trials"] == {"completed": 1, "stopped": 0, "failed": 0}
    assert second["refit_of"] == {"version": "1", "tuning_job": first["tuning_job"], "snapshot": first["snapshot"]}
    assert second["drift"] == plan["drift"]
    assert second["drift"]["value"] < 0.1
    assert set(second["drift"]["columns"]) == {"age", "city", "visits", "buys"}
    assert "is below refit_below_drift 0.1" in second["reason"]
    listed = retune.ok("jobs")["jobs"]
    assert [(each["name"], each["strategy"]) for each in listed] == [(name, None), (first["tuning_job"], "random")]
    assert {**listed[0], "failure": None} == retune.ok("status", name)
    (trial,) = retune.ok("trials", name)["trials"]
    undrawn = retune("report", name)
    assert (undrawn.code, f"retune trials {name} shows it" in undrawn.err) == (65, True)
    assert (trial["training_job"], trial["objective"]) == (name, second["best"]["objective"])
    assert second["best"]["hyperparameters"].items() <= trial["hyperparameters"].items()
    version, _ = retune.ok("lineage", "shop")["versions"]
    assert (version["mode"], version["reason"], version["refit_of"]) == ("refit", second["reason"], second["refit_of"])
    mirror = MlflowClient(f"sqlite:///{retune.home / 'mlflow.db'}").get_run(second["mlflow"]["run_id"])
    assert mirror.data.metrics["drift"] == pytest.approx(second["drift"]["value"], abs=1e-6)
    assert mirror.data.metrics["drift.age"] == pytest.approx(second["drift"]["columns"]["age"], abs=1e-6)
    assert mirror.data.tags["retune.reason"] == second["reason"]

    same, drifted, wider, never = plans(
        retune,
        february,
        month("march", shop(900, 3, older_by=9.0)),
        month("april", shop(900, 4).assign(zip=np.arange(900) % 9)),
        month("may", shop(900, 5), "decision.refit_below_drift=null"),
    )
    assert (same["mode"], same["training_job"]) == ("skip", name)
    assert drifted["mode"] == "tune"
    assert "is not below refit_below_drift 0.1 (" in drifted["reason"]
    assert "age 0." in drifted["reason"]
    assert drifted["warm_start"]["parents"] == [first["tuning_job"]]
    assert (wider["mode"], "; columns added: zip" in wider["reason"]) == ("tune", True)
    # measured against what was searched on; changed since the champion or the newest, whichever is held against
    assert (never["mode"], never["reason"][:-1]) == ("tune", "data changed since version ")

    shutil.rmtree(retune.home / "store" / "retune-local" / "snapshots" / first["snapshot"][:16])
    (lost,) = plans(retune, month("june", shop(900, 6)))
    assert lost["mode"] == "tune"
    assert "their drift cannot be measured: those of version 1 cannot be read any more" in lost["reason"]


@pytest.mark.slow
def test_a_refit_is_killed_stopped_and_finished_once(
    retune: Retune, write_spec: Callable[..., Path], tmp_path: Path, gate: Gate
) -> None:
    """After `kill -9` the same training job is taken up; after Ctrl-C and `retune stop` the next attempt trains."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    spec = str(
        write_spec(
            training={
                "entry_point": "train.py",
                "source_dir": str(tmp_path / "code"),
                "hyperparameters": {"port": gate.port},
                "metrics": [{"name": "loss", "regex": "loss = ([0-9.]+)"}],
            },
            tuning={
                "objective": {"metric": "loss", "type": "minimize"},
                "max_jobs": 1,
                "max_parallel_jobs": 1,
                "space": {"rate": {"continuous": [0.1, 0.5]}},
            },
        )
    )
    with retune.running("run", spec, "--no-deploy", "--json") as process:
        gate.let_one_through()
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    tuned = json.loads(out)["best"]["hyperparameters"]
    other = retune("run", spec, "--mode", "refit", "--no-deploy", "--set", "tuning.space.depth={integer: [1, 3]}")
    assert (other.code, "got version 1 with other hyperparameters than tuning.space: rate instead" in other.err) == (
        65,
        True,
    ), other.err

    refit = ("run", spec, "--mode", "refit", "--no-deploy", "--json")
    process = retune.start(*refit)
    gate.wait_for_one()
    kill(process)
    with retune.running(*refit) as process:
        gate.wait_for_one()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    with retune.running(*refit) as process:
        gate.wait_for_one()
        assert [name[-9:] for name in refits(retune)] == ["-refit-01", "-refit-02"]
        stopped = retune.ok("stop", refits(retune)[-1])
        assert (stopped["status"], stopped["trials"]["stopped"], stopped["strategy"]) == ("Stopped", 1, None)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, "the same command trains it again" in err) == (130, True), err
    with retune.running(*refit) as process:
        gate.let_one_through()
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err

    result = json.loads(out)
    assert (result["mode"], result["model_version"]) == ("refit", "2")
    assert result["reason"] == "asked for by --mode refit; hyperparameters of version 1"
    assert result["best"]["training_job"].endswith("-refit-03")
    assert result["best"]["hyperparameters"] == tuned
    assert result["trials"] == {"completed": 1, "stopped": 2, "failed": 0}
    assert len(gate.passed) == 2
