"""What a client of AMT may rely on in a training job of its own: Create, Describe, Stop, List."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from amt_cases import DEADLINE_S, a_request, put_script, trials_of, wait_for_end, wait_until
from botocore.exceptions import ClientError

from components.amt.validation import model_breaches

LONG = "import time\nprint('loss = 0.5', flush=True)\ntime.sleep(600)\n"


def a_training_job(name: str, *, code: str | None, **changes: Any) -> dict[str, Any]:
    """CreateTrainingJob for a script of `put_script`, or for the built-in XGBoost when there is none."""
    request = a_request("unused", code=code)
    definition = request["TrainingJobDefinition"]
    values = definition.pop("StaticHyperParameters")
    return {"TrainingJobName": name, "HyperParameters": values, **definition, **changes}


def wait_for(rig: Any, name: str, *statuses: str) -> dict[str, Any]:
    """Describe a training job after each change until it has one of these statuses."""
    until = time.monotonic() + DEADLINE_S
    while True:
        job: dict[str, Any] = rig.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in statuses:
            return job
        assert time.monotonic() < until, job
        rig.wait_for_change(name, until - time.monotonic())


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Code and text of the error a call raises."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class TrainingJobContract:
    """Subclass with a fixture `rig`; every case then runs against that client."""

    def test_a_training_job_trains_the_built_in_algorithm(self, rig: Any) -> None:
        """The built-in runs with the given hyperparameters, and leaves metrics, times and a model where AWS puts it."""
        created = rig.create_training_job(**a_training_job("First-Step", code=None))
        assert created["TrainingJobArn"] == "arn:aws:sagemaker:us-east-1:111122223333:training-job/first-step"
        job = wait_for(rig, "First-Step", "Completed", "Failed")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert model_breaches("DescribeTrainingJob", job, output=True) == []
        assert job["HyperParameters"] == {"num_round": "3", "objective": "binary:logistic"}
        assert "TuningJobArn" not in job
        assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]] == [
            "Starting",
            "Downloading",
            "Training",
            "Uploading",
            "Completed",
        ]
        assert job["ModelArtifacts"] == {"S3ModelArtifacts": "s3://bucket/out/First-Step/output/model.tar.gz"}
        assert [found.uri for found in rig.store.list("s3://bucket/out/First-Step/")] == [
            "s3://bucket/out/First-Step/output/model.tar.gz"
        ]
        assert {"validation:logloss"} <= {entry["MetricName"] for entry in job["FinalMetricDataList"]}
        assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1

    def test_a_script_s_failure_is_its_failure_reason(self, rig: Any) -> None:
        """What the container wrote into /opt/ml/output/failure, or its exit code, is told."""
        code = put_script(rig.store, "raise ValueError('no such column')\n")
        rig.create_training_job(**a_training_job("Broken", code=code))
        job = wait_for(rig, "Broken", "Completed", "Failed")
        assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
        assert job["FailureReason"].startswith("AlgorithmError: ")
        assert "no such column" in job["FailureReason"]

    def test_a_training_job_can_be_stopped_once(self, rig: Any) -> None:
        """Stop ends it as Stopped; a second stop is refused, and so is one of a job nobody knows."""
        rig.create_training_job(**a_training_job("Halt", code=put_script(rig.store, LONG)))
        wait_for(rig, "Halt", "InProgress")
        rig.stop_training_job(TrainingJobName="Halt")
        job = wait_for(rig, "Halt", "Stopped", "Completed", "Failed")
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
        code, text = refused(rig.stop_training_job, TrainingJobName="Halt")
        assert code == "ValidationException"
        assert "is in status Stopped" in text
        answer = refused(rig.stop_training_job, TrainingJobName="nobody")
        assert answer == ("ValidationException", "Requested resource not found.")

    def test_one_training_job_of_a_tuning_job_can_be_stopped(self, rig: Any) -> None:
        """The others go on: the tuning job trains as many as it was asked for."""
        long_first = "import sys, time\nprint('loss = 0.5', flush=True)\ntime.sleep(600 if float(%s) > 0 else 0)\n"
        code = put_script(rig.store, long_first % "sys.argv[sys.argv.index('--eta') + 1]")
        rig.create_hyper_parameter_tuning_job(**a_request("Some", code=code, jobs=2, parallel=1))
        wait_until(rig, "Some", lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 1)
        first = trials_of(rig, "Some")[0]["TrainingJobName"]
        rig.stop_training_job(TrainingJobName=first)
        wait_until(rig, "Some", lambda job: job["TrainingJobStatusCounters"]["Stopped"] == 1)
        assert rig.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="Some")[
            "HyperParameterTuningJobStatus"
        ] in ("InProgress", "Completed")
        rig.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="Some")
        wait_for_end(rig, "Some")
        assert rig.describe_training_job(TrainingJobName=first)["TrainingJobStatus"] == "Stopped"

    def test_names_are_unique_without_regard_to_case(self, rig: Any) -> None:
        """A second training job of the name is ResourceInUse; a tuning job may have the same name."""
        code = put_script(rig.store, "print('loss = 1')\n")
        rig.create_training_job(**a_training_job("Twice", code=code))
        assert refused(rig.create_training_job, **a_training_job("tWICE", code=code))[0] == "ResourceInUse"
        wait_for(rig, "Twice", "Completed")
        rig.create_hyper_parameter_tuning_job(**a_request("Twice", code=code, jobs=1))
        wait_for_end(rig, "Twice")
        assert rig.describe_training_job(TrainingJobName="Twice")["TrainingJobStatus"] == "Completed"

    def test_training_jobs_are_listed_with_those_of_tuning_jobs(self, rig: Any) -> None:
        """ListTrainingJobs has both, filtered, sorted and paged; tuning-job lists have no training job of its own."""
        code = put_script(rig.store, "print('loss = 1')\n")
        rig.create_training_job(**a_training_job("Alone", code=code))
        wait_for(rig, "Alone", "Completed")
        rig.create_hyper_parameter_tuning_job(**a_request("Many", code=code, jobs=2))
        wait_for_end(rig, "Many")
        answer = rig.list_training_jobs(SortBy="Name")
        assert model_breaches("ListTrainingJobs", answer, output=True) == []
        names = [row["TrainingJobName"] for row in answer["TrainingJobSummaries"]]
        assert names == sorted(names)
        assert {"Alone", *(row["TrainingJobName"] for row in trials_of(rig, "Many"))} == set(names)
        assert all(row["TrainingJobStatus"] == "Completed" for row in answer["TrainingJobSummaries"])
        listed = rig.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
        assert [row["HyperParameterTuningJobName"] for row in listed] == ["Many"]
        page = rig.list_training_jobs(NameContains="many", MaxResults=1)
        assert len(page["TrainingJobSummaries"]) == 1
        rest = rig.list_training_jobs(NameContains="many", MaxResults=1, NextToken=page["NextToken"])
        assert "NextToken" not in rest
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        assert rig.list_training_jobs(CreationTimeAfter=later)["TrainingJobSummaries"] == []

    def test_a_status_filters_the_page_and_not_the_list(self, rig: Any) -> None:
        """As documented: MaxResults rows are taken first, StatusEquals filters them afterwards."""
        code = put_script(rig.store, "print('loss = 1')\n")
        for name in ("a", "b"):
            rig.create_training_job(**a_training_job(name, code=code))
            wait_for(rig, name, "Completed")
        page = rig.list_training_jobs(StatusEquals="Failed", MaxResults=1)
        assert page["TrainingJobSummaries"] == []
        assert page["NextToken"]

    def test_tags_and_what_is_only_kept_are_echoed(self, rig: Any) -> None:
        """ListTags answers for its ARN, and a profiler's settings come back from Describe."""
        code = put_script(rig.store, "print('loss = 1')\n")
        request = a_training_job("Tagged", code=code, Tags=[{"Key": "team", "Value": "ml"}])
        request["ProfilerConfig"] = {"DisableProfiler": True}
        created = rig.create_training_job(**request)
        assert rig.list_tags(ResourceArn=created["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "ml"}]
        assert wait_for(rig, "Tagged", "Completed")["ProfilerConfig"] == {"DisableProfiler": True}

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"ResourceConfig": None}, "ResourceConfig is required"),
            ({"AlgorithmSpecification": None}, "AlgorithmSpecification is required"),
            ({"SessionChainingConfig": {"EnableSessionTagChaining": True}}, "SessionChainingConfig"),
            ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
        ],
    )
    def test_what_cannot_be_done_is_refused_by_name(self, rig: Any, changes: dict[str, Any], named: str) -> None:
        """Nothing that would change the outcome is ignored."""
        request = a_training_job("Odd", code=put_script(rig.store, LONG), **changes)
        request = {name: value for name, value in request.items() if value is not None}
        code, text = refused(rig.create_training_job, **request)
        assert code == "ValidationException"
        assert named in text

    def test_a_missing_input_is_refused_before_anything_starts(self, rig: Any) -> None:
        """A channel without objects is AWS's ValidationException."""
        request = a_training_job("Empty", code=None)
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bucket/nothing/"
        code, text = refused(rig.create_training_job, **request)
        assert code == "ValidationException"
        assert 'No S3 objects found under S3 URL "s3://bucket/nothing/"' in text
