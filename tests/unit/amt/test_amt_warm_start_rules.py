"""What AWS refuses of a warm start (developer guide, "Restrictions"), with the key at fault named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from amt_cases import a_request

from components.amt.records import TuningJob, TuningStatus
from components.amt.requests import as_kept
from components.amt.warm_start_rules import first_refusal

Request = dict[str, Any]
RANGES: Request = {
    "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
}
STATIC = {"max_depth": "6", "tree_method": "hist"}


def a_job(name: str = "parent", *, status: TuningStatus = "Completed", **config: Any) -> TuningJob:
    """A parent: XGBoost, eta and booster tuned, max_depth and tree_method static."""
    return TuningJob(
        name=name,
        arn=f"arn/{name}",
        request=as_kept(the_request(name, **config)),
        tags=(),
        seed=0,
        status=status,
        created_s=0.0,
        modified_s=0.0,
    )


def the_request(name: str, kind: str | None = None, **config: Any) -> Request:
    """The same as a request, a warm start of a type."""
    ranges = {"ParameterRanges": copy.deepcopy(RANGES), "Strategy": "Bayesian"}
    request = a_request(name, code=None, metric="validation:auc", static=STATIC, **{**ranges, **config})
    if kind is not None:
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
            "WarmStartType": kind,
        }
    return request


def refusal(
    request: Request, *parents: TuningJob, kind: str = "TransferLearning", launched: int = 4
) -> tuple[str, str] | None:
    """Code and text, or None."""
    request.setdefault("WarmStartConfig", {"WarmStartType": kind})
    found = first_refusal(request, parents or (a_job(),), launched=launched)
    return None if found is None else (found.code, found.message)


def static(request: Request) -> Request:
    """Its StaticHyperParameters."""
    return request["TrainingJobDefinition"]["StaticHyperParameters"]  # type: ignore[no-any-return]  # ours


def ranges(request: Request) -> Request:
    """Its ParameterRanges."""
    return request["HyperParameterTuningJobConfig"]["ParameterRanges"]  # type: ignore[no-any-return]  # ours


def to_static(request: Request) -> None:
    """Booster is static now: two changes."""
    ranges(request).pop("CategoricalParameterRanges")
    static(request)["booster"] = "dart"


def to_tuned(request: Request) -> None:
    """Max_depth is tuned now."""
    static(request).pop("max_depth")
    ranges(request)["IntegerParameterRanges"] = [{"Name": "max_depth", "MinValue": "2", "MaxValue": "9"}]


def other_bounds(request: Request) -> None:
    """Another range of the same type, and more training jobs."""
    ranges(request)["ContinuousParameterRanges"][0]["MaxValue"] = "0.5"
    request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 100


def other_limits_of_machine(request: Request) -> None:
    """Where and how long it trains is free."""
    request["TrainingJobDefinition"]["ResourceConfig"]["InstanceType"] = "ml.m5.xlarge"
    request["TrainingJobDefinition"]["OutputDataConfig"] = {"S3OutputPath": "s3://elsewhere/out"}


@pytest.mark.parametrize("kind", ["TransferLearning", "IdenticalDataAndAlgorithm"])
@pytest.mark.parametrize("change", [to_static, to_tuned, other_bounds, other_limits_of_machine])
def test_what_may_change_between_a_parent_and_its_child(change: Callable[[Request], None], kind: str) -> None:
    """Ranges, limits and machine, static to tunable and back: allowed in both types, any terminal parent."""
    request = the_request("child", kind)
    change(request)
    assert refusal(request) is None
    assert refusal(request, a_job("one", status="Failed"), a_job("two", status="Stopped")) is None


def other_metric(request: Request) -> None:
    """Another objective."""
    request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "validation:error"


def other_direction(request: Request) -> None:
    """The other way round."""
    request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] = "Maximize"


def one_more_name(request: Request) -> None:
    """A static hyperparameter that no parent has."""
    static(request)["gamma"] = "1"


def one_name_less(request: Request) -> None:
    """One that is left out."""
    static(request).pop("tree_method")


def other_type(request: Request) -> None:
    """A continuous hyperparameter that is categorical now."""
    ranges(request).pop("ContinuousParameterRanges")
    ranges(request)["CategoricalParameterRanges"].append({"Name": "eta", "Values": ["0.1", "0.2"]})


@pytest.mark.parametrize("kind", ["TransferLearning", "IdenticalDataAndAlgorithm"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_metric, ("MetricName", "validation:error", "validation:auc")),
        (other_direction, ("Type", "Maximize", "Minimize")),
        (one_more_name, ("The set of tunable plus static HyperParameter names is not the same", "['gamma']")),
        (one_name_less, ("The set of tunable plus static HyperParameter names is not the same", "['tree_method']")),
        (other_type, ("[eta]", "CategoricalParameterRanges", "ContinuousParameterRanges")),
    ],
)
def test_what_must_stay_the_same(change: Callable[[Request], None], words: tuple[str, ...], kind: str) -> None:
    """Objective, set of names, and type of each hyperparameter; the refusal names parent and key."""
    request = the_request("child", kind)
    change(request)
    found = refusal(request)
    assert found is not None
    assert found[0] == "ValidationException"
    assert all(word in found[1] for word in ("[parent]", *words))


def other_image(request: Request) -> None:
    """Another version of the algorithm."""
    image = request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = image.replace("3.2-0", "1.7-1")


def other_data(request: Request) -> None:
    """Another prefix in one channel."""
    source = request["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3Uri"] = "s3://bucket/other/"


def a_channel_less(request: Request) -> None:
    """One of two channels."""
    request["TrainingJobDefinition"]["InputDataConfig"].pop()


@pytest.mark.parametrize(
    ("change", "word"), [(other_image, "1.7-1"), (other_data, "[train]"), (a_channel_less, "[validation]")]
)
def test_identical_means_data_and_image(change: Callable[[Request], None], word: str) -> None:
    """IdenticalDataAndAlgorithm needs the parent's channels and image; TransferLearning does not."""
    request = the_request("child", "IdenticalDataAndAlgorithm")
    change(request)
    found = refusal(request)
    assert found is not None
    assert word in found[1]
    request["WarmStartConfig"]["WarmStartType"] = "TransferLearning"
    assert refusal(request) is None


