"""The cloud half: the same line against `retune amt serve`, with S3 on moto's server, in place of AWS."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.amt_endpoint import Serving
from tests.command import Retune
from tests.fault_proxy import fault_proxy

SOFTPROB = {"objective": "multi:softprob", "num_class": 3}
SPEC = {
    "tuning": {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "random",
        "seed": 5,
        "max_jobs": 4,
        "max_parallel_jobs": 1,
        "space": {"eta": {"continuous": [0.1, 0.3]}, "max_depth": {"integer": [2, 4]}},
    }
}


def trained(trials: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(trial["hyperparameters"], trial["objective"]) for trial in trials]


def jobs_of(cloud: Serving, model: str) -> list[str]:
    answer = cloud.client.list_hyper_parameter_tuning_jobs(NameContains=f"{model}-", MaxResults=100)
    return [summary["HyperParameterTuningJobName"] for summary in answer["HyperParameterTuningJobSummaries"]]


def test_both_engines_train_the_same_and_say_the_same(retune: Retune, cloud: Serving, account: dict[str, str]) -> None:
    """One spec, one seed: equal trials, and a result that differs in engine, names and money only."""
    run = ("run", "flows/specs/digits.yaml", "--no-deploy", "--max-jobs", "3", "--max-parallel-jobs", "1")
    run += ("--set", "tuning.strategy=random", "--set", "tuning.seed=5")
    here = retune.ok(*run)
    mine = retune.ok("trials", here["tuning_job"])["trials"]
    there = retune.ok(*run, "--mode", "tune", "--engine", "sagemaker", **account)
    theirs = retune.ok("trials", there["tuning_job"], "--engine", "sagemaker", **account)["trials"]

    assert trained(theirs) == trained(mine)
    assert there["best"]["objective"] == here["best"]["objective"]
    differ = {"engine", "run_key", "tuning_job", "best", "spent", "mlflow", "model_version", "champion", "reason"}
    differ |= {
        "report",
        "promoted",
        "promotion",
        "promotion_reason",
    }  # the second version is held against the first, its equal
    assert {key for key in here if here[key] != there[key]} <= differ
    assert (here["spent"]["cost_usd"], there["engine"]) == (0.0, "sagemaker")
    assert 0 < there["spent"]["cost_usd"] < 0.01
    described = cloud.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=there["tuning_job"])
    definition = described["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"] is True
    assert definition["RoleArn"] == account["RETUNE_ROLE_ARN"]
    assert (
        definition["CheckpointConfig"]["S3Uri"] == f"s3://{account['RETUNE_BUCKET']}/checkpoints/{there['tuning_job']}"
    )

    plan = ("plan", *run[1:], "--engine", "sagemaker", "--detailed-exitcode")
    assert retune(*plan, **account).code == 0, "it would skip"
    more = retune(*plan, "--max-jobs", "6", "--json", **account)
    assert (more.code, more.document["mode"]) == (2, "tune")
    limit = "HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs"
    assert more.document["changes"] == [{"path": limit, "before": 3, "after": 6}]
    cost = more.document["cost"]
    assert cost["expected_usd"] == pytest.approx(there["spent"]["cost_usd"] * 2, rel=0.01)
    assert cost["expected_usd"] < cost["worst_case_usd"] <= cost["cap_usd"]
    assert cost["expected_from"] == there["tuning_job"]


@pytest.mark.slow
def test_faults_on_the_way_change_nothing(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str]
) -> None:
    """A quarter of the calls throttled, refused, cut off before or after they arrived; one expired token: one job."""
    spec = str(write_spec(name="faulty", **SPEC))
    with fault_proxy(cloud.url, share=0.25, seed=4, expired=True) as proxy:
        result = retune.ok(
            "run", spec, "--no-deploy", "--engine", "sagemaker", **{**account, "AWS_ENDPOINT_URL_SAGEMAKER": proxy.url}
        )
        done = dict(proxy.done)
    assert result["trials"] == {"completed": 4, "stopped": 0, "failed": 0}
    assert jobs_of(cloud, "faulty") == [result["tuning_job"]]
    assert done["expired"] == 1
    assert {"create lost", "throttled", "unavailable", "reset", "slow"} <= done.keys(), done


@pytest.mark.slow
def test_the_line_in_two_halves(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str], tmp_path: Path
) -> None:
    """Submit returns while the search runs; collect in a fresh home goes on with that very run, changed data or not."""
    spec = write_spec(name="halves", **SPEC)
    started = retune.ok("submit", str(spec), "--no-deploy", **account)
    assert jobs_of(cloud, "halves") == [started["tuning_job"]]
    assert retune.ok("submit", str(spec), "--no-deploy", **account)["tuning_job"] == started["tuning_job"]

    elsewhere = Retune(
        home=tmp_path / "elsewhere",
        cwd=retune.cwd,
        environment={**retune.environment, "RETUNE_HOME": str(tmp_path / "elsewhere")},
    )
    result = elsewhere.ok("collect", started["tuning_job"], **account)
    assert (result["run_key"], result["snapshot"]) == (started["run_key"], started["snapshot"])
    assert result["trials"] == {"completed": 4, "stopped": 0, "failed": 0}
    assert jobs_of(cloud, "halves") == [started["tuning_job"]]
    assert elsewhere.ok("collect", started["tuning_job"], **account)["model_version"] == result["model_version"]

    spec.write_text(spec.read_text().replace("num_round: 8", "num_round: 9"))
    refused = elsewhere("collect", started["tuning_job"], **account)
    assert (refused.code, "the spec must be as it was when" in refused.err) == (65, True), refused.err
    missing = elsewhere("collect", "no-such-job", **account)
    assert (missing.code, "nothing was submitted as no-such-job" in missing.err) == (66, True), missing.err


@pytest.mark.slow
def test_a_killed_run_is_taken_up_and_a_stopped_one_stops_its_job(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str], prefect_api: str
) -> None:
    """SIGKILL leaves the job training and the same command follows it; Ctrl-C stops it; the next run goes on."""
    long = {**SPEC["tuning"], "max_jobs": 8}
    spec = str(write_spec(name="killed", training={"hyperparameters": {**SOFTPROB, "num_round": 3000}}, tuning=long))
    arguments = ("run", spec, "--no-deploy", "--engine", "sagemaker")

    def until_training(process: Any) -> str:
        while True:
            assert process.poll() is None, process.communicate()
            names = jobs_of(cloud, "killed")
            if (
                names
                and cloud.client.list_training_jobs_for_hyper_parameter_tuning_job(
                    HyperParameterTuningJobName=names[-1]
                )["TrainingJobSummaries"]
            ):
                return names[-1]

    first = retune.start(*arguments, **account)
    job = until_training(first)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert retune.ok("sweep", **account) == {"orphans": []}, "a follower may be silent for a while"
    (orphan,) = retune.ok("sweep", "--patience-s", "0.01", **account)["orphans"]
    assert (orphan["job"], orphan["model"], orphan["stopped"]) == (job, "killed", False)
    second = retune.start(*arguments, **account)
    assert second.stdout is not None
    line = ""
    while "trial 1 completed" not in line:
        line = second.stdout.readline()
        assert line, second.communicate()
    second.send_signal(signal.SIGINT)
    out, err = second.communicate(timeout=150)
    assert second.returncode == 130, (out, err)
    newest = {"flow_runs": {"name": {"any_": [spec]}}, "sort": "START_TIME_DESC", "limit": 1}
    (flow_run,) = httpx.post(f"{prefect_api}/flow_runs/filter", json=newest).raise_for_status().json()
    assert flow_run["state_type"] == "CANCELLED"
    status = cloud.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    assert status["HyperParameterTuningJobStatus"] == "Stopped"
    last = retune.ok(*arguments, **account)
    assert jobs_of(cloud, "killed") in ([job, last["tuning_job"]], [last["tuning_job"], job])
    assert last["trials"]["completed"] == 8
    assert last["model_version"] == "1"


def test_a_refit_in_the_cloud(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str]
) -> None:
    """Planned with its cost, submitted as one Spot training job, collected, its reservation settled at what it cost."""
    spec = str(write_spec(name="again", **{**SPEC, "tuning": {**SPEC["tuning"], "max_jobs": 1}}))
    first = retune.ok("run", spec, "--no-deploy", "--engine", "sagemaker", **account)
    refit = (spec, "--no-deploy", "--engine", "sagemaker", "--mode", "refit")
    plan = retune.ok("plan", *refit, **account)
    assert 0 < plan["cost"]["expected_usd"] < plan["cost"]["worst_case_usd"] <= plan["cost"]["cap_usd"]
    assert plan["cost"]["expected_from"] == first["tuning_job"]

    started = retune.ok("submit", *refit, **account)
    job = started["training_job"]
    assert (started["mode"], started["tuning_job"], job) == ("refit", None, plan["training_job"])
    result = retune.ok("collect", job, **account)
    assert (result["mode"], result["best"]["training_job"], result["model_version"]) == ("refit", job, "2")
    assert result["best"]["hyperparameters"] == first["best"]["hyperparameters"]
    assert result["best"]["objective"] == first["best"]["objective"]
    assert result["refit_of"]["tuning_job"] == first["tuning_job"]

    described = cloud.client.describe_training_job(TrainingJobName=job)
    assert (described["EnableManagedSpotTraining"], described["TrainingJobStatus"]) == (True, "Completed")
    assert {key: described[key] for key in ("HyperParameters", "StoppingCondition", "CheckpointConfig")} == {
        key: plan["request"][key] for key in ("HyperParameters", "StoppingCondition", "CheckpointConfig")
    }
    (row,) = [row for row in retune.ok("spend", **account)["models"] if row["model"] == "again"]
    assert (row["jobs"], row["reserved_usd"]) == (2, 0.0)
    assert row["spent_usd"] == pytest.approx(first["spent"]["cost_usd"] + result["spent"]["cost_usd"], abs=1e-6)
