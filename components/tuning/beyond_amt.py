"""Parents that AMT would not take and the local engine does, and why each goes beyond it.

The request stays AMT's own: its WarmStartConfig names those that AMT takes, up to five. What goes beyond travels beside
it, to an engine that can. A search with any of these counts as TransferLearning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.amt.range_rules import OBJECTIVE_HYPERPARAMETER, tuned_names
from components.amt.records import TERMINAL
from components.amt.warm_start_rules import STRATEGIES
from components.errors import InvalidInput
from components.tuning.attempts import MOST_PARENTS, Attempt, Search
from components.tuning.lineage import Earlier, Parents, amt_refusal, choose_parents, refuse_missing

RANGE_KINDS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")
IDENTICAL = "IdenticalDataAndAlgorithm"
# Thirty of them and their names have to fit one tag of MLflow's.
_REASON = 120


@dataclass(frozen=True, kw_only=True)
class BeyondAmt:
    """What an engine offers beyond AMT's API.

    Attributes:
        create: CreateHyperParameterTuningJob with further parents, by name.
        parents_of: All parents that a tuning job was created with.
    """

    create: Callable[[Mapping[str, Any], Sequence[str]], None]
    parents_of: Callable[[str], Sequence[str]]


def choose_beyond_amt(
    request: Mapping[str, Any],
    earlier: Sequence[Earlier],
    *,
    snapshot: str,
    most: int,
    named: Sequence[str],
    beyond: BeyondAmt,
) -> Parents:
    """Choose parents: those AMT takes, then the latest others of the same objective, then the parents of all these.

    Nothing is added where AMT's own choice is IdenticalDataAndAlgorithm, unless it is named: trials on the very same
    data say more than others, and one type holds for all.

    Args:
        request: The new job's, without WarmStartConfig.
        earlier: What there is of this model, parents of named ones among it.
        snapshot: Content digest of the new job's data.
        most: Parents at most, parents' parents counted.
        named: The user's choice; then each has to be possible.
        beyond: Of the engine.

    Raises:
        InvalidInput: A named one is not there, or cannot be a parent even so.
    """
    refuse_missing(named, earlier)
    candidates = [each for each in earlier if not named or each.name in named]
    found = choose_parents(request, candidates, snapshot=snapshot, most=min(most, MOST_PARENTS))
    if found.type == IDENTICAL and not (named and found.rejected):
        kept = "nothing beyond AMT beside parents on identical data"
        return replace(found, rejected=tuple((name, f"{kept}; {reason}") for name, reason in found.rejected))
    # AMT takes other ranges too, and leaves out what is outside of them; here such trials count.
    same = [each for each in candidates if not _other_ranges(request, each)]
    found = choose_parents(request, same, snapshot=snapshot, most=min(most, MOST_PARENTS))
    why_not = dict(found.rejected)
    reasons: dict[str, str] = {}
    left: dict[str, str] = {}
    for each in sorted(candidates, key=lambda job: -job.created_s):
        if each.name in found.names:
            continue
        refusal = _impossible(request, each)
        if refusal is None and len(found.names) + len(reasons) == most:
            refusal = f"older than the {most} latest that fit (warm_start.max_parents)"
        if refusal is None:
            reasons[each.name] = _shortened(_how_beyond(request, each) or _too_many(request, each, why_not))
        else:
            left[each.name] = refusal
    if named and left:
        raise InvalidInput("; ".join(f"{name} cannot be a parent: {reason}" for name, reason in left.items()))
    _add_ancestors(request, earlier, found.names, reasons, most=most, beyond=beyond)
    left = {name: reason for name, reason in left.items() if name not in reasons}
    return replace(
        found,
        type="TransferLearning" if reasons else found.type,
        further=tuple(reasons.items()),
        rejected=tuple(left.items()),
    )


def further_parents(search: Search, attempt: Attempt, beyond: BeyondAmt | None) -> tuple[str, ...]:
    """What an attempt is to know beyond its request: of a later one, all that the attempts before it knew."""
    if beyond is None or search.further is None:
        return ()
    if not attempt.parents:
        return search.further
    known = [name for parent in attempt.parents for name in beyond.parents_of(parent)]
    return tuple(name for name in dict.fromkeys(known) if name not in attempt.parents)


def _add_ancestors(
    request: Mapping[str, Any],
    earlier: Sequence[Earlier],
    chosen: Sequence[str],
    reasons: dict[str, str],
    *,
    most: int,
    beyond: BeyondAmt,
) -> None:
    """Generation by generation, as long as there is room."""
    possible = {each.name for each in earlier if _impossible(request, each) is None}
    generation = [*chosen, *reasons]
    while generation:
        found: list[str] = []
        for child in generation:
            for name in beyond.parents_of(child):
                new = name in possible and name not in chosen and name not in reasons
                if new and len(chosen) + len(reasons) < most:
                    reasons[name] = f"parent of {child}"
                    found.append(name)
        generation = found


def _impossible(request: Mapping[str, Any], earlier: Earlier) -> str | None:
    """Why a search tells nothing about this one, whatever the rules; None when it may."""
    config, theirs = request["HyperParameterTuningJobConfig"], earlier.described["HyperParameterTuningJobConfig"]
    status = earlier.described["HyperParameterTuningJobStatus"]
    own, other = config["HyperParameterTuningJobObjective"], theirs["HyperParameterTuningJobObjective"]
    if config["Strategy"] not in STRATEGIES:
        return f"strategy {config['Strategy']} takes no parents"
    if status not in TERMINAL:
        return f"it is {status}"
    if earlier.best is None:
        return "none of its trials has an objective"
    if (own["MetricName"], own["Type"]) != (other["MetricName"], other["Type"]):
        return f"its objective is another: {other['Type']} {other['MetricName']}"
    tuned = set(tuned_names(config["ParameterRanges"]))
    if not tuned & {*tuned_names(theirs["ParameterRanges"]), *_static(earlier.described)}:
        return "it has none of the hyperparameters that are tuned now"
    return None


def _how_beyond(request: Mapping[str, Any], earlier: Earlier) -> str | None:
    """Hyperparameters that came and went or have another range; None when that is not what AMT minds."""
    own, theirs = _names(request), _names(earlier.described)
    changes = (
        (own - theirs, "added"),
        (theirs - own, "dropped"),
        (_other_ranges(request, earlier), "of another range"),
    )
    parts = [f"{', '.join(sorted(names))} {what}" for names, what in changes if names]
    return f"hyperparameters: {'; '.join(parts)}" if parts else None


def _too_many(request: Mapping[str, Any], earlier: Earlier, why_not: Mapping[str, str]) -> str:
    """AMT's own reason; a parent that is one too many is no worse than the others."""
    return amt_refusal(request, earlier) or f"more than AMT takes: {why_not[earlier.name]}"


def _other_ranges(request: Mapping[str, Any], earlier: Earlier) -> set[str]:
    """Hyperparameters whose range or kind has changed so that a trial of the earlier search may lie outside."""
    own, theirs = _ranges(request), _ranges(earlier.described)
    return {name for name in own.keys() & theirs.keys() if not _holds(own[name], theirs[name])}


def _ranges(job: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    return {entry["Name"]: {"kind": kind, **entry} for kind in RANGE_KINDS for entry in ranges.get(kind) or ()}


def _holds(own: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    if own["kind"] != theirs["kind"]:
        return False
    if "Values" in own:
        return set(theirs["Values"]) <= set(own["Values"])
    return float(own["MinValue"]) <= float(theirs["MinValue"]) <= float(theirs["MaxValue"]) <= float(own["MaxValue"])


def _names(job: Mapping[str, Any]) -> set[str]:
    names = {*tuned_names(job["HyperParameterTuningJobConfig"]["ParameterRanges"]), *_static(job)}
    return names - {OBJECTIVE_HYPERPARAMETER}


def _static(job: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = job["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[: _REASON - 3]}..."
