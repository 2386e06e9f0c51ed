"""A created job is what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from components.tuning.job_check import differences

ASKED: dict[str, Any] = {
    "HyperParameterTuningJobName": "a",
    "Tags": [{"Key": "k", "Value": "v"}],
    "TrainingJobDefinition": {
        "EnableManagedSpotTraining": True,
        "StaticHyperParameters": {"num_round": "10"},
        "AlgorithmSpecification": {"MetricDefinitions": [{"Name": "auc", "Regex": "auc=(.*)"}]},
        "InputDataConfig": [{"ChannelName": "train"}, {"ChannelName": "validation"}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
    },
}


def test_what_the_service_adds_is_no_difference() -> None:
    """Defaults, the injected objective metric, status and another order of channels are its own business."""
    definition = ASKED["TrainingJobDefinition"]
    described = {
        "HyperParameterTuningJobName": "a",
        "HyperParameterTuningJobStatus": "InProgress",
        "TrainingJobDefinition": {
            **definition,
            "EnableNetworkIsolation": False,
            "AlgorithmSpecification": {
                "MetricDefinitions": [
                    {"Name": "ObjectiveMetric", "Regex": "auc=(.*)"},
                    {"Name": "auc", "Regex": "auc=(.*)"},
                ]
            },
            "StaticHyperParameters": {"num_round": "10", "_tuning_objective_metric": "loss"},
            "InputDataConfig": [{"ChannelName": "validation"}, {"ChannelName": "train", "CompressionType": "None"}],
        },
    }
    assert differences(ASKED, described) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"EnableManagedSpotTraining": False},
            "TrainingJobDefinition.EnableManagedSpotTraining: asked for True, got False",
        ),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "MaxWaitTimeInSeconds: asked for 120, got None"),
        ({"InputDataConfig": [{"ChannelName": "train"}]}, "TrainingJobDefinition.InputDataConfig"),
        ({"AlgorithmSpecification": {"MetricDefinitions": []}}, "AlgorithmSpecification.MetricDefinitions: asked for"),
    ],
)
def test_what_costs_money_or_changes_the_model_is_named(change: dict[str, Any], said: str) -> None:
    """Spot that was lost on the way, a limit that is not there, a channel that is missing."""
    described = {**ASKED, "TrainingJobDefinition": {**ASKED["TrainingJobDefinition"], **change}}
    (found,) = differences(ASKED, described)
    assert said in found
