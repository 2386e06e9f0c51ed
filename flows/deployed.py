"""What holds for runs that a worker starts for a flow deployment: whose spec, one of a model at a time, no idle waits.

Parameters of a deployment's run may come from a form, a schedule or an event. They choose among the specs of the
deployed code and turn what costs time and money; they name no code and no image.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.runtime import flow_run

from components.errors import Refused
from flows.artifacts import artifact_key

SPECS = Path("flows/specs")
COLLECT = "retrain/collect"
_SETTABLE = (
    "tuning.",
    # Not the month's cap: it is everybody's, and a form that raises it spends their money.
    "budget.max_runtime_s=",
    "budget.max_cost_usd=",
    "budget.on_cap=",
    "warm_start.",
    "decision.",
    "training.hyperparameters.",
    "training.spot",
    "data.split.",
)
_MOST_STARTS = 5
# How long after a worker was killed its model is free again.
_LEASE_S = 60.0

_log = logging.getLogger(__name__)


def is_deployed() -> bool:
    """Whether this flow run belongs to a flow deployment."""
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


def refuse_endless() -> None:
    """Raise Refused for a run that was started again and again: what kills each would kill the next as well."""
    started = flow_run.run_count if is_deployed() else 0
    if started > _MOST_STARTS:
        raise Refused(
            f"a flow run is started at most {_MOST_STARTS} times, got {started}: the worker's log tells what ended it; "
            "a new run goes on with what this one had"
        )


def refuse_foreign(spec: str, overrides: Sequence[str]) -> str:
    """Raise Refused for a spec that is not of the deployed code, and for overrides that could bring in other code.

    Args:
        spec: Path, from the deployed code's folder.
        overrides: `a.b=value` each.

    Returns:
        The spec's path as every clone of the code has it.
    """
    path = Path(spec).resolve()
    if not path.is_relative_to(SPECS.resolve()) or path.suffix not in {".yaml", ".yml"}:
        raise Refused(f"spec of a flow deployment must be a YAML file under {SPECS} of the deployed code, got {spec}")
    for override in overrides:
        if not override.startswith(_SETTABLE):
            raise Refused(
                f"overrides of a flow deployment must begin with one of {', '.join(_SETTABLE)}, got {override}: "
                "put it into the spec"
            )
    return str(SPECS / path.relative_to(SPECS.resolve()))


@contextmanager
def one_run_of(model: str) -> Iterator[None]:
    """Wait until no other deployed run trains this model, then hold it: the later one finds the first one's result.

    A limit of Prefect's, so it holds across deployments and machines. Whoever is killed loses it after a minute.
    """
    name = artifact_key("retune-model", model)  # Prefect takes no other characters; two alike wait for each other
    # Another run may make it at the same moment: it reads, then creates.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(name, limit=1)
    with concurrency(name, lease_duration=_LEASE_S, strict=True, raise_on_lease_renewal_failure=False):
        yield


def collect_later(job: str, look_again_s: int) -> None:
    """Have the deployment `retrain/collect` look at a job, in case no event tells of its end.

    However many runs ask, there is one look in each interval.

    Args:
        job: Tuning job, or a refit's training job.
        look_again_s: Seconds from now.
    """
    due_s = time.time() + look_again_s
    try:
        run_deployment(
            COLLECT,
            parameters={"job": job, "look_again_s": look_again_s},
            scheduled_time=datetime.fromtimestamp(due_s, UTC),
            timeout=0,
            as_subflow=False,
            idempotency_key=f"{job} {int(due_s // look_again_s)}",
        )
    except ObjectNotFound:
        _log.warning("there is no deployment %s: retune collect %s goes on when the job has ended", COLLECT, job)
