"""A champion's hyperparameters and new data -> `CreateTrainingJob`, exactly as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.amt.definition_rules import definition_refusals
from components.amt.validation import model_breaches
from components.errors import InvalidInput
from components.trainers.failure import CustomerError
from components.trainers.xgboost_hyperparameters import OBJECTIVE_METRIC, parse
from components.tuning.definition import RequestPlaces, training_job_definition
from components.tuning.training_spec import TrainingSpec

# Of a tuning job's definition, and no member of a training job.
_OF_TUNING_JOBS = ("DefinitionName",)


def build_training_request(
    *,
    name: str,
    training: TrainingSpec,
    metric: str,
    tuned: Mapping[str, str],
    max_runtime_s: int,
    places: RequestPlaces,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The request for one attempt of a refit: what the search would have trained with these hyperparameters.

    Args:
        name: Training job name.
        training: What is trained, on one instance type: CreateTrainingJob takes no list of them.
        metric: The search's objective; like a tuning job, the request names it to the algorithm.
        tuned: The hyperparameters a search chose, as AMT's strings; they go before static ones of the same name.
        max_runtime_s: Seconds it may run; caps have taken their part already.
        places: Where it points.
        tags: Tags of the training job.

    Raises:
        InvalidInput: The request breaks a law of the API, told before anything is sent.
    """
    definition = training_job_definition(training, places)
    static = definition.pop("StaticHyperParameters")
    parameters = {**static, **tuned, OBJECTIVE_METRIC: metric}
    definition["StoppingCondition"] = {**definition["StoppingCondition"], "MaxRuntimeInSeconds": max_runtime_s}
    request = {
        "TrainingJobName": name,
        "HyperParameters": parameters,
        **{key: value for key, value in definition.items() if key not in _OF_TUNING_JOBS},
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    breaches = model_breaches("CreateTrainingJob", request)
    if breaches:
        raise InvalidInput("the training request breaks the API's model: " + "; ".join(breaches))
    refusal = next(definition_refusals(definition, {"MetricName": metric}), None)
    if refusal is not None:
        raise InvalidInput(f"the training request would be refused: {refusal.message}")
    if not training.is_script:
        try:
            parse(parameters)
        except CustomerError as error:
            raise InvalidInput(f"training.hyperparameters with those of the refit: {error}") from None
    return request
