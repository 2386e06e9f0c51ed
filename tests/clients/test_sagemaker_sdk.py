"""The SageMaker SDK v3 as it is, against the served local AMT (amt.md 1.9, 5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from amazon_clients import AmazonClients

HERE = Path(__file__).parent
TRAIN = """
import argparse, json, os, time
from pathlib import Path

from shades import DARK

parser = argparse.ArgumentParser()
for name in ("--rounds", "--rate", "--verbose", "--layers"):
    parser.add_argument(name, required=True)
given = parser.parse_args()
drivers = Path(os.environ["SM_CHANNEL_SM_DRIVERS"])
assert json.loads((drivers / "sourcecode.json").read_text())["entry_script"] == "train.py"
assert (drivers / "distributed_drivers" / "basic_script_driver.py").is_file()
assert (DARK, given.verbose.lower(), given.layers, os.environ["COLOUR"]) == ("dark", "true", "[1, 2]", "blue"), given
for _ in range(int(given.rounds)):
    print("loss =", given.rate, flush=True)
    time.sleep(0.05)
Path(os.environ["SM_MODEL_DIR"], "rate").write_text(given.rate)
"""


@pytest.fixture(scope="module")
def told(clients: AmazonClients, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK's objects said at the end of `sdk_session.py`."""
    source = tmp_path_factory.mktemp("source")
    (source / "train.py").write_text(TRAIN)
    (source / "shades.py").write_text('DARK = "dark"\n')
    result = tmp_path_factory.mktemp("result") / "told.json"
    clients.python(HERE / "sdk_session.py", "bucket", str(source), str(result))
    return dict(json.loads(result.read_text()))


def test_the_tuner_tunes_waits_and_tells_with_a_built_in_algorithm(told: dict[str, Any]) -> None:
    """tune(), wait(), best_training_job() and analytics().dataframe() work with the built-in XGBoost."""
    job = told["built_in"]
    assert job["status"] == "Completed"
    assert job["columns"] == [
        *("booster", "eta", "max_depth"),
        *("TrainingJobName", "TrainingJobStatus", "FinalObjectiveValue"),
        *("TrainingStartTime", "TrainingEndTime", "TrainingElapsedTimeSeconds"),
    ]
    assert job["statuses"] == ["Completed"] * 4
    assert job["names"] == job["all_training_jobs"]
    assert job["best"] == job["names"][job["objectives"].index(max(job["objectives"]))]


def test_the_tuner_runs_a_script_with_source_code_and_its_drivers(told: dict[str, Any]) -> None:
    """With source_code the script of sourcedir.tar.gz runs, the channel sm_drivers beside it, as in AWS's toolkit."""
    job = told["script"]
    assert (job["status"], job["statuses"]) == ("Completed", ["Completed", "Completed"])
    assert job["best"] == job["names"][job["objectives"].index(min(job["objectives"]))]


def test_the_tuner_stops_a_job(told: dict[str, Any]) -> None:
    """After stop_tuning_job() wait() returns with a job that is Stopped, and what it had is still told."""
    job = told["stopped"]
    assert job["status"] == "Stopped"
    assert job["statuses"][-1] == "Stopped"
    assert job["best"] in job["names"]


def test_the_trainer_trains_a_single_job(told: dict[str, Any]) -> None:
    """ModelTrainer.train() of a built-in algorithm waits for a training job that is Completed and has its metrics."""
    job = told["once"]
    assert job["status"] == "Completed"
    assert job["name"].startswith("once-")
    assert job["artifact"] == f"s3://bucket/out/{job['name']}/output/model.tar.gz"
    assert "validation:logloss" in job["metrics"]


def test_the_trainer_trains_a_script_with_source_code(told: dict[str, Any]) -> None:
    """ModelTrainer.train() with source_code runs the script of the channel `code`, as the SDK's driver would."""
    job = told["own"]
    assert job["status"] == "Completed"
    assert job["metrics"] == {"loss": 0.25}
    assert job["artifact"] == f"s3://bucket/out/{job['name']}/output/model.tar.gz"
