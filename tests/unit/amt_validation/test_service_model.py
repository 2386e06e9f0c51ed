"""The walk over botocore's service model: requests, answers, and AWS's words for what is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tuning_request import bent, minimal

from components.amt.algorithms import XGBOOST, algorithm_of, objective_direction
from components.amt.validation import check_create, check_model, client_error, model_breaches

CREATE = "CreateHyperParameterTuningJob"
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SUMMARY: dict[str, Any] = {
    "TrainingJobName": "demo-1-001-0a1b2c3d",
    "TrainingJobArn": "arn:aws:sagemaker:us-east-1:111122223333:training-job/demo-1-001-0a1b2c3d",
    "CreationTime": NOW,
    "TrainingJobStatus": "Completed",
    "TunedHyperParameters": {"eta": "0.1"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": 0.5},
    "ObjectiveStatus": "Succeeded",
}


def message(request: dict[str, Any]) -> str:
    """What AWS answers to a request."""
    with pytest.raises(ClientError) as caught:
        check_create(request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def test_the_minimal_request_has_no_breach() -> None:
    """The request of the reference is within the model."""
    assert model_breaches(CREATE, minimal()) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"request__HyperParameterTuningJobName": None},
            "HyperParameterTuningJobName: Member must not be null, got None",
        ),
        (
            {"limits__MaxParallelTrainingJobs": 0},
            (
                "HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs: "
                "Member must have value greater than or equal to 1, got 0"
            ),
        ),
        (
            {"limits__MaxRuntimeInSeconds": 999_999_999},
            (
                "HyperParameterTuningJobConfig.ResourceLimits.MaxRuntimeInSeconds: "
                "Member must have value less than or equal to 15768000, got 999999999"
            ),
        ),
        ({"limits__MaxRuntimeInSeconds": 60}, "Member must have value greater than or equal to 120, got 60"),
        (
            {"config__Strategy": "Foo"},
            (
                "HyperParameterTuningJobConfig.Strategy: "
                "Member must satisfy enum value set: [Bayesian, Random, Hyperband, Grid], got 'Foo'"
            ),
        ),
        (
            {"definition__RoleArn": "arn:aws:iam::1:role/x-and-more"},
            r"TrainingJobDefinition.RoleArn: Member must satisfy regular expression pattern: arn:aws[a-z\-]*:iam",
        ),
        ({"definition__RoleArn": "short"}, "Member must have length greater than or equal to 20, got 'short'"),
        (
            {"ranges__CategoricalParameterRanges": [{"Name": "b", "Values": [str(index) for index in range(31)]}]},
            "CategoricalParameterRanges[0].Values: Member must have length less than or equal to 30, got ['0', '1',",
        ),
        (
            {"ranges__IntegerParameterRanges": [{"Name": "d", "MinValue": 1, "MaxValue": "3"}]},
            "IntegerParameterRanges[0].MinValue: Member must be a string, got 1",
        ),
        ({"limits__MaxParallelTrainingJobs": True}, "Member must be a integer, got True"),
        ({"limits__MaxParallelTrainingJobs": 2.0}, "Member must be a integer, got 2.0"),
        ({"definition__EnableManagedSpotTraining": "yes"}, "Member must be a boolean, got 'yes'"),
        ({"config__ParameterRanges": []}, "ParameterRanges: Member must be a structure, got []"),
        (
            {"config__Stratergy": "Bayesian"},
            "HyperParameterTuningJobConfig.Stratergy: Unknown member, must be one of: Strategy, StrategyConfig,",
        ),
        ({"request__Tags": [{"Key": "a", "Value": "what?"}]}, "Tags[0].Value: Member must satisfy regular expression"),
        ({"static__x": "v" * 2501}, "TrainingJobDefinition.StaticHyperParameters.x: Member must have length less than"),
        (
            {"config__RandomSeed": 2**70},
            "RandomSeed: Member must have value less than or equal to 2147483647, got 1180",
        ),
        ({"static__x": "two\nlines"}, "Member must satisfy regular expression pattern: .*, got 'two\\nlines'"),
        ({"definition__Environment": {"1A": "x"}}, "TrainingJobDefinition.Environment.1A: Member must satisfy regular"),
    ],
)
def test_what_the_client_lets_through_is_found(changes: dict[str, Any], line: str) -> None:
    """Required, types, minima, maxima, lengths, patterns, enums and unknown members, with the path to each."""
    found = model_breaches(CREATE, bent(**changes))

    assert any(line in breach for breach in found), found


def test_a_long_value_is_cut_short() -> None:
    """A message does not repeat what somebody pasted, however long."""
    found = model_breaches(CREATE, bent(request__HyperParameterTuningJobName="x" * 100_000))

    assert [len(line) < 250 for line in found] == [True]


def test_aws_counts_the_errors_and_shows_them_all() -> None:
    """The text is AWS's: lower-case members, `.1.member` for items, all errors at once."""
    request = bent(
        config__Strategy="Foo",
        request__HyperParameterTuningJobName="two words",
        request__Tags=[{"Key": "ok", "Value": "ok"}, {"Key": "", "Value": "ok"}],
        definition__RoleArn=None,
    )

    assert message(request) == (
        "4 validation errors detected: "
        "Value 'two words' at 'hyperParameterTuningJobName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}; "
        "Value 'Foo' at 'hyperParameterTuningJobConfig.strategy' failed to satisfy constraint: Member must satisfy "
        "enum value set: [Bayesian, Random, Hyperband, Grid]; "
        "Value null at 'trainingJobDefinition.roleArn' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal "
        "to 1"
    )


