"""Requests as people write them: what is refused by name, what is left out, and times as text."""

from __future__ import annotations

from typing import Any

import pytest
from amt_cases import a_request, put_script
from botocore.exceptions import ClientError

from components.amt.client import LocalAmt
from components.storage.local import FolderStore


@pytest.fixture
def request_(store: FolderStore) -> dict[str, Any]:
    """A request that is taken."""
    return a_request("asked", code=put_script(store, "print('loss = 1')\n"), jobs=1)


def refusal(amt: LocalAmt, request: dict[str, Any]) -> str:
    """Code and text of a refused request."""
    with pytest.raises(ClientError) as caught:
        amt.create_hyper_parameter_tuning_job(**request)
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


@pytest.mark.parametrize("uri", ["s3://no-such-bucket/train/", "s3://bucket//train/", "s3://bucket/../train/"])
def test_inputs_that_cannot_be_there_are_not_there(amt: LocalAmt, request_: dict[str, Any], uri: str) -> None:
    """A bucket that does not exist and a key that cannot be are answered as an empty prefix is."""
    request_["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = uri
    assert refusal(amt, request_).startswith(f'ValidationException: No S3 objects found under S3 URL "{uri}"')


def test_what_would_have_no_effect_is_refused_by_name(amt: LocalAmt, request_: dict[str, Any]) -> None:
    """Isolation and record wrapping, which nothing here carries out, are refused and not ignored."""
    definition = request_["TrainingJobDefinition"]
    definition["EnableNetworkIsolation"] = True
    definition["InputDataConfig"][0]["RecordWrapperType"] = "RecordIO"
    text = refusal(amt, request_)
    assert text.endswith("not available yet on the local engine: EnableNetworkIsolation, RecordWrapperType RecordIO")


def test_instances_of_any_configuration_are_counted(amt: LocalAmt, request_: dict[str, Any]) -> None:
    """Four instances in one of several configurations are not trained on one host without a word."""
    definition = request_["TrainingJobDefinition"]
    one = {**definition.pop("ResourceConfig"), "InstanceCount": 4}
    definition["HyperParameterTuningResourceConfig"] = {"InstanceConfigs": [{**one, "InstanceCount": 1}, one]}
    assert refusal(amt, request_).endswith("not available yet on the local engine: more than one instance")


def test_a_seed_beyond_an_integer_is_refused(amt: LocalAmt, request_: dict[str, Any]) -> None:
    """A RandomSeed that does not fit 32 bits is a ValidationException."""
    request_["HyperParameterTuningJobConfig"]["RandomSeed"] = 2**70
    assert refusal(amt, request_).startswith("ValidationException: 1 validation error detected")


def test_members_that_are_none_are_not_there(amt: LocalAmt, request_: dict[str, Any]) -> None:
    """A request with members given as None is the request without them, and comes back so."""
    request_.update(Tags=None, WarmStartConfig=None)
    request_["HyperParameterTuningJobConfig"].update(RandomSeed=None, TrainingJobEarlyStoppingType=None)
    request_["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = None
    request_["TrainingJobDefinition"]["StoppingCondition"]["MaxWaitTimeInSeconds"] = None
    request_["TrainingJobDefinition"]["InputDataConfig"][0].update(InputMode=None, CompressionType=None)
    amt.create_hyper_parameter_tuning_job(**request_)
    told = amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="asked")
    assert "MaxRuntimeInSeconds" not in told["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert "InputMode" not in told["TrainingJobDefinition"]["InputDataConfig"][0]


def test_jobs_are_listed_by_times_given_as_text(amt: LocalAmt, request_: dict[str, Any]) -> None:
    """A list's times may be text in any form botocore reads."""
    amt.create_hyper_parameter_tuning_job(**request_)

    def found(**query: str) -> int:
        return len(amt.list_hyper_parameter_tuning_jobs(**query)["HyperParameterTuningJobSummaries"])

    assert found(CreationTimeAfter="2024-01-01T00:00:00Z", LastModifiedTimeAfter="1704067200") == 1
    assert found(CreationTimeBefore="Mon, 01 Jan 2024 00:00:00 GMT") == 0
