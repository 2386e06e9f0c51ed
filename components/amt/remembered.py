"""Tuning jobs that were run elsewhere and are known from somebody's records: they can be parents here.

Nothing of this is in AWS's API. A runner that starts with an empty home would else begin every search anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.amt import training_job
from components.amt.beyond_amt import recorded
from components.amt.records import TuningJob, float32
from components.amt.requests import as_kept
from components.amt.store import AmtStore, NameTaken


@dataclass(frozen=True, kw_only=True)
class RememberedTrial:
    """A training job that ended elsewhere.

    Attributes:
        tuned: The hyperparameters the search chose, as AMT's strings.
        objective: Its final objective value; None when it had none.
    """

    tuned: Mapping[str, str]
    objective: float | None


def remember(
    store: AmtStore,
    request: Mapping[str, Any],
    trials: Sequence[RememberedTrial],
    *,
    arn: str,
    created_s: float,
    parents: Sequence[str] = (),
) -> bool:
    """Record an ended tuning job; whether it was not known yet.

    Args:
        store: The record.
        request: Its CreateHyperParameterTuningJob.
        trials: In the order of their creation.
        arn: For it.
        created_s: When it was created, seconds since the epoch.
        parents: Tuning jobs it was warm-started from; those not known here are left out.
    """
    name = request["HyperParameterTuningJobName"]
    job = TuningJob(
        name=name,
        arn=arn,
        request=as_kept(request),
        tags=list(request.get("Tags") or ()),
        seed=0,
        status="Completed",
        created_s=created_s,
        modified_s=created_s,
        ended_s=created_s,
        parents=recorded(parents, store),
    )
    try:
        with store.transaction():
            store.add_tuning_job(job)
            for number, trial in enumerate(trials, start=1):
                made = training_job.propose(job, number=number, tuned=trial.tuned, now_s=created_s)
                ended = training_job.enter(made, "Completed", created_s)
                objective = None if trial.objective is None else float32(trial.objective)
                store.add_training_job(
                    replace(
                        ended,
                        status="Completed",
                        objective=objective,
                        objective_status="Failed" if objective is None else "Succeeded",
                        ended_s=created_s,
                    )
                )
    except NameTaken:
        return False
    return True