def test_one_error_is_singular() -> None:
    """With one breach AWS writes `1 validation error detected`."""
    assert message(bent(limits__MaxParallelTrainingJobs=0)) == (
        "1 validation error detected: Value '0' at "
        "'hyperParameterTuningJobConfig.resourceLimits.maxParallelTrainingJobs' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_other_operations_are_checked_too() -> None:
    """List, Describe and Stop requests go through the same walk."""
    listing = {"HyperParameterTuningJobName": "demo-1", "MaxResults": 101, "SortBy": "Size"}
    with pytest.raises(ClientError) as caught:
        check_model("ListTrainingJobsForHyperParameterTuningJob", listing)

    assert "2 validation errors detected" in caught.value.response["Error"]["Message"]
    assert model_breaches("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": "demo-1"}) == []


@pytest.mark.parametrize(
    ("moment", "good"), [("2024-01-01T00:00:00Z", True), ("1704067200", True), ("yesterday", False), ("nan", False)]
)
def test_times_may_be_texts(moment: str, good: bool) -> None:  # noqa: FBT001 - a parametrised answer
    """A time given as text is one botocore's client would send; anything else is refused."""
    found = model_breaches("ListHyperParameterTuningJobs", {"CreationTimeAfter": moment})

    assert found == (
        [] if good else [f"CreationTimeAfter: Member must be a timestamp in ISO 8601 or RFC 822 form, got {moment!r}"]
    )


def test_answers_are_checked() -> None:
    """Answers have required members, types, patterns and enums as well; times are datetimes or epoch seconds."""
    operation = "ListTrainingJobsForHyperParameterTuningJob"
    good = {"TrainingJobSummaries": [SUMMARY, SUMMARY | {"CreationTime": 1_585_199_509}], "ResponseMetadata": {}}
    bad = {
        "TrainingJobSummaries": [SUMMARY | {"TrainingJobStatus": "Done", "TrainingJobArn": "x", "CreationTime": None}]
    }

    assert model_breaches(operation, good, output=True) == []
    assert [line.split(":")[0] for line in model_breaches(operation, bad, output=True)] == [
        "TrainingJobSummaries[0].CreationTime",
        "TrainingJobSummaries[0].TrainingJobArn",
        "TrainingJobSummaries[0].TrainingJobStatus",
    ]


def test_an_answer_without_shape_is_empty() -> None:
    """Stop answers with nothing, so there is nothing to break."""
    assert model_breaches("StopHyperParameterTuningJob", {}, output=True) == []


def test_megabytes_are_not_matched_against_a_pattern() -> None:
    """Text far beyond its length limit is refused by that alone: a pattern could take for ever on it."""
    request = bent(definition__RoleArn="arn:aws" + "-" * 5_000_000)

    assert [line.partition(",")[0] for line in model_breaches(CREATE, request)] == [
        "TrainingJobDefinition.RoleArn: Member must have length less than or equal to 2048"
    ]


def test_the_error_is_botocores() -> None:
    """Clients see code, text, operation and HTTP status where boto3 puts them."""
    error = client_error("ResourceNotFound", "gone", "DescribeHyperParameterTuningJob")

    assert str(error) == (
        "An error occurred (ResourceNotFound) when calling the DescribeHyperParameterTuningJob operation: gone"
    )
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", True),
        ("492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:0.90-2-cpu-py3", True),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:3.2-0", True),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost@sha256:" + "0" * 64, True),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", False),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/my-sagemaker-xgboost:1", False),
        ("example.com/sagemaker-xgboost:1.7-1", False),
        ("", False),
    ],
)
def test_every_sagemaker_xgboost_image_is_xgboost(image: str, known: bool) -> None:  # noqa: FBT001 - a case's answer
    """Account, region and tag do not matter; other images are one's own."""
    assert (algorithm_of(image) is XGBOOST) == known


def test_the_table_of_the_algorithm_fits_the_service() -> None:
    """A job's metric definitions, with ObjectiveMetric, fit the 40 that an answer may hold; each has one direction."""
    definitions = XGBOOST.definitions_for("validation:f1_binary")
    answer = {
        "AlgorithmSpecification": {"TrainingInputMode": "File", "MetricDefinitions": [*definitions, definitions[0]]}
    }
    breaches = model_breaches("DescribeTrainingJob", answer, output=True)

    assert not [line for line in breaches if "MetricDefinitions" in line]
    assert definitions[-1]["Name"] == "train:f1_binary"
    assert {entry["Name"] for entry in XGBOOST.metric_definitions} == set(XGBOOST.directions)
    assert (objective_direction("validation:auc"), objective_direction("validation:rmse")) == ("Maximize", "Minimize")
    assert objective_direction("PR-AUC") is None
