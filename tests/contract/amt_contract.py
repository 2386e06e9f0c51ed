"""What a client of AMT may rely on, whichever way it talks to the local AMT."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end, wait_until
from botocore.exceptions import ClientError

from components.amt.validation import model_breaches
from components.storage.local import FolderStore

LOSS = "print('loss = 0.5')\n"
ETA = "import sys\nprint('loss =', sys.argv[sys.argv.index('--eta') + 1])\n"


@dataclass
class Rig:
    """A client with boto3's methods, the store its jobs use, and how to wait for a change."""

    client: Any
    store: FolderStore
    wait_for_change: Callable[[str, float], None]

    def describe_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        return dict(self.client.describe_hyper_parameter_tuning_job(**request))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """Code and text of the error a call raises."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class AmtContract:
    """Subclass with a fixture `rig`; every case then runs against that client."""

    def test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model(self, rig: Rig) -> None:
        """A job trains as many training jobs as its limit says, and all answers have AWS's shape."""
        code = put_script(rig.store, ETA)
        created = rig.create_hyper_parameter_tuning_job(**a_request("Life", code=code, jobs=3))
        assert created["HyperParameterTuningJobArn"] == (
            "arn:aws:sagemaker:us-east-1:111122223333:hyper-parameter-tuning-job/life"
        )
        job = wait_for_end(rig, "Life")
        summaries = trials_of(rig, "Life")
        training = rig.describe_training_job(TrainingJobName=summaries[0]["TrainingJobName"])
        jobs = rig.list_hyper_parameter_tuning_jobs()
        trials = rig.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="Life")
        for operation, answer in (
            ("CreateHyperParameterTuningJob", created),
            ("DescribeHyperParameterTuningJob", job),
            ("ListTrainingJobsForHyperParameterTuningJob", trials),
            ("ListHyperParameterTuningJobs", jobs),
            ("DescribeTrainingJob", training),
        ):
            assert model_breaches(operation, answer, output=True) == []
        assert job["HyperParameterTuningJobStatus"] == "Completed"
        assert job["TrainingJobStatusCounters"] == {
            "Completed": 3,
            "InProgress": 0,
            "RetryableError": 0,
            "NonRetryableError": 0,
            "Stopped": 0,
        }
        assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
        values = [row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in summaries]
        assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)

    def test_the_request_comes_back_with_what_the_service_adds(self, rig: Rig) -> None:
        """Describe echoes the request, with ScalingType, the objective's static hyperparameter and its metric."""
        code = put_script(rig.store, LOSS)
        rig.create_hyper_parameter_tuning_job(**a_request("echo", code=code, jobs=1))
        job = wait_for_end(rig, "echo")
        eta = job["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"][0]
        definition = job["TrainingJobDefinition"]
        assert eta == {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9", "ScalingType": "Auto"}
        assert definition["StaticHyperParameters"]["_tuning_objective_metric"] == "loss"
        assert {"Name": "ObjectiveMetric", "Regex": r"loss = (\S+)"} in definition["AlgorithmSpecification"][
            "MetricDefinitions"
        ]
        assert definition["EnableManagedSpotTraining"] is False

    def test_a_training_job_tells_its_life(self, rig: Rig) -> None:
        """A training job has AWS's name, ARN, transitions, times, hyperparameters, metrics and artifact."""
        code = put_script(rig.store, "print('loss = 2')\n" + ETA, name="run.py")
        request = a_request("Told", code=code, jobs=1, program="run.py", static={"depth": "4"})
        rig.create_hyper_parameter_tuning_job(**request)
        wait_for_end(rig, "Told")
        (row,) = trials_of(rig, "Told")
        told = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
        assert row["TrainingJobName"].startswith("Told-001-")
        assert told["TrainingJobArn"].endswith(":training-job/" + row["TrainingJobName"].lower())
        assert told["TuningJobArn"].endswith(":hyper-parameter-tuning-job/told")
        transitions = told["SecondaryStatusTransitions"]
        assert [entry["Status"] for entry in transitions] == [
            "Starting",
            "Downloading",
            "Training",
            "Uploading",
            "Completed",
        ]
        assert all(entry["StartTime"] <= entry["EndTime"] for entry in transitions)
        assert told["TrainingStartTime"] == transitions[1]["StartTime"]
        assert told["TrainingEndTime"] == transitions[-1]["StartTime"]
        assert told["HyperParameters"]["depth"] == "4"
        assert told["HyperParameters"]["eta"] == row["TunedHyperParameters"]["eta"]
        assert {entry["MetricName"] for entry in told["FinalMetricDataList"]} == {"loss", "ObjectiveMetric"}
        artifact = f"s3://bucket/out/{row['TrainingJobName']}/output/model.tar.gz"
        assert told["ModelArtifacts"]["S3ModelArtifacts"] == artifact

    def test_a_name_in_use_is_refused_whatever_its_case(self, rig: Rig) -> None:
        """Names of tuning jobs are unique without regard to case, with AWS's text."""
        code = put_script(rig.store, LOSS)
        rig.create_hyper_parameter_tuning_job(**a_request("Taken", code=code, jobs=1))
        code_and_text = refused(rig.create_hyper_parameter_tuning_job, **a_request("tAKEN", code=code, jobs=1))
        assert code_and_text == (
            "ResourceInUse",
            "A hyperparameter tuning job with the name, tAKEN, already exists. Choose a different name.",
        )
        wait_for_end(rig, "Taken")

    def test_one_of_many_concurrent_creates_wins(self, rig: Rig) -> None:
        """Of creates of one name at the same time exactly one succeeds."""
        request = a_request("race", code=put_script(rig.store, LOSS), jobs=1)
        outcomes: list[str] = []
        start = threading.Barrier(4)

        def create() -> None:
            start.wait(30)
            try:
                rig.create_hyper_parameter_tuning_job(**request)
                outcomes.append("created")
            except ClientError as error:
                outcomes.append(error.response["Error"]["Code"])

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(outcomes) == ["ResourceInUse"] * 3 + ["created"]
        wait_for_end(rig, "race")

    def test_missing_input_is_refused_at_create(self, rig: Rig) -> None:
        """A channel without objects is refused before anything starts, with AWS's text."""
        request = a_request("noinput", code=put_script(rig.store, LOSS))
        source = request["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
        source["S3Uri"] = "s3://bucket/nothing/"
        code, text = refused(rig.create_hyper_parameter_tuning_job, **request)
        assert code == "ValidationException"
        assert text.startswith('No S3 objects found under S3 URL "s3://bucket/nothing/" given in input data source.')
        assert refused(rig.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName="noinput") == (
            "ResourceNotFound",
            "Amazon SageMaker can't find a tuning job called noinput. Type another name.",
        )

    def test_unknown_training_job(self, rig: Rig) -> None:
        """An unknown training job is a ValidationException, as with AWS."""
        answer = refused(rig.describe_training_job, TrainingJobName="nobody")
        assert answer == ("ValidationException", "Requested resource not found.")

    @pytest.mark.parametrize(
        ("config", "definition", "named"),
        [
            (
                {"TuningJobCompletionCriteria": {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}},
                {},
                "TuningJobCompletionCriteria.ConvergenceDetected",
            ),
            ({}, {"RetryStrategy": {"MaximumRetryAttempts": 3}}, "RetryStrategy"),
            ({}, {"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
            (
                {},
                {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/srv/c"}},
                "a CheckpointConfig.LocalPath that is not below /opt/ml: /srv/c",
            ),
        ],
    )
    def test_what_comes_later_is_refused_by_name(
        self, rig: Rig, config: dict[str, Any], definition: dict[str, Any], named: str
    ) -> None:
        """A feature the local engine lacks is refused by its name, never ignored."""
        request = a_request("later", code=put_script(rig.store, LOSS), **config)
        request["TrainingJobDefinition"].update(definition)
        code, text = refused(rig.create_hyper_parameter_tuning_job, **request)
        assert code == "ValidationException"
        assert text == f"not available yet on the local engine: {named}"

    def test_lists_are_paged_and_sorted(self, rig: Rig) -> None:
        """Pages hold every row once, in order; a token of another query is refused."""
        rig.create_hyper_parameter_tuning_job(**a_request("paged", code=put_script(rig.store, ETA), jobs=5))
        wait_for_end(rig, "paged")
        query = {
            "HyperParameterTuningJobName": "paged",
            "SortBy": "FinalObjectiveMetricValue",
            "SortOrder": "Descending",
            "MaxResults": 2,
        }
        rows: list[dict[str, Any]] = []
        page = rig.list_training_jobs_for_hyper_parameter_tuning_job(**query)
        token = page["NextToken"]
        while True:
            rows += page["TrainingJobSummaries"]
            if "NextToken" not in page:
                break
            page = rig.list_training_jobs_for_hyper_parameter_tuning_job(**query, NextToken=page["NextToken"])
        values = [row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in rows]
        assert len(rows) == 5
        assert values == sorted(values, reverse=True)
        for bad in ({**query, "SortOrder": "Ascending", "NextToken": token}, {**query, "NextToken": "bm90IGpzb24="}):
            assert refused(rig.list_training_jobs_for_hyper_parameter_tuning_job, **bad)[0] == "ValidationException"

    def test_lists_of_jobs_are_filtered(self, rig: Rig) -> None:
        """ListHyperParameterTuningJobs filters by name, status and time, ten rows by default."""
        code = put_script(rig.store, LOSS)
        for name in ("list-a", "list-b", "other"):
            rig.create_hyper_parameter_tuning_job(**a_request(name, code=code, jobs=1))
            wait_for_end(rig, name)

        def names(**query: Any) -> list[str]:
            rows = rig.list_hyper_parameter_tuning_jobs(**query)["HyperParameterTuningJobSummaries"]
            return [row["HyperParameterTuningJobName"] for row in rows]

        assert names(NameContains="LIST", SortOrder="Descending") == ["list-b", "list-a"]
        assert names(StatusEquals="InProgress") == []
        assert names(NameContains="list", SortBy="CreationTime", MaxResults=2) == ["list-a", "list-b"]
        assert names(CreationTimeAfter=dt.datetime.now(tz=dt.UTC) + dt.timedelta(hours=1)) == []

    def test_tags_are_kept_and_belong_to_training_jobs_too(self, rig: Rig) -> None:
        """ListTags gives the tags of Create for the tuning job and for what it launched."""
        tags = [{"Key": "retune.model", "Value": "m"}]
        created = rig.create_hyper_parameter_tuning_job(
            **a_request("tagged", code=put_script(rig.store, LOSS), jobs=1), Tags=tags
        )
        wait_for_end(rig, "tagged")
        (row,) = trials_of(rig, "tagged")
        for arn in (created["HyperParameterTuningJobArn"], row["TrainingJobArn"]):
            assert rig.list_tags(ResourceArn=arn)["Tags"] == tags

    def test_stop_ends_what_runs(self, rig: Rig) -> None:
        """Stop ends running training jobs; they and the job become Stopped, and a second stop is refused."""
        code = put_script(rig.store, "import time\nprint('loss = 0.25', flush=True)\ntime.sleep(600)\n")
        rig.create_hyper_parameter_tuning_job(**a_request("halt", code=code))
        wait_until(rig, "halt", lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 2)
        rig.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="halt")
        job = wait_for_end(rig, "halt")
        assert job["HyperParameterTuningJobStatus"] == "Stopped"
        assert {row["TrainingJobStatus"] for row in trials_of(rig, "halt")} == {"Stopped"}
        code_and_text = refused(rig.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName="halt")
        assert code_and_text[0] == "ValidationException"
        assert "already" in code_and_text[1]
