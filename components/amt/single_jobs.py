"""A training job without a tuning job, as the record and the supervisor keep it: a job whose only trial it is.

So locks, recovery after a crash, stopping and the container are those of every training job. The job is kept under a
name that no tuning job can have, and is in none of their lists.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from components.amt import sdk_driver, training_job
from components.amt.algorithms import algorithm_of
from components.amt.definition_rules import DEFAULT_TRAINING_JOB_S, Refusal, definition_refusals
from components.amt.records import TrainingJob, TuningJob
from components.amt.requests import definition_unavailable

# In the name of no tuning job.
SUFFIX = "~training"
# Told to AWS's own services around a training job; here they are kept and shown, and nothing listens.
_ECHOED = (
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "ExperimentConfig",
    "InfraCheckConfig",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "RemoteDebugConfig",
    "TensorBoardOutputConfig",
)
_NOT_HERE = ("MlflowConfig", "ModelPackageConfig", "ServerlessJobConfig", "SessionChainingConfig")
_CONTAINER = ("ContainerEntrypoint", "ContainerArguments")


def first_refusal(request: Mapping[str, Any]) -> Refusal | None:
    """The first rule a CreateTrainingJob request breaks beyond the service model, or None."""
    return next(_refusals(request), None)


def _refusals(request: Mapping[str, Any]) -> Iterator[Refusal]:
    missing = [name for name in _NOT_HERE if request.get(name)]
    specification = request.get("AlgorithmSpecification")
    if specification is None and not missing:
        yield Refusal(message="AlgorithmSpecification is required, got none.")
    if request.get("ResourceConfig") is None and not missing:
        yield Refusal(message="ResourceConfig is required, got none.")
    if specification is not None:
        definition = definition_of(request)
        if request.get("ResourceConfig") is not None:
            yield from definition_refusals(definition, None)
            missing += definition_unavailable(definition)
        own = () if sdk_driver.is_asked_for(definition) else _CONTAINER
        missing += [
            f"AlgorithmSpecification.{name}" for name in (*own, "TrainingImageConfig") if specification.get(name)
        ]
    if missing:
        yield Refusal(message=f"not available yet on the local engine: {', '.join(missing)}")


def definition_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as a TrainingJobDefinition: the same members, its hyperparameters the static ones."""
    kept = {
        name: copy.deepcopy(value)
        for name, value in request.items()
        if name not in ("TrainingJobName", "HyperParameters", "Tags", *_ECHOED, *_NOT_HERE)
    }
    static = {"StaticHyperParameters": dict(request.get("HyperParameters") or {})}
    stopping = {"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_TRAINING_JOB_S}}
    return {**stopping, **kept, **static}


def as_job(request: Mapping[str, Any], *, arn_prefix: str, now_s: float) -> tuple[TuningJob, TrainingJob]:
    """The job and its one training job, Starting.

    Args:
        request: CreateTrainingJob; breaks no rule.
        arn_prefix: `arn:aws:sagemaker:<region>:<account>`.
        now_s: When.
    """
    name = request["TrainingJobName"]
    definition = definition_of(request)
    specification = definition["AlgorithmSpecification"]
    algorithm = algorithm_of(specification.get("TrainingImage", ""))
    if algorithm is not None:
        specification["MetricDefinitions"] = [dict(entry) for entry in algorithm.metric_definitions]
    specification.setdefault("MetricDefinitions", [])
    for switch in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
        definition.setdefault(switch, False)
    job = TuningJob(
        name=name + SUFFIX,
        arn=f"{arn_prefix}:training-job/{name.lower()}",
        request={
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {},
            },
            "TrainingJobDefinition": definition,
            "Echoed": {member: request[member] for member in _ECHOED if member in request},
        },
        tags=list(request.get("Tags") or ()),
        seed=0,
        status="InProgress",
        created_s=now_s,
        modified_s=now_s,
    )
    fresh = TrainingJob(
        name=name, tuning_job=job.name, number=1, attempt=0, tuned={}, created_s=now_s, modified_s=now_s
    )
    return job, training_job.enter(fresh, "Starting", now_s)


def is_single(job: TuningJob) -> bool:
    """Whether a job is a training job of its own."""
    return job.name.endswith(SUFFIX)
