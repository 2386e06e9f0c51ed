"""`retune sweep`: running jobs of ours that nobody follows; and the sign of life of those who follow one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from components import naming
from components.errors import NotFound, RetuneError
from components.settings import Settings, read_settings
from components.storage import ObjectStore
from components.tuning.engine import Engine
from components.tuning.sweep import PATIENCE_S, RunningJob, orphans
from components.tuning.training_jobs import training_jobs
from components.tuning.tuning_jobs import summaries, tags_of
from flows.engines import open_engine, open_store
from flows.history import stop_job
from flows.line import Line

_SIGN_S = 60.0


class SignOfLife:
    """Says once a minute, in the store, that somebody follows a tuning job; on the local engine nobody needs to.

    Args:
        line: Whose search.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._said_s = float("-inf")

    def say(self, tuning_job: str) -> None:
        """Say it if a minute is over. A store that does not answer is no reason to stop following."""
        if self._line.options.engine == "local" or time.monotonic() - self._said_s < _SIGN_S:
            return
        content = json.dumps({"at_s": time.time(), "by": self._line.settings.user}).encode()
        with suppress(RetuneError):
            self._line.store.put_bytes(content, _uri(self._line.settings, naming.follower_key(tuning_job)))
            self._said_s = time.monotonic()


def sweep(*, stop: bool, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Orphans in the cloud, as `retune sweep --json` prints them: `{"orphans": [{job, model, reason, stopped}]}`.

    Args:
        stop: Whether to stop them, and wait until they have ended.
        patience_s: How long a follower may be silent.
    """
    settings = read_settings()
    store = open_store(settings)
    engine = open_engine("sagemaker", settings, store, supervise=False)
    found = orphans(list(_running(engine, settings, store)), now_s=time.time(), patience_s=patience_s)
    rows = []
    for orphan in found:
        status = stop_job(orphan.job.name, "sagemaker")["status"] if stop else None
        rows.append(
            {
                "job": orphan.job.name,
                "model": orphan.job.model,
                "reason": orphan.reason,
                "stopped": status == "Stopped",
            }
        )
    return {"orphans": rows}


def _running(engine: Engine, settings: Settings, store: ObjectStore) -> Iterator[RunningJob]:
    for summary in summaries(engine.client, StatusEquals="InProgress"):
        name = summary["HyperParameterTuningJobName"]
        model = tags_of(engine.client, summary["HyperParameterTuningJobArn"]).get(naming.TAG_MODEL)
        if model is not None:  # else somebody else's
            yield _running_job(settings, store, name, model, summary["CreationTime"])

    for summary in training_jobs(engine.client, StatusEquals="InProgress", NameContains=naming.REFIT_MARK):
        name = summary["TrainingJobName"]
        if not naming.is_refit_job(name):
            continue  # a search's own, which AMT tags as the search: whoever follows that says nothing of this
        model = tags_of(engine.client, summary["TrainingJobArn"]).get(naming.TAG_MODEL)
        if model is not None:
            yield _running_job(settings, store, name, model, summary["CreationTime"])


def _running_job(settings: Settings, store: ObjectStore, name: str, model: str, created: datetime) -> RunningJob:
    return RunningJob(
        name=name,
        model=model,
        created_s=created.timestamp(),
        followed_s=_followed_s(settings, store, name),
        submitted=store.exists(_uri(settings, naming.submission_key(name))),
    )


def _followed_s(settings: Settings, store: ObjectStore, name: str) -> float | None:
    try:
        return float(json.loads(store.get_bytes(_uri(settings, naming.follower_key(name))))["at_s"])
    except NotFound:
        return None


def _uri(settings: Settings, key: str) -> str:
    return f"{settings.base_uri}/{key}"
