"""Every rule of Create that the service model does not hold, each with the sentence a client gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tuning_request import SCRIPT_IMAGE, bent, minimal, refused, several

from components.amt.validation import check_create

AUC = [{"Name": "auc", "Regex": "auc=([0-9.]+)"}]
CHANNEL: dict[str, Any] = minimal()["TrainingJobDefinition"]["InputDataConfig"][0]
SCRIPT = {"algorithm__TrainingImage": SCRIPT_IMAGE}
GRID = {"CategoricalParameterRanges": [{"Name": "a", "Values": ["x", "y", "z"]}, {"Name": "b", "Values": ["1", "2"]}]}


VALID: dict[str, Callable[[], dict[str, Any]]] = {
    "minimal": minimal,
    "several definitions": several,
    "spot": lambda: bent(
        definition__EnableManagedSpotTraining=True,
        stopping__MaxRuntimeInSeconds=3600,
        stopping__MaxWaitTimeInSeconds=7200,
    ),
    "tuning resource config": lambda: bent(
        definition__ResourceConfig=None,
        definition__HyperParameterTuningResourceConfig={
            "InstanceConfigs": [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}],
            "AllocationStrategy": "Prioritized",
        },
    ),
    "own metrics": lambda: bent(**SCRIPT, algorithm__MetricDefinitions=AUC, objective__MetricName="auc"),
    "grid without a number of jobs": lambda: bent(
        config__Strategy="Grid", config__ParameterRanges=GRID, limits__MaxNumberOfTrainingJobs=None
    ),
    "grid": lambda: bent(config__Strategy="Grid", config__ParameterRanges=GRID, limits__MaxNumberOfTrainingJobs=6),
    "hyperband, resource inferred": lambda: bent(
        config__Strategy="Hyperband", definition__StaticHyperParameters={"num_round": "9", "epochs": '"9"'}
    ),
    "random, 10,000 jobs": lambda: bent(config__Strategy="Random", limits__MaxNumberOfTrainingJobs=10_000),
    "100 parallel jobs": lambda: bent(limits__MaxNumberOfTrainingJobs=100, limits__MaxParallelTrainingJobs=100),
    "as many jobs as combinations": lambda: bent(config__ParameterRanges=GRID, limits__MaxNumberOfTrainingJobs=6),
    "ended by its run time": lambda: bent(
        config__ResourceLimits={"MaxParallelTrainingJobs": 1, "MaxRuntimeInSeconds": 600}
    ),
    "autotune": lambda: bent(request__Autotune={"Mode": "Enabled"}, config__ParameterRanges=None),
    "tags": lambda: bent(request__Tags=[{"Key": "équipe 1", "Value": "a_b.c:d/e=f+g-h@i"}]),
}


@pytest.mark.parametrize("name", VALID)
def test_what_aws_takes_is_taken(name: str) -> None:
    """Requests within every rule pass."""
    check_create(VALID[name]())


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    # definitions
    "no definition": ({"request__TrainingJobDefinition": None}, "Exactly one of TrainingJobDefinition and"),
    "ranges in the definition": (
        {"definition__HyperParameterRanges": GRID},
        "HyperParameterRanges belongs to TrainingJobDefinitions, got it in TrainingJobDefinition.",
    ),
    "no objective": (
        {"config__HyperParameterTuningJobObjective": None},
        "HyperParameterTuningJobObjective is required with TrainingJobDefinition, got none.",
    ),
    # algorithm and metrics
    "image and algorithm": (
        {"algorithm__AlgorithmName": "xgb"},
        "Exactly one of TrainingImage and AlgorithmName must be given, got both.",
    ),
    "metrics of a built-in": (
        {"algorithm__MetricDefinitions": AUC},
        (
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        ),
    ),
    "unknown objective of a built-in": (
        {"objective__MetricName": "validation:foo"},
        "The objective metric, [validation:foo], isn't valid for the [xgboost] algorithm.",
    ),
    "train metric as objective": (
        {"objective__MetricName": "train:auc"},
        "The objective metric, [train:auc], isn't valid for the [xgboost] algorithm.",
    ),
    "objective not among the metrics": (
        SCRIPT | {"algorithm__MetricDefinitions": AUC, "objective__MetricName": "f1"},
        "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric definitions",
    ),
    "broken regex": (
        SCRIPT | {"algorithm__MetricDefinitions": [{"Name": "auc", "Regex": "auc=("}]},
        "The Regex of metric [auc] must be a regular expression, got missing ), unterminated subpattern at position 4.",
    ),
    "regex without group": (
        SCRIPT | {"algorithm__MetricDefinitions": [{"Name": "auc", "Regex": "auc"}]},
        "The Regex of metric [auc] needs a group for the value, got none.",
    ),
    "metric twice": (
        SCRIPT | {"algorithm__MetricDefinitions": AUC * 2},
        "Metric names must be unique, got [auc] 2 times",
    ),
    # machine
    "no machine": ({"definition__ResourceConfig": None}, "Exactly one of ResourceConfig and HyperParameterTuning"),
    "two machines": (
        {"definition__HyperParameterTuningResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "Exactly one of ResourceConfig and HyperParameterTuningResourceConfig must be given, got both.",
    ),
    "no instance type": ({"machine__InstanceType": None}, "InstanceType and InstanceCount are required, got one or"),
    "no instance": ({"machine__InstanceCount": 0}, "InstanceCount must be at least 1, got 0."),
    "type and groups": (
        {"machine__InstanceGroups": [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "g"}]},
        "InstanceGroups and InstanceType exclude each other, got both.",
    ),
    # stopping and spot
    "wait without spot": (
        {"stopping__MaxWaitTimeInSeconds": 7200},
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
    ),
    "spot without wait": (
        {"definition__EnableManagedSpotTraining": True},
        (
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds, got "
            "None and 3600."
        ),
    ),
    "spot that waits too little": (
        {"definition__EnableManagedSpotTraining": True, "stopping__MaxWaitTimeInSeconds": 60},
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
    ),
    "spot against the default run time": (
        {
            "definition__EnableManagedSpotTraining": True,
            "definition__StoppingCondition": {"MaxWaitTimeInSeconds": 7200},
        },
        "got 7200 and 86400.",
    ),
    "a month of training": (
        {"stopping__MaxRuntimeInSeconds": 30 * 86400},
        "MaxRuntimeInSeconds must be at most 2419200",
    ),
    "channel twice": (
        {"definition__InputDataConfig": [CHANNEL] * 2},
        "ChannelName must be unique, got [train] 2 times.",
    ),
    # limits
    "more parallel than jobs": (
        {"limits__MaxParallelTrainingJobs": 21},
        "MaxParallelTrainingJobs <= MaxNumberOfTrainingJobs must hold, got 21 > 20.",
    ),
    "no end": (
        {"limits__MaxNumberOfTrainingJobs": None},
        "is needed to end a Bayesian tuning job, got none.",
    ),
    # strategies
    "strategy config": (
        {"config__StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1}}},
        "StrategyConfig is for Strategy Hyperband only, got Strategy Bayesian.",
    ),
    "grid of numbers": (
        {"config__Strategy": "Grid"},
        "Strategy Grid takes CategoricalParameterRanges only, got IntegerParameterRanges.",
    ),
    "grid of another size": (
        {"config__Strategy": "Grid", "config__ParameterRanges": GRID, "limits__MaxNumberOfTrainingJobs": 5},
        "MaxNumberOfTrainingJobs must be the number of combinations of Strategy Grid, [6], or be left out, got [5].",
    ),
    "hyperband that stops early": (
        {"config__Strategy": "Hyperband", "config__TrainingJobEarlyStoppingType": "Auto"},
        "TrainingJobEarlyStoppingType must be Off with Strategy Hyperband, got Auto.",
    ),
    "hyperband without resource": (
        {"config__Strategy": "Hyperband"},
        (
            "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of "
            "TrainingJobDefinition."
        ),
    ),
    "hyperband backwards": (
        {
            "config__Strategy": "Hyperband",
            "config__StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 3}},
        },
        "MinResource <= MaxResource must hold, got 9 > 3.",
    ),
    "hyperband beyond the cap": (
        {
            "config__Strategy": "Hyperband",
            "config__StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 20_001}},
        },
        "MaxResource must be at most 20000, got 20001.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_aws_refuses_is_refused(name: str) -> None:
    """Each rule answers with a ValidationException and the sentence for it."""
    changes, sentence = REFUSED[name]
    code, message = refused(bent(**changes))

    assert code == "ValidationException"
    assert sentence in message


@pytest.mark.parametrize(
    ("changes", "quota"),
    [
        ({"limits__MaxNumberOfTrainingJobs": 751}, "is 750 Training Jobs"),
        ({"config__Strategy": "Random", "limits__MaxNumberOfTrainingJobs": 10_001}, "is 10000 Training Jobs"),
        ({"limits__MaxNumberOfTrainingJobs": 200, "limits__MaxParallelTrainingJobs": 101}, "is 100 Training Jobs"),
        ({"limits__MaxRuntimeInSeconds": 31 * 86400}, "is 2592000 Seconds"),
    ],
)
def test_quotas_are_the_accounts(changes: dict[str, Any], quota: str) -> None:
    """Beyond a quota the code is ResourceLimitExceeded and the text AWS's, with limit and request."""
    code, message = refused(bent(**changes))

    assert code == "ResourceLimitExceeded"
    assert message.startswith("The account-level service limit '")
    assert quota in message


