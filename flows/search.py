"""The search of a run: the engine followed to its end, every trial mirrored in MLflow and shown while it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from components import naming
from components.errors import TuningFailed
from components.registry.tracking import RetrainingRun
from components.registry.trial_log import TrialLog
from components.tuning.attempts import Attempt, find_attempts
from components.tuning.engine import Progress, tune
from components.tuning.lineage import Parents
from components.tuning.result import TuningResult
from flows.artifacts import ProgressArtifact, trials_table
from flows.data import channels_of
from flows.engines import open_engine
from flows.events import tell
from flows.following import (
    LOCAL_POLL_S,
    TAG_CHARACTERS,
    TRACKING_WAIT_S,
    Run,
    Searched,
    asked_to_stop,
    end_tracking,
    open_tracking,
    stops_job,
)
from flows.line import Line
from flows.lineage import first_parents, parents_on_record
from flows.money import purse_of, settle_up
from flows.progress import reporter
from flows.resuming import Resumption
from flows.sweep import SignOfLife
from flows.tuning_requests import search_of


def run_search(line: Line, run: Run, parents: Parents | None = None) -> Searched:
    """Create the tuning job or take it up again, and follow it to its end.

    Args:
        line: Inputs.
        run: Which run.
        parents: Those a job that is there already was created with, where that is known.

    Raises:
        TuningFailed: No trial has an objective, or the tuning job failed midway.
        Cancelled: Stopped on request.
    """
    channels = channels_of(run.snapshot)
    purse = purse_of(line)
    if purse is not None:
        settle_up(line)  # what others left reserved and have ended since is free again
    engine = open_engine(line.options.engine, line.settings, line.store, supervise=True, warm_for=line.image)
    digest = run.snapshot.digest
    first = first_parents(line, run.identity, engine, channels=channels, snapshot_digest=digest)
    parents = first or parents
    search = search_of(
        line,
        run.identity,
        channels=channels,
        snapshot_digest=run.snapshot.digest,
        purse=purse,
        parents=parents or parents_on_record(line, run.identity, engine),
    )
    if parents is not None and parents.everyone:
        reporter().stage(f"warm start: {parents.type} from {', '.join(parents.everyone)}")
    poll_s = line.settings.poll_s if purse is not None else LOCAL_POLL_S
    log = TrialLog(open_run=lambda: _open_run(line, run, parents), curve=engine.curve)
    artifact = ProgressArtifact(max_jobs=search.max_jobs)
    sign = SignOfLife(line)
    before = () if first is not None else find_attempts(engine.client, search)
    resumption = Resumption([each["HyperParameterTuningJobName"] for each in before])

    def observe(progress: Progress) -> None:
        resumption.tell(progress)
        sign.say(progress.tuning_job)
        log.offer(progress.trials)
        artifact.update(progress)
        reporter().search(progress, max_jobs=search.max_jobs, maximize=search.maximize)

    try:
        with asked_to_stop(poll_s) as cancelled:
            result = tune(
                engine, search, observe=observe, cancelled=cancelled, poll_s=poll_s, stops_job=stops_job(line)
            )
        settle_up(line)
        result = _with_model(line, result)
        if result.ended_by is not None:
            reporter().stage(f"search ended early; {result.ended_by}")
            tell(line.settings, "retune.budget-stopped", model=line.spec.model, reason=result.ended_by)
        trials_table(result.tuning_job, result.trials)
        if result.status == "Failed" and result.best is not None:
            raise TuningFailed(  # noqa: TRY301  the same
                f"tuning job {result.tuning_job} failed after {len(result.trials)} trials: {result.failure}; "
                "the same command goes on with what is left"
            )
        if result.best is None:
            raise TuningFailed(_why_none(line, result))  # noqa: TRY301  the search's end is told as its failure
        reporter().stage(
            f"search: {result.tuning_job}, best {result.best.objective:.6g} of {len(result.trials)} trials"
        )
        return Searched(result=result, run=log.close(timeout_s=TRACKING_WAIT_S))
    except BaseException as error:
        end_tracking(log, error)
        raise
    finally:
        reporter().search_ended()
        engine.close()


def _with_model(line: Line, result: TuningResult) -> TuningResult:
    """The result whose best trial has a model: one that was stopped before it wrote any cannot be registered."""
    while (best := result.best) is not None and best.status == "Stopped":
        if line.store.exists(model_uri(line, best.training_job)):
            break
        reporter().stage(f"search: {best.training_job}, at {best.objective:.6g}, was stopped before it left a model")
        result = replace(result, modelless=result.modelless | {best.training_job})
    return result


def model_uri(line: Line, training_job: str) -> str:
    """Where a training job's model is."""
    output = f"{line.settings.base_uri}/{naming.output_prefix(line.spec.model)}"
    return f"{output}/{training_job}/output/model.tar.gz"


def _request(line: Line, run: Run) -> dict[str, Any]:
    """The first attempt's request without parents: what a fresh runner needs to take the search for a parent."""
    search = search_of(
        line,
        run.identity,
        channels=channels_of(run.snapshot),
        snapshot_digest=run.snapshot.digest,
        purse=None,
        draft=True,
    )
    return dict(search.request_for(Attempt(number=1, jobs=search.max_jobs, used_s=0)))


def _open_run(line: Line, run: Run, parents: Parents | None) -> RetrainingRun:
    known = {}
    if parents is not None:
        # MLflow cuts a longer tag, and a cut document is none.
        known = {naming.TAG_WARM_START: json.dumps(parents.shortened(TAG_CHARACTERS).document())}
        request = json.dumps(_request(line, run))
        if len(request) <= TAG_CHARACTERS:
            known[naming.TAG_REQUEST] = request
    return open_tracking(line, run, known)


def _why_none(line: Line, result: TuningResult) -> str:
    failures = [trial.failure for trial in result.trials if trial.failure]
    cause = f"; the first failed trial says: {' '.join(failures[0].split())[:400]}" if failures else ""
    if result.modelless:
        return f"tuning job {result.tuning_job} ended without a model: every trial with an objective was stopped before"
    law = result.failure or f"no trial emitted {line.spec.tuning.objective.metric}"
    if result.failure is None and not result.count("Completed") and not failures:
        law = "its time ran out before any trial had ended: raise budget.max_runtime_s"
    return f"tuning job {result.tuning_job} ended without a model: {law}{cause}"
