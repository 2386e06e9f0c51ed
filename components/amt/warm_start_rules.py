"""What AWS demands of a warm start's parents, and does not say in its service model.

Source: developer guide, "Run a Warm Start Hyperparameter Tuning Job", section "Restrictions". Texts are AWS's own
where one has been seen; each names the parent, and the key at fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.amt.definition_rules import Refusal
from components.amt.range_rules import OBJECTIVE_HYPERPARAMETER, tuned_names
from components.amt.records import TERMINAL, TuningJob
from components.amt.request_rules import MOST_JOBS

Part = Mapping[str, Any]

MOST_CHANGES = 10
STRATEGIES = ("Bayesian", "Random")
_KINDS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def first_refusal(request: Part, parents: Sequence[TuningJob], *, launched: int) -> Refusal | None:
    """The first rule a request breaks, or None.

    Args:
        request: CreateHyperParameterTuningJob with a WarmStartConfig; keeps all other rules.
        parents: The jobs its WarmStartConfig names, in that order.
        launched: Training jobs of all parents together.
    """
    return next(_refusals(request, parents, launched), None)


def _refusals(request: Part, parents: Sequence[TuningJob], launched: int) -> Iterator[Refusal]:
    config = request["HyperParameterTuningJobConfig"]
    strategy = config["Strategy"]
    if strategy not in STRATEGIES:
        yield Refusal(message=f"WarmStartConfig needs Strategy Bayesian or Random, got {strategy}.")
    twice = [name for name, times in Counter(parent.name for parent in parents).items() if times > 1]
    if twice:
        yield Refusal(message=f"Parent tuning jobs must differ, got [{twice[0]}] twice.")
    for parent in parents:
        if parent.status not in TERMINAL:
            yield Refusal(
                message=f"Parent tuning job [{parent.name}] must be in a terminal state (Completed, Stopped or "
                f"Failed), got {parent.status}."
            )
    wanted = launched + (config["ResourceLimits"].get("MaxNumberOfTrainingJobs") or 1)
    if wanted > MOST_JOBS[strategy]:
        yield Refusal(
            code="ResourceLimitExceeded",
            message=f"Training jobs of the parent tuning jobs count towards the limit of {MOST_JOBS[strategy]} "
            f"training jobs per {strategy} hyperparameter tuning job, got {wanted} in all.",
        )
    for parent in parents:
        yield from _parent_refusals(request, parent)


def _parent_refusals(request: Part, parent: TuningJob) -> Iterator[Refusal]:
    objective = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    for key in ("MetricName", "Type"):
        if objective[key] != parent.objective[key]:
            yield Refusal(
                message=f"The objective metric must be the same as that of parent tuning job [{parent.name}]: {key} is "
                f"[{objective[key]}], there it is [{parent.objective[key]}]."
            )
    definition = request["TrainingJobDefinition"]
    own = _Hyperparameters(request["HyperParameterTuningJobConfig"], definition)
    theirs = _Hyperparameters(parent.config, parent.definition)
    if own.names != theirs.names:
        odd = sorted(own.names ^ theirs.names)
        yield Refusal(
            message="The set of tunable plus static HyperParameter names is not the same across current and parent "
            "tuning jobs. Please ensure this set is constant when warm starting. Note that previously static "
            "HyperParameters can be tuned in warm start jobs and vice versa. "
            f"Not in both, with parent [{parent.name}]: {odd}."
        )
    for name in sorted(own.kinds.keys() & theirs.kinds.keys()):
        if own.kinds[name] != theirs.kinds[name]:
            yield Refusal(
                message=f"The type of hyperparameter [{name}] must stay the same when warm starting: it is in "
                f"{own.kinds[name]}, in parent tuning job [{parent.name}] in {theirs.kinds[name]}."
            )
    changes = _changes(own, theirs)
    if sum(changes.values()) > MOST_CHANGES:
        yield Refusal(
            message=f"At most {MOST_CHANGES} changes of static values and from tunable to static are allowed when warm "
            f"starting, each categorical value counted, got {sum(changes.values())} against parent tuning job "
            f"[{parent.name}]: {dict(sorted(changes.items()))}."
        )
    if request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm":
        yield from _identity_refusals(definition, parent)


def _identity_refusals(definition: Part, parent: TuningJob) -> Iterator[Refusal]:
    image = definition["AlgorithmSpecification"].get("TrainingImage")
    theirs = parent.definition["AlgorithmSpecification"].get("TrainingImage")
    if image != theirs:
        yield Refusal(
            message="Warm start of type IdenticalDataAndAlgorithm needs the parent's training image: TrainingImage is "
            f"[{image}], in parent tuning job [{parent.name}] [{theirs}]."
        )
    own_data, their_data = _channels(definition), _channels(parent.definition)
    for channel in sorted(own_data.keys() | their_data.keys()):
        if own_data.get(channel) != their_data.get(channel):
            yield Refusal(
                message="Warm start of type IdenticalDataAndAlgorithm needs the parent's input data: channel "
                f"[{channel}] differs from that of parent tuning job [{parent.name}]."
            )


class _Hyperparameters:
    """Static and tuned hyperparameters of one job; what the service adds does not count."""

    def __init__(self, config: Part, definition: Part) -> None:
        static = definition.get("StaticHyperParameters") or {}
        self.static = {name: value for name, value in static.items() if name != OBJECTIVE_HYPERPARAMETER}
        self.ranges = config.get("ParameterRanges") or {}
        self.kinds = {entry["Name"]: kind for kind in _KINDS for entry in self.ranges.get(kind) or ()}
        self.names = self.static.keys() | set(tuned_names(self.ranges))

    def values_of(self, name: str) -> int:
        """How often a categorical counts: once a value; anything else counts once."""
        found = [entry for entry in self.ranges.get("CategoricalParameterRanges") or () if entry["Name"] == name]
        return len(found[0]["Values"]) if found else 1


def _changes(own: _Hyperparameters, parent: _Hyperparameters) -> dict[str, int]:
    """What counts towards the limit: tunable to static, and static values that differ (text for text counts both)."""
    changes = {}
    for name, value in own.static.items():
        if name in parent.kinds:
            changes[name] = parent.values_of(name)
        elif name in parent.static and parent.static[name] != value:
            changes[name] = 1 if _is_number(value) and _is_number(parent.static[name]) else 2
    return changes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _channels(definition: Part) -> dict[str, Any]:
    return {channel["ChannelName"]: channel["DataSource"] for channel in definition.get("InputDataConfig") or ()}
