"""A request beside the one of the run before."""

from __future__ import annotations

import copy
from typing import Any

from components.tuning.request_diff import changes

REQUEST: dict[str, Any] = {
    "HyperParameterTuningJobName": "m-1-01",
    "HyperParameterTuningJobConfig": {
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 5},
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}]},
    },
    "TrainingJobDefinition": {
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/1/train/"}}}],
        "CheckpointConfig": {"S3Uri": "s3://b/checkpoints/m-1-01"},
    },
    "Tags": [{"Key": "k", "Value": "1"}],
}


def test_only_what_somebody_decided_is_a_change() -> None:
    """Names, tags, parents and checkpoints are every run's own; what is left is told by path, added and gone too."""
    after = copy.deepcopy(REQUEST)
    assert changes(REQUEST, after) == ()
    after |= {"HyperParameterTuningJobName": "m-2-01", "Tags": [], "WarmStartConfig": {"WarmStartType": "x"}}
    after["TrainingJobDefinition"]["CheckpointConfig"]["S3Uri"] = "s3://b/checkpoints/m-2-01"
    assert changes(REQUEST, after) == ()

    config, definition = after["HyperParameterTuningJobConfig"], after["TrainingJobDefinition"]
    config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 9
    config["ParameterRanges"]["ContinuousParameterRanges"][0]["MaxValue"] = "0.9"
    config["ParameterRanges"]["IntegerParameterRanges"] = [{"Name": "depth", "MinValue": "1"}]
    config["RandomSeed"] = 3
    definition["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://b/2/train/"
    found = {each.path: (each.before, each.after) for each in changes(REQUEST, after)}
    ranges = "HyperParameterTuningJobConfig.ParameterRanges"
    assert found == {
        "HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs": (5, 9),
        f"{ranges}.ContinuousParameterRanges[eta].MaxValue": ("0.5", "0.9"),
        f"{ranges}.IntegerParameterRanges[depth].Name": (None, "depth"),
        f"{ranges}.IntegerParameterRanges[depth].MinValue": (None, "1"),
        "HyperParameterTuningJobConfig.RandomSeed": (None, 3),
        "TrainingJobDefinition.InputDataConfig[train].DataSource.S3DataSource.S3Uri": (
            "s3://b/1/train/",
            "s3://b/2/train/",
        ),
    }
    back = {each.path: (each.after, each.before) for each in changes(after, REQUEST)}
    assert back == found
