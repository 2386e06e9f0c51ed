"""The tuning jobs of the scenario: two trials on Spot, one that is stopped, one that is warm-started."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.naming import digest_of
from components.tuning.images import script_image, xgboost_image

FIRST, STOPPED, WARM = "first", "stopped", "warm"
# Hyperparameters that are searched: what they come to is chance.
TUNED = frozenset({"eta", "max_depth", "booster", "rate"})
INSTANCE_TYPE = "ml.m5.large"

# The second training job emits nothing and waits to be stopped, so that whether it has an objective is no race.
SCRIPT = textwrap.dedent(
    """\
    import os
    import sys
    import time

    if "-001-" in os.environ["TRAINING_JOB_NAME"]:
        print("loss =", sys.argv[sys.argv.index("--rate") + 1], flush=True)
    else:
        time.sleep(3600)
    """
)
PROGRAM = "wait.py"

Request = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the jobs run and what they are called.

    Attributes:
        base_uri: `s3://` prefix of the project.
        role_arn: Execution role.
        region: AWS region.
        instance_type: Of every training job.
        take: From 1; another one has other names, so its jobs are trained anew.
        tags: The project's own, on every job.
    """

    base_uri: str
    role_arn: str
    region: str
    instance_type: str = INSTANCE_TYPE
    take: int = 1
    tags: Mapping[str, str]

    @property
    def run(self) -> str:
        """What all names of this scenario and take begin with, wherever it is played: so nothing runs twice."""
        neutral = Places(
            base_uri="s3://b",
            role_arn="",
            region="us-east-1",
            instance_type=self.instance_type,
            tags={},
        )
        jobs = [_first(neutral, "run"), _stopped(neutral, "run"), _warm(neutral, "run")]
        return f"parity-{digest_of({'jobs': jobs, 'script': SCRIPT, 'take': self.take})[:8]}"

    @property
    def root(self) -> str:
        """Prefix of everything the scenario keeps in S3."""
        return f"{self.base_uri}/test-aws/{self.run}"

    def name(self, job: str) -> str:
        """Name of a tuning job, such as that of `first`."""
        return f"{self.run}-{job}"


def tuning_job(places: Places, job: str) -> Request:
    """CreateHyperParameterTuningJob of one of the three jobs."""
    made = {FIRST: _first, STOPPED: _stopped, WARM: _warm}[job](places, places.run)
    if places.tags:
        made["Tags"] = [*made["Tags"], *({"Key": key, "Value": value} for key, value in sorted(places.tags.items()))]
    return made


def warm_started(request: Request, parent: str, kind: str = "IdenticalDataAndAlgorithm") -> Request:
    """A request with a parent."""
    parents = [{"HyperParameterTuningJobName": parent}]
    return {**request, "WarmStartConfig": {"ParentHyperParameterTuningJobs": parents, "WarmStartType": kind}}


def _first(places: Places, run: str) -> Request:
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "6"}],
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
    }
    channels = [_channel(part, f"{_root(places, run)}/data/{part}/") for part in ("train", "validation")]
    definition = _definition(places, run, static={"num_round": "3", "objective": "binary:logistic"})
    definition["AlgorithmSpecification"]["TrainingImage"] = xgboost_image(places.region)
    definition["InputDataConfig"] = channels
    return _job(f"{run}-{FIRST}", {"Type": "Maximize", "MetricName": "validation:auc"}, ranges, definition)


def _warm(places: Places, run: str) -> Request:
    request = warm_started(copy.deepcopy(_first(places, run)), f"{run}-{FIRST}")
    request["HyperParameterTuningJobName"] = f"{run}-{WARM}"
    request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 1
    return request


def _stopped(places: Places, run: str) -> Request:
    code = f"{_root(places, run)}/code/sourcedir.tar.gz"
    definition = _definition(
        places, run, static={"sagemaker_program": PROGRAM, "sagemaker_submit_directory": code, "verbose": "true"}
    )
    definition["AlgorithmSpecification"] |= {
        "TrainingImage": script_image(places.region),
        "MetricDefinitions": [{"Name": "loss", "Regex": r"loss = (\S+)"}],
    }
    ranges = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.1", "MaxValue": "0.9"}]}
    return _job(f"{run}-{STOPPED}", {"Type": "Minimize", "MetricName": "loss"}, ranges, definition)


def _root(places: Places, run: str) -> str:
    return f"{places.base_uri}/test-aws/{run}"


def _job(name: str, objective: Request, ranges: Request, definition: Request) -> Request:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": objective,
            # one at a time: a quota of a single instance is enough
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": 2,
                "MaxParallelTrainingJobs": 1,
                "MaxRuntimeInSeconds": 3600,
            },
            "ParameterRanges": ranges,
            "RandomSeed": 7,
        },
        "TrainingJobDefinition": definition,
        "Tags": [{"Key": "retune-test", "Value": "parity"}],
    }


def _definition(places: Places, run: str, *, static: Request) -> Request:
    return {
        "StaticHyperParameters": static,
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "RoleArn": places.role_arn,
        "OutputDataConfig": {"S3OutputPath": f"{_root(places, run)}/out"},
        "ResourceConfig": {"InstanceType": places.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1800},
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"{_root(places, run)}/checkpoints"},
    }


def _channel(name: str, uri: str) -> Request:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
