"""What Prefect's UI shows of a run: a progress bar while the search runs, its trials and report after it.

Decoration: a server that does not take an artifact must not cost a trained model, so refusals are logged and passed
over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from components.tuning.engine import Progress
from components.tuning.result import Trial

_log = logging.getLogger(__name__)


class ProgressArtifact:
    """The share of finished trials, as a progress artifact of the flow run."""

    def __init__(self, *, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._id: UUID | None = None
        self._done = -1

    def update(self, progress: Progress) -> None:
        """Show how far the search is; only a change of the finished trials costs a call."""
        done = sum(trial.is_terminal for trial in progress.trials)
        if done == self._done:
            return
        share = 100.0 * min(1.0, done / self._max_jobs)
        try:
            if self._id is None:
                # Sync calls from a sync task: prefect's functions answer with values then, not with coroutines.
                made = create_progress_artifact(
                    progress=share, key=artifact_key("progress", progress.tuning_job), description="Finished trials"
                )
                self._id = made if isinstance(made, UUID) else None
            else:
                update_progress_artifact(artifact_id=self._id, progress=share)
            self._done = done
        except Exception:  # noqa: BLE001  decoration, see above
            _log.debug("the progress artifact was not taken", exc_info=True)


def trials_table(tuning_job: str, trials: Sequence[Trial]) -> None:
    """The trials as a table artifact of the flow run."""
    rows = [
        {
            "trial": trial.number,
            "training job": trial.training_job,
            "status": trial.status,
            "objective": trial.objective,
            "training seconds": trial.training_seconds,
            **trial.hyperparameters,
        }
        for trial in trials
    ]
    try:
        create_table_artifact(table=rows, key=artifact_key("trials", tuning_job), description=f"Trials of {tuning_job}")
    except Exception:  # noqa: BLE001  decoration, see above
        _log.debug("the table artifact was not taken", exc_info=True)


def report_link(tuning_job: str, place: str) -> None:
    """The report as a link artifact of the flow run."""
    try:
        create_link_artifact(
            link=place,
            link_text=f"Report of {tuning_job}",
            key=artifact_key("report", tuning_job),
            description=f"Trials of {tuning_job}, drawn: `retune report {tuning_job}` writes the same file.",
        )
    except Exception:  # noqa: BLE001  decoration, see above
        _log.debug("the link artifact was not taken", exc_info=True)


def cancel_asked() -> bool:
    """Whether somebody cancelled this flow run in Prefect.

    Prefect runs no hook for a flow without a worker, so the run reads its own state.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return False
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(context.flow_run.id).state
    except Exception:  # noqa: BLE001  a server that is away cancels nothing
        _log.debug("the flow run's state could not be read", exc_info=True)
        return False
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def artifact_key(kind: str, name: str) -> str:
    """A key as Prefect takes it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{name}".lower()).strip("-")
