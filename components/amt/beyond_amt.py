"""Earlier searches that AMT would not take as parents: more than five, parents' parents, other hyperparameters.

Nothing of this is in AWS's API. It travels beside a request, never in it, no client reaches it over the wire, and a
WarmStartConfig means here what it means there. Such a parent is always of another task (TransferLearning): its trials
lead the search as far as they agree with what the new job sees. How trials over other hyperparameters or ranges are
read is `samplers.foreign_trials`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.amt.records import TERMINAL, TuningJob
from components.amt.store import AmtStore
from components.amt.validation import CREATE, client_error
from components.amt.warm_start_rules import STRATEGIES

MARK = "beyond_amt"
_DELETED = "~"


def resolved(request: Mapping[str, Any], names: Sequence[str], store: AmtStore) -> list[dict[str, Any]]:
    """Which jobs are meant, as `warm_start.resolved` has it, marked; those of the WarmStartConfig are left out.

    Args:
        request: CreateHyperParameterTuningJob; keeps all rules.
        names: Tuning jobs.
        store: The record.

    Raises:
        ClientError: ResourceNotFound for one that is not there; ValidationException for one that runs or has another
            objective, or for a strategy that takes no parents.
    """
    config = request["HyperParameterTuningJobConfig"]
    named = (request.get("WarmStartConfig") or {}).get("ParentHyperParameterTuningJobs") or ()
    taken = {entry["HyperParameterTuningJobName"].lower() for entry in named}
    found: list[dict[str, Any]] = []
    for name in names:
        parent = store.tuning_job(name)
        if parent is None:
            text = f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
            raise client_error("ResourceNotFound", text, CREATE)
        if parent.name.lower() in taken:
            continue
        taken.add(parent.name.lower())
        refusal = _refusal(config, parent)
        if refusal is not None:
            raise client_error("ValidationException", refusal, CREATE)
        found.append({"arn": parent.arn, "created_s": parent.created_s, MARK: True})
    return found


def recorded(parents: Sequence[str], store: AmtStore) -> list[dict[str, Any]]:
    """Parents of a job that ran elsewhere, of those that are known here; marked, for what they were is not known."""
    found = [job for name in parents if (job := store.tuning_job(name)) is not None]
    return [{"arn": job.arn, "created_s": job.created_s, MARK: True} for job in found]


def parents_of(name: str, store: AmtStore) -> tuple[str, ...]:
    """The parents a tuning job was created with and that are still there, whichever rules took them."""
    job = store.tuning_job(name)
    found = [store.tuning_job_of(entry["arn"], entry["created_s"]) for entry in (job.parents if job else ())]
    return tuple(parent.name for parent in found if parent is not None and _DELETED not in parent.name)


def _refusal(config: Mapping[str, Any], parent: TuningJob) -> str | None:
    if config["Strategy"] not in STRATEGIES:
        return f"Parents need Strategy Bayesian or Random, got {config['Strategy']}."
    if parent.status not in TERMINAL:
        return f"Parent tuning job [{parent.name}] must be in a terminal state, got {parent.status}."
    objective = config["HyperParameterTuningJobObjective"]
    if any(objective[key] != parent.objective[key] for key in ("MetricName", "Type")):
        return f"The objective metric must be the same as that of parent tuning job [{parent.name}]."
    return None
