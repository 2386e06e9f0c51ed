"""Which earlier searches are parents, which are not and why, and the type that follows."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from components.errors import InvalidInput
from components.tuning.lineage import Earlier, Parents, choose_parents

REQUEST: dict[str, Any] = {
    "HyperParameterTuningJobName": "new",
    "HyperParameterTuningJobConfig": {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}]},
    },
    "TrainingJobDefinition": {
        "StaticHyperParameters": {"num_round": "10"},
        "AlgorithmSpecification": {"TrainingImage": "image:1"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/one/"}}}],
    },
}


def earlier(name: str, *, at: float = 0.0, best: float | None = 0.5, snapshot: str = "one", **changes: Any) -> Earlier:
    """A finished search; `a__b=value` changes what is described."""
    described: dict[str, Any] = {
        **copy.deepcopy(REQUEST),
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": f"arn:{name}",
        "HyperParameterTuningJobStatus": changes.pop("status", "Completed"),
    }
    launched = changes.pop("launched", 20)
    for path, value in changes.items():
        *folders, key = path.split("__")
        place = described
        for folder in folders:
            place = place[
                {"config": "HyperParameterTuningJobConfig", "job": "TrainingJobDefinition"}.get(folder, folder)
            ]
        place[key] = value
    return Earlier(described=described, snapshot=snapshot, created_s=at, best=best, launched=launched)


def test_the_latest_that_fit_are_taken_the_best_first() -> None:
    """Of three with room for two the oldest is left out with its reason; the better one leads."""
    found = choose_parents(
        REQUEST,
        [earlier("a", at=1, best=0.9), earlier("b", at=2, best=0.6), earlier("c", at=3, best=0.7)],
        snapshot="one",
        most=2,
    )
    assert found.type == "IdenticalDataAndAlgorithm"
    assert found.names == ("c", "b")
    assert found.rejected == (("a", "older than the 2 latest that fit (warm_start.max_parents)"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"snapshot": "two"},
        {"job__AlgorithmSpecification": {"TrainingImage": "image:2"}},
        {"job__StaticHyperParameters": {"num_round": "10", "sagemaker_submit_directory": "s3://b/code"}},
    ],
    ids=["data", "image", "code"],
)
def test_what_differs_in_data_image_or_code_is_transferred(changes: dict[str, Any]) -> None:
    """One parent that differs makes it TransferLearning; AMT has one type for a job."""
    request = copy.deepcopy(REQUEST)
    if "job__StaticHyperParameters" in changes:
        request["TrainingJobDefinition"]["StaticHyperParameters"]["sagemaker_submit_directory"] = "s3://b/other"
        found = choose_parents(request, [earlier("a", **changes)], snapshot="one", most=5)
    else:
        found = choose_parents(request, [earlier("a", **changes), earlier("b")], snapshot="one", most=5)
    assert found.type == "TransferLearning"
    assert "a" in found.names


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "InProgress"}, "it is InProgress"),
        ({"best": None}, "none of its trials has an objective"),
        (
            {"config__HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:f1"}},
            r"objective metric must be the same .* \[validation:f1\]",
        ),
        ({"job__StaticHyperParameters": {"num_round": "10", "gamma": "1"}}, r"Not in both.*\['gamma'\]"),
        (
            {
                "config__ParameterRanges": {
                    "IntegerParameterRanges": [{"Name": "eta", "MinValue": "1", "MaxValue": "5"}]
                }
            },
            r"type of hyperparameter \[eta\] must stay the same",
        ),
        ({"launched": 740}, "would pass AMT's limit of 750"),
    ],
)
def test_what_amt_would_refuse_is_left_out_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    """A search that cannot be a parent costs no failed Create."""
    found = choose_parents(REQUEST, [earlier("a", **changes)], snapshot="one", most=5)
    assert found.names == ()
    ((name, why),) = found.rejected
    assert name == "a"
    with pytest.raises(InvalidInput, match=f"a cannot be a parent: .*{reason}"):
        choose_parents(REQUEST, [earlier("a", **changes)], snapshot="one", most=5, named=("a",))
    assert why


def test_a_small_space_keeps_enough_new_configurations() -> None:
    """Parents' configurations are not tried again: where too few would be left, the search starts cold."""
    request = copy.deepcopy(REQUEST)
    config = request["HyperParameterTuningJobConfig"]
    config["ParameterRanges"] = {"IntegerParameterRanges": [{"Name": "eta", "MinValue": "1", "MaxValue": "30"}]}
    parents = [
        earlier(name, config__ParameterRanges=config["ParameterRanges"], launched=8, at=at)
        for at, name in enumerate("ab")
    ]
    found = choose_parents(request, parents, snapshot="one", most=5)
    assert found.names == ("b",)
    assert "the space is small" in found.rejected[0][1]


def test_strategies_without_parents_and_unknown_names_are_said() -> None:
    """AMT warm starts Bayesian and Random only."""
    request = copy.deepcopy(REQUEST)
    request["HyperParameterTuningJobConfig"]["Strategy"] = "Hyperband"
    assert choose_parents(request, [earlier("a")], snapshot="one", most=5).type is None
    with pytest.raises(InvalidInput, match="strategy bayesian or random, got hyperband"):
        choose_parents(request, [earlier("a")], snapshot="one", most=5, named=("a",))
    with pytest.raises(InvalidInput, match="not there: b"):
        choose_parents(REQUEST, [earlier("a")], snapshot="one", most=5, named=("b",))


def test_a_document_that_must_fit_keeps_the_latest_rejections() -> None:
    """Thirty long reasons do not fit a tag: the parents and the latest reasons stay, and it stays a document."""
    many = Parents(rejected=tuple((f"job-{number}", "because " * 60) for number in range(30)))
    short = many.shortened(8000)
    assert len(json.dumps(short.document())) <= 8000
    assert 0 < len(short.rejected) < 30
    assert short.rejected == many.rejected[: len(short.rejected)]
    assert many.shortened(10**6) == many