@pytest.mark.parametrize(
    ("bend", "sentence"),
    [
        (lambda request: request.update(TrainingJobDefinition=minimal()["TrainingJobDefinition"]), "got both."),
        (
            lambda request: request["TrainingJobDefinitions"][1].pop("HyperParameterRanges"),
            "Each of TrainingJobDefinitions needs HyperParameterRanges, got one without.",
        ),
        (
            lambda request: request["TrainingJobDefinitions"][1].update(DefinitionName="one"),
            "DefinitionName must be unique, got [one] twice.",
        ),
        (
            lambda request: request["TrainingJobDefinitions"][1].update(
                TuningObjective={"Type": "Minimize", "MetricName": "validation:rmse"}
            ),
            "All TrainingJobDefinitions must have the same objective Type, got both.",
        ),
        (
            lambda request: [
                definition.update(Environment={f"{definition['DefinitionName']}{index}": "x" for index in range(25)})
                for definition in request["TrainingJobDefinitions"]
            ],
            "Environment holds at most 48 entries, got 50.",
        ),
        (
            lambda request: request["HyperParameterTuningJobConfig"].update(ParameterRanges=GRID),
            "ParameterRanges is given in each of TrainingJobDefinitions, got it in the tuning job.",
        ),
        (
            lambda request: request["HyperParameterTuningJobConfig"].update(TrainingJobEarlyStoppingType="Auto"),
            "TrainingJobEarlyStoppingType must be Off with TrainingJobDefinitions, got Auto.",
        ),
        (
            lambda request: request.update(
                WarmStartConfig={
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "p"}],
                    "WarmStartType": "TransferLearning",
                }
            ),
            "WarmStartConfig needs a single TrainingJobDefinition, got TrainingJobDefinitions.",
        ),
    ],
)
def test_several_definitions_have_rules_of_their_own(bend: Callable[[Any], Any], sentence: str) -> None:
    """In the list form objective and ranges move into each definition."""
    request = several()
    bend(request)

    assert sentence in refused(request)[1]
