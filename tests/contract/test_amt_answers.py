"""Details of answers that clients compare or print (amt.md 2.1, 2.2, 2.5), over HTTP."""

from __future__ import annotations

import datetime as dt
import io
import tarfile
from collections.abc import Iterator

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end
from botocore.exceptions import ClientError
from http_rig import HttpRig, http_rig

QUIET = "print('nothing to see')\n"
LOSS = "print('loss = 2.91488')\n"
LEAVES = """
import os
from pathlib import Path

print("loss = 1")
Path(os.environ["SM_MODEL_DIR"], "weights").write_text("w")
Path(os.environ["SM_OUTPUT_DATA_DIR"], "plot").write_text("p")
"""
FAILS = "raise RuntimeError('the valve is stuck, ' * 100)\n"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
    """One server for all."""
    with http_rig(tmp_path_factory.mktemp("served")) as rig:
        yield rig


def test_summaries_have_whole_seconds_and_jobs_milliseconds(rig: HttpRig) -> None:
    """Times of training jobs inside summaries are whole seconds, those of the tuning job are not cut."""
    for number in range(3):  # one of three ends at no whole second, whatever the clock
        rig.create_hyper_parameter_tuning_job(**a_request(f"times{number}", code=put_script(rig.store, LOSS), jobs=1))
    jobs = [wait_for_end(rig, f"times{number}") for number in range(3)]
    assert {job["BestTrainingJob"]["TrainingEndTime"].microsecond for job in jobs} == {0}
    assert any(job["HyperParameterTuningEndTime"].microsecond for job in jobs)
    assert all(job["HyperParameterTuningEndTime"].microsecond % 1000 == 0 for job in jobs)
    assert all(job["CreationTime"].tzinfo is not None for job in jobs)


def test_a_value_is_a_float32_wherever_it_is_told(rig: HttpRig) -> None:
    """A logged 2.91488 is 2.9148800373077393 in Describe, in the list and in FinalMetricDataList."""
    rig.create_hyper_parameter_tuning_job(**a_request("single", code=put_script(rig.store, LOSS), jobs=1))
    best = wait_for_end(rig, "single")["BestTrainingJob"]
    (row,) = trials_of(rig, "single")
    told = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
    values = {entry["MetricName"]: entry["Value"] for entry in told["FinalMetricDataList"]}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {"MetricName": "loss", "Value": 2.9148800373077393}
    assert row["FinalHyperParameterTuningJobObjectiveMetric"] == best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert values["loss"] == 2.9148800373077393


def test_without_an_objective_there_is_no_best(rig: HttpRig) -> None:
    """A training job that emits nothing is Completed with ObjectiveStatus Failed, and no BestTrainingJob is told."""
    rig.create_hyper_parameter_tuning_job(**a_request("quiet", code=put_script(rig.store, QUIET), jobs=1))
    job = wait_for_end(rig, "quiet")
    (row,) = trials_of(rig, "quiet")
    assert "BestTrainingJob" not in job
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 1}
    assert (row["TrainingJobStatus"], row["ObjectiveStatus"]) == ("Completed", "Failed")
    assert "FinalHyperParameterTuningJobObjectiveMetric" not in row


def test_the_job_tells_its_own_time(rig: HttpRig) -> None:
    """ConsumedResources.RuntimeInSeconds is the tuning job's wall clock, in whole seconds."""
    rig.create_hyper_parameter_tuning_job(**a_request("clock", code=put_script(rig.store, LOSS), jobs=2, parallel=1))
    job = wait_for_end(rig, "clock")
    lasted = job["HyperParameterTuningEndTime"] - job["CreationTime"]
    assert dt.timedelta(seconds=job["ConsumedResources"]["RuntimeInSeconds"]) <= lasted + dt.timedelta(seconds=1)
    assert isinstance(job["ConsumedResources"]["RuntimeInSeconds"], int)


def test_model_and_output_are_archives_where_aws_puts_them(rig: HttpRig) -> None:
    """What a script leaves in its model and output folders is in model.tar.gz and output.tar.gz below S3OutputPath."""
    rig.create_hyper_parameter_tuning_job(**a_request("leaves", code=put_script(rig.store, LEAVES), jobs=1))
    wait_for_end(rig, "leaves")
    (row,) = trials_of(rig, "leaves")
    found = {}
    for name in ("model", "output"):
        archive = rig.store.get_bytes(f"s3://bucket/out/{row['TrainingJobName']}/output/{name}.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            found[name] = [member.name for member in tar if member.isfile()]
    assert found == {"model": ["weights"], "output": ["plot"]}


def test_a_failure_is_told_in_1024_characters(rig: HttpRig) -> None:
    """FailureReason is AlgorithmError with the toolkit's words and the script's error, cut, and its exit code."""
    rig.create_hyper_parameter_tuning_job(**a_request("stuck", code=put_script(rig.store, FAILS), jobs=1))
    wait_for_end(rig, "stuck")
    (row,) = trials_of(rig, "stuck")
    told = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
    assert told["TrainingJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ")
    assert "RuntimeError: the valve is stuck" in told["FailureReason"]
    assert told["FailureReason"].endswith(", exit code: 1")
    assert len(told["FailureReason"]) <= 1024
    assert row["FailureReason"] == told["FailureReason"]


def test_autotune_and_several_definitions_are_refused_by_name(rig: HttpRig) -> None:
    """What AMT has and the local AMT has not yet is a ValidationException that names it."""
    code = put_script(rig.store, LOSS)
    asked = {**a_request("auto", code=code), "Autotune": {"Mode": "Enabled"}}
    several = a_request("several", code=code)
    config, definition = several["HyperParameterTuningJobConfig"], several.pop("TrainingJobDefinition")
    own = {
        "TuningObjective": config.pop("HyperParameterTuningJobObjective"),
        "HyperParameterRanges": config.pop("ParameterRanges"),
    }
    several["TrainingJobDefinitions"] = [{"DefinitionName": name, **own, **definition} for name in ("one", "two")]
    for request, name in ((asked, "Autotune"), (several, "TrainingJobDefinitions")):
        with pytest.raises(ClientError) as caught:
            rig.create_hyper_parameter_tuning_job(**request)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        assert caught.value.response["Error"]["Message"] == f"not available yet on the local engine: {name}"