def test_changes_are_counted_as_documented() -> None:
    """Ten at most: a static number that changes is one, a static word two, a tunable made static one a value."""
    request = the_request("child", "TransferLearning")
    wide = {"CategoricalParameterRanges": [{"Name": "booster", "Values": [f"v{n}" for n in range(8)]}]}
    parent = a_job(ParameterRanges={**RANGES, **wide})
    to_static(request)  # 8
    static(request)["tree_method"] = "exact"  # 2
    assert refusal(request, parent) is None
    static(request)["max_depth"] = "7"  # 1
    found = refusal(request, parent)
    assert found is not None
    assert "got 11" in found[1]
    assert "'booster': 8, 'max_depth': 1, 'tree_method': 2" in found[1]


def test_a_parent_must_have_ended() -> None:
    """InProgress and Stopping are no terminal states."""
    statuses: tuple[TuningStatus, ...] = ("InProgress", "Stopping")
    for status in statuses:
        found = refusal(the_request("child"), a_job(), a_job("late", status=status))
        assert found is not None
        assert "[late] must be in a terminal state" in found[1]
        assert status in found[1]


def test_a_parent_counts_once() -> None:
    """The same job twice is refused."""
    found = refusal(the_request("child"), a_job(), a_job())
    assert found is not None
    assert "[parent] twice" in found[1]


def test_parents_training_jobs_count_towards_the_quota() -> None:
    """750 in all for Bayesian, 10,000 for Random."""
    assert refusal(the_request("child"), launched=746) is None
    found = refusal(the_request("child"), launched=747)
    assert found is not None
    assert found[0] == "ResourceLimitExceeded"
    assert "got 751" in found[1]
    assert refusal(the_request("child", Strategy="Random"), launched=9_996) is None
    assert refusal(the_request("child", Strategy="Random"), launched=9_997) is not None


@pytest.mark.parametrize("strategy", ["Grid", "Hyperband"])
def test_only_bayesian_and_random_are_warm_started(strategy: str) -> None:
    """The guide names these two strategies."""
    found = refusal(the_request("child", Strategy=strategy))
    assert found is not None
    assert strategy in found[1]
