"""Rules inside one training job definition of a tuning job: algorithm, metrics, machine, stopping condition.

Sources: API reference of HyperParameterTrainingJobDefinition and its members, developer guide "Managed Spot Training",
published error messages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.amt.algorithms import algorithm_of

Part = Mapping[str, Any]

LONGEST_TRAINING_JOB_S = 28 * 24 * 3600
DEFAULT_TRAINING_JOB_S = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request is refused: AWS's error code and the sentence."""

    message: str
    code: str = "ValidationException"


def definition_refusals(definition: Part, objective: Part | None) -> Iterator[Refusal]:
    """Every rule that a training job definition breaks.

    Args:
        definition: A HyperParameterTrainingJobDefinition that satisfies the service model.
        objective: The objective that goes with it.
    """
    yield from _algorithm(definition, objective)
    yield from _resources(definition)
    yield from _stopping(definition)
    channels = Counter(channel["ChannelName"] for channel in definition.get("InputDataConfig") or ())
    for name, times in channels.items():
        if times > 1:
            yield Refusal(message=f"ChannelName must be unique, got [{name}] {times} times.")


def _algorithm(definition: Part, objective: Part | None) -> Iterator[Refusal]:
    specification = definition["AlgorithmSpecification"]
    image, name = specification.get("TrainingImage"), specification.get("AlgorithmName")
    if (image is None) == (name is None):
        given = "both" if image is not None else "none"
        yield Refusal(message=f"Exactly one of TrainingImage and AlgorithmName must be given, got {given}.")
        return
    metrics = specification.get("MetricDefinitions") or ()
    metric = objective["MetricName"] if objective is not None else None
    algorithm = algorithm_of(image) if image is not None else None
    if algorithm is not None:
        if metrics:
            yield Refusal(
                message="You can't override the metric definitions for Amazon SageMaker algorithms. "
                "Please retry the request without specifying metric definitions."
            )
        if metric is not None and metric not in algorithm.directions:
            yield Refusal(
                message=f"The objective metric, [{metric}], isn't valid for the [{algorithm.name}] algorithm. "
                f"Choose one of {sorted(algorithm.directions)}."
            )
        return
    yield from _metric_definitions(metrics)
    if metric is not None and metric not in {entry["Name"] for entry in metrics}:
        yield Refusal(
            message="A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )


def _metric_definitions(metrics: Sequence[Part]) -> Iterator[Refusal]:
    for name, times in Counter(entry["Name"] for entry in metrics).items():
        if times > 1:
            yield Refusal(message=f"Metric names must be unique, got [{name}] {times} times in MetricDefinitions.")
    for entry in metrics:
        try:
            groups = re.compile(entry["Regex"]).groups
        except (re.error, OverflowError, RecursionError) as error:
            yield Refusal(message=f"The Regex of metric [{entry['Name']}] must be a regular expression, got {error}.")
        else:
            if groups < 1:
                yield Refusal(message=f"The Regex of metric [{entry['Name']}] needs a group for the value, got none.")


def _resources(definition: Part) -> Iterator[Refusal]:
    plain, tuned = definition.get("ResourceConfig"), definition.get("HyperParameterTuningResourceConfig")
    if (plain is None) == (tuned is None):
        given = "both" if plain is not None else "none"
        yield Refusal(
            message=f"Exactly one of ResourceConfig and HyperParameterTuningResourceConfig must be given, got {given}."
        )
        return
    config: Part = plain if plain is not None else tuned or {}
    several = ("InstanceConfigs", "InstanceGroups", "InstancePreferences")
    given_several = [name for name in several if config.get(name)]
    given_one = [name for name in ("InstanceType", "InstanceCount") if config.get(name) is not None]
    if given_several and given_one:
        yield Refusal(message=f"{given_several[0]} and {given_one[0]} exclude each other, got both.")
    elif not given_several and len(given_one) < len(("InstanceType", "InstanceCount")):
        yield Refusal(message="InstanceType and InstanceCount are required, got one or none of them.")
    elif given_one and config["InstanceCount"] < 1:
        yield Refusal(message=f"InstanceCount must be at least 1, got {config['InstanceCount']}.")
    if config.get("InstancePreferences") and definition.get("EnableManagedSpotTraining"):
        yield Refusal(message="InstancePreferences cannot be used with EnableManagedSpotTraining, got both.")


def _stopping(definition: Part) -> Iterator[Refusal]:
    condition = definition["StoppingCondition"]
    run_s = condition.get("MaxRuntimeInSeconds", DEFAULT_TRAINING_JOB_S)
    wait_s = condition.get("MaxWaitTimeInSeconds")
    if run_s > LONGEST_TRAINING_JOB_S:
        yield Refusal(message=f"MaxRuntimeInSeconds must be at most {LONGEST_TRAINING_JOB_S}, got {run_s}.")
    # AWS also caps the wait at 3600 s for built-in algorithms that cannot checkpoint; XGBoost can.
    if definition.get("EnableManagedSpotTraining"):
        if wait_s is None or wait_s < run_s:
            yield Refusal(
                message="Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                f"MaxRuntimeInSeconds, got {wait_s} and {run_s}."
            )
    elif wait_s is not None:
        yield Refusal(
            message="Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
