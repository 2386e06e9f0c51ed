"""Rules between the fields of CreateHyperParameterTuningJob: what AWS refuses and its service model does not say.

Each rule is a pure generator over a request that already satisfies the model; the first refusal is the answer, as
with AWS. Texts are AWS's own where one has been seen (reference: API pages, developer guide, published error
messages); the others state the law and the value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.amt import range_rules
from components.amt.definition_rules import Refusal, definition_refusals
from components.amt.halving import resources_of

Part = Mapping[str, Any]

# Quotas as the developer guide lists them; parallel jobs default to 10 and can be raised to 100, which is allowed here.
MOST_JOBS: Mapping[str, int] = {"Bayesian": 750, "Hyperband": 750, "Grid": 750, "Random": 10_000}
MOST_PARALLEL_JOBS = 100
MOST_HYPERPARAMETERS = 100
MOST_ENVIRONMENT_ENTRIES = 48
LONGEST_JOB_S = 30 * 24 * 3600
MOST_HYPERBAND_RESOURCE = 20_000


def first_refusal(request: Part) -> Refusal | None:
    """The first rule a request breaks, or None.

    Args:
        request: CreateHyperParameterTuningJob's members; must satisfy the service model.
    """
    rules = (_definition_forms, _training_definitions, _limits, _strategy, _search_space)
    return next((refusal for rule in rules for refusal in rule(request)), None)


def definitions_of(request: Part) -> Sequence[Part]:
    """The training job definitions of either form of a request, one or several."""
    single = request.get("TrainingJobDefinition")
    return [single] if single is not None else list(request.get("TrainingJobDefinitions") or ())


def ranges_of(request: Part, definition: Part) -> Part:
    """The ranges searched with a definition: its own in the list form, else those of the tuning job."""
    config = request["HyperParameterTuningJobConfig"]
    own: Part = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
    return own


def objective_of(request: Part, definition: Part) -> Part | None:
    """The objective of a definition: its own in the list form, else that of the tuning job."""
    config = request["HyperParameterTuningJobConfig"]
    own: Part | None = definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    return own


def _definition_forms(request: Part) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    single, several = request.get("TrainingJobDefinition"), request.get("TrainingJobDefinitions")
    if (single is None) == (several is None):
        given = "both" if single is not None else "none"
        yield Refusal(
            message=f"Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given, got {given}."
        )
    elif single is not None:
        for name in ("TuningObjective", "HyperParameterRanges"):
            if single.get(name) is not None:
                yield Refusal(message=f"{name} belongs to TrainingJobDefinitions, got it in TrainingJobDefinition.")
        if config.get("HyperParameterTuningJobObjective") is None:
            yield Refusal(message="HyperParameterTuningJobObjective is required with TrainingJobDefinition, got none.")
    else:
        yield from _several(config, several or (), warm=request.get("WarmStartConfig") is not None)


def _several(config: Part, definitions: Sequence[Part], *, warm: bool) -> Iterator[Refusal]:
    for name in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if config.get(name) is not None:
            yield Refusal(message=f"{name} is given in each of TrainingJobDefinitions, got it in the tuning job.")
    for name in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
        if any(definition.get(name) is None for definition in definitions):
            yield Refusal(message=f"Each of TrainingJobDefinitions needs {name}, got one without.")
            return
    names = Counter(definition["DefinitionName"] for definition in definitions)
    if len(names) < len(definitions):
        yield Refusal(message=f"DefinitionName must be unique, got [{names.most_common(1)[0][0]}] twice.")
    if len({definition["TuningObjective"]["Type"] for definition in definitions}) > 1:
        yield Refusal(message="All TrainingJobDefinitions must have the same objective Type, got both.")
    if warm:
        yield Refusal(message="WarmStartConfig needs a single TrainingJobDefinition, got TrainingJobDefinitions.")
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        yield Refusal(message="TrainingJobEarlyStoppingType must be Off with TrainingJobDefinitions, got Auto.")


def _training_definitions(request: Part) -> Iterator[Refusal]:
    definitions = definitions_of(request)
    for definition in definitions:
        yield from definition_refusals(definition, objective_of(request, definition))
    entries = sum(len(definition.get("Environment") or ()) for definition in definitions)
    if entries > MOST_ENVIRONMENT_ENTRIES:
        yield Refusal(message=f"Environment holds at most {MOST_ENVIRONMENT_ENTRIES} entries, got {entries}.")


def _limits(request: Part) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    most = MOST_JOBS[config["Strategy"]]
    if jobs is not None and jobs > most:
        yield _quota(f"Training jobs per {config['Strategy']} hyperparameter tuning job", most, jobs, "Training Jobs")
    if parallel > MOST_PARALLEL_JOBS:
        quota = "Parallel training jobs per hyperparameter tuning job"
        yield _quota(quota, MOST_PARALLEL_JOBS, parallel, "Training Jobs")
    if limits.get("MaxRuntimeInSeconds", 0) > LONGEST_JOB_S:
        quota = "Run time of a hyperparameter tuning job"
        yield _quota(quota, LONGEST_JOB_S, limits["MaxRuntimeInSeconds"], "Seconds")
    if jobs is not None and parallel > jobs:
        yield Refusal(message=f"MaxParallelTrainingJobs <= MaxNumberOfTrainingJobs must hold, got {parallel} > {jobs}.")
    ends = jobs is not None or "MaxRuntimeInSeconds" in limits or config.get("TuningJobCompletionCriteria")
    if not (ends or config["Strategy"] == "Grid" or request.get("Autotune")):
        yield Refusal(
            message="MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or TuningJobCompletionCriteria is needed to end a "
            f"{config['Strategy']} tuning job, got none."
        )


def _quota(quota: str, limit: int, wanted: int, unit: str) -> Refusal:
    return Refusal(
        code="ResourceLimitExceeded",
        message=f"The account-level service limit '{quota}' is {limit} {unit}, with current utilization of 0 {unit} "
        f"and a request delta of {wanted} {unit}. Please use AWS Service Quotas to request an increase for this "
        "quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.",
    )


def _strategy(request: Part) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    strategy = config["Strategy"]
    if strategy != "Hyperband" and config.get("StrategyConfig") is not None:
        yield Refusal(message=f"StrategyConfig is for Strategy Hyperband only, got Strategy {strategy}.")
    if strategy == "Grid":
        yield from _grid(request)
    if strategy == "Hyperband":
        yield from _hyperband(request)


def _grid(request: Part) -> Iterator[Refusal]:
    jobs = request["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    size = 0.0
    for definition in definitions_of(request):
        ranges = ranges_of(request, definition)
        numeric = [name for name in ("IntegerParameterRanges", "ContinuousParameterRanges") if ranges.get(name)]
        if numeric:
            yield Refusal(message=f"Strategy Grid takes CategoricalParameterRanges only, got {numeric[0]}.")
            return
        size += range_rules.space_size(ranges)
    if size > MOST_JOBS["Grid"]:
        yield _quota("Training jobs per Grid hyperparameter tuning job", MOST_JOBS["Grid"], int(size), "Training Jobs")
    if jobs is not None and jobs != size:
        yield Refusal(
            message=f"MaxNumberOfTrainingJobs must be the number of combinations of Strategy Grid, "
            f"[{int(size)}], or be left out, got [{jobs}]."
        )


def _hyperband(request: Part) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        yield Refusal(message="TrainingJobEarlyStoppingType must be Off with Strategy Hyperband, got Auto.")
    for definition in definitions_of(request):
        low, high = resources_of(config, definition.get("StaticHyperParameters") or {})
        if high is None:
            yield Refusal(
                message="MaxResource parameter is not provided and could not be inferred from provided static "
                "hyperparameters of TrainingJobDefinition."
            )
            return
        if high > MOST_HYPERBAND_RESOURCE:
            yield Refusal(message=f"MaxResource must be at most {MOST_HYPERBAND_RESOURCE}, got {high}.")
        if not low <= high:
            yield Refusal(message=f"MinResource <= MaxResource must hold, got {low} > {high}.")


def _search_space(request: Part) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    autotune = request.get("Autotune") is not None
    size = 0.0
    for definition in definitions_of(request):
        ranges, static = ranges_of(request, definition), definition.get("StaticHyperParameters") or {}
        if not autotune:
            if ranges.get("AutoParameters"):
                yield Refusal(message="AutoParameters need Autotune, got none.")
            elif not range_rules.tuned_names(ranges):
                yield Refusal(message="At least one hyperparameter range is needed without Autotune, got none.")
        for message in range_rules.refusals(ranges, static=static):
            yield Refusal(message=message)
        total = len(set(static) | {range_rules.OBJECTIVE_HYPERPARAMETER}) + len(range_rules.tuned_names(ranges))
        if total > MOST_HYPERPARAMETERS:
            yield Refusal(
                message=f"A training job takes at most {MOST_HYPERPARAMETERS} static and tuned hyperparameters, "
                f"{range_rules.OBJECTIVE_HYPERPARAMETER} included, got {total}."
            )
        size += range_rules.space_size(ranges)
    jobs = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if jobs is not None and size < jobs and config["Strategy"] != "Grid" and not autotune:
        yield Refusal(
            message="You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{size}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{jobs}]. Provide additional ranges."
        )
