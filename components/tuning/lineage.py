"""Which earlier searches may be a new one's parents, and the warm-start type that follows (design, section 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from components.amt.records import TERMINAL, TuningJob
from components.amt.samplers.sampler import combinations
from components.amt.warm_start_rules import STRATEGIES, first_refusal
from components.errors import InvalidInput

WarmStartType = Literal["IdenticalDataAndAlgorithm", "TransferLearning"]
_MOST_JOBS = 750


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """An earlier tuning job of the model.

    Attributes:
        described: DescribeHyperParameterTuningJob.
        snapshot: Content digest of its data; None when nothing says.
        created_s: Seconds since the epoch.
        best: Objective of its best trial; None without one.
        launched: Its training jobs.
    """

    described: Mapping[str, Any]
    snapshot: str | None
    created_s: float
    best: float | None
    launched: int

    @property
    def name(self) -> str:
        """Of the tuning job."""
        return str(self.described["HyperParameterTuningJobName"])


@dataclass(frozen=True, kw_only=True)
class Parents:
    """What a search is warm-started from.

    Attributes:
        type: AMT's WarmStartType; None without parents.
        names: Tuning jobs of the request's WarmStartConfig, the best first.
        rejected: Tuning job and why it is no parent, each.
        further: Tuning job and why AMT would not take it, each that the engine takes all the same.
    """

    type: WarmStartType | None = None
    names: tuple[str, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    further: tuple[tuple[str, str], ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """All tuning jobs the search knows."""
        return (*self.names, *(name for name, _ in self.further))

    def document(self) -> dict[str, Any]:
        """As the result document and `retune plan` show it; `beyond_amt` only where a parent goes beyond AMT."""
        beyond = {"beyond_amt": _told(self.further)} if self.further else {}
        return {"type": self.type, "parents": list(self.everyone), "rejected": _told(self.rejected), **beyond}

    def shortened(self, most: int) -> Parents:
        """With the latest rejections only, so that the document as JSON has at most so many characters."""
        kept = self
        while kept.rejected and len(json.dumps(kept.document())) > most:
            kept = replace(kept, rejected=kept.rejected[:-1])
        return kept


def _told(reasons: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"tuning_job": name, "reason": reason} for name, reason in reasons]


def choose_parents(
    request: Mapping[str, Any],
    earlier: Sequence[Earlier],
    *,
    snapshot: str,
    most: int,
    named: Sequence[str] = (),
) -> Parents:
    """Choose parents: the latest that AMT takes, the best of them first.

    Two searches on the same data, image and code are `IdenticalDataAndAlgorithm`; one parent that differs makes it
    `TransferLearning` for all, as AMT has one type for a job.

    Args:
        request: The new job's, without WarmStartConfig.
        earlier: What there is of this model.
        snapshot: Content digest of the new job's data.
        most: Parents at most.
        named: The user's choice; then each has to be possible.

    Raises:
        InvalidInput: A named one is not there, or AMT would not take it.
    """
    refuse_missing(named, earlier)
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in STRATEGIES:
        if named:
            raise InvalidInput(f"warm start needs strategy bayesian or random, got {strategy.lower()}")
        return Parents(rejected=tuple((each.name, f"strategy {strategy} takes no parents") for each in earlier))
    candidates = [each for each in earlier if not named or each.name in named]
    accepted, rejected = _select(request, sorted(candidates, key=lambda job: -job.created_s), most)
    if named and rejected:
        raise InvalidInput("; ".join(f"{name} cannot be a parent: {reason}" for name, reason in rejected))
    if not accepted:
        return Parents(rejected=tuple(rejected))
    maximize = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
    accepted.sort(key=lambda job: (-1 if maximize else 1) * (job.best or 0.0))
    identical = all(_is_identical(request, each, snapshot) for each in accepted)
    return Parents(
        type="IdenticalDataAndAlgorithm" if identical else "TransferLearning",
        names=tuple(each.name for each in accepted),
        rejected=tuple(rejected),
    )


def refuse_missing(named: Sequence[str], earlier: Sequence[Earlier]) -> None:
    """Raise InvalidInput for tuning jobs that the user names and that are not there."""
    missing = sorted(set(named) - {each.name for each in earlier})
    if missing:
        raise InvalidInput(f"warm_start names tuning jobs that are not there: {', '.join(missing)}")


def _select(
    request: Mapping[str, Any], latest_first: Sequence[Earlier], most: int
) -> tuple[list[Earlier], list[tuple[str, str]]]:
    config = request["HyperParameterTuningJobConfig"]
    jobs = int(config["ResourceLimits"]["MaxNumberOfTrainingJobs"])
    left = _MOST_JOBS - jobs
    # Configurations that parents have tried are not tried again: enough have to be left.
    fresh = combinations(config["ParameterRanges"]) - jobs
    accepted: list[Earlier] = []
    rejected: list[tuple[str, str]] = []
    for each in latest_first:
        reason = amt_refusal(request, each)
        if reason is None and len(accepted) == most:
            reason = f"older than the {most} latest that fit (warm_start.max_parents)"
        if reason is None and each.launched > left:
            reason = f"its {each.launched} training jobs would pass AMT's limit of {_MOST_JOBS} with the others'"
        if reason is None and each.launched > fresh:
            reason = f"the space is small: its {each.launched} configurations would leave too few new ones"
        if reason is None:
            accepted.append(each)
            left -= each.launched
            fresh -= each.launched
        else:
            rejected.append((each.name, reason))
    return accepted, rejected


def amt_refusal(request: Mapping[str, Any], earlier: Earlier) -> str | None:
    """Why AMT would refuse a parent, whatever others there are; None when it would not."""
    job = _as_job(earlier.described)
    if job.status not in TERMINAL:
        return f"it is {job.status}"
    if earlier.best is None:
        return "none of its trials has an objective"
    refusal = first_refusal(_warm(request, "TransferLearning"), [job], launched=0)
    return None if refusal is None else refusal.message


def _is_identical(request: Mapping[str, Any], earlier: Earlier, snapshot: str) -> bool:
    if earlier.snapshot != snapshot or _code_of(request) != _code_of(earlier.described):
        return False
    warm = _warm(request, "IdenticalDataAndAlgorithm")
    return first_refusal(warm, [_as_job(earlier.described)], launched=0) is None


def _code_of(job: Mapping[str, Any]) -> str | None:
    static: Mapping[str, str] = job["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return static.get("sagemaker_submit_directory")


def _warm(request: Mapping[str, Any], kind: WarmStartType) -> dict[str, Any]:
    return {**request, "WarmStartConfig": {"WarmStartType": kind}}


def _as_job(described: Mapping[str, Any]) -> TuningJob:
    return TuningJob(
        name=described["HyperParameterTuningJobName"],
        arn=described["HyperParameterTuningJobArn"],
        request=described,
        tags=(),
        seed=0,
        status=described["HyperParameterTuningJobStatus"],
        created_s=0.0,
        modified_s=0.0,
    )
