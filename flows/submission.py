"""The line in two halves, for callers that cannot wait: start the search and return; later fetch it and go on.

What the first half decided is kept in the store beside the data, so that the second half is the same run, whatever the
data are by then, and needs nothing but the job's name and the code that was submitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TextIO, cast

from components import naming
from components.data.drift import Drift
from components.decision import Decision
from components.errors import Damaged, InvalidInput, NotFound
from components.registry.origin import Origin
from components.settings import read_settings
from components.tuning.attempts import UNFINISHED
from components.tuning.engine import Engine, begin
from components.tuning.lineage import Parents
from components.tuning.refit import begin_refit
from components.tuning.trial_reader import TrialReader
from flows.data import RunData, channels_of, data_of, kept_of
from flows.engines import open_engine, open_store
from flows.following import Run
from flows.line import Line, RunIdentity, RunOptions, open_line
from flows.local_supervisor import ensure_supervisor


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A submitted run.

    Attributes:
        line: Its inputs.
        run: Which run.
        parents: What its search was warm-started from; none of a refit.
    """

    line: Line
    run: Run
    parents: Parents


def submit(options: RunOptions, *, progress: TextIO) -> dict[str, Any]:
    """Start the search, or a refit's training job, and return while it runs: in the cloud or under this home's AMT.

    Returns:
        `{model, mode, reason, run_key, snapshot, engine, tuning_job, training_job, warm_start}`: one of the two jobs is
        null; they are those of the version it rests on when nothing changed.
    """
    from flows import tasks
    from flows.local_run import refuse_early
    from flows.progress import for_stream, reporting_to

    line = open_line(options)
    with reporting_to(for_stream(progress)):
        refuse_early(line)
        # The stages without Prefect: nothing here needs a server, and the caller's time is short.
        snapshot: RunData = cast(Any, tasks.take_snapshot).fn(line)
        run: Run = cast(Any, tasks.decide).fn(line, snapshot)
        document = {
            "model": line.spec.model,
            "mode": run.decision.mode,
            "reason": run.decision.reason,
            "run_key": run.identity.key,
            "snapshot": snapshot.digest,
            "engine": options.engine,
        }
        if run.decision.mode == "skip":
            assert run.base is not None  # noqa: S101  a skip was decided on it
            rests_on = {"tuning_job": run.base.result.get("tuning_job"), "training_job": run.base.training_job}
            return {**document, **rests_on, "warm_start": Parents().document()}
        name, parents = _start(line, run)
        is_refit = run.origin is not None
        jobs = {"tuning_job": None if is_refit else name, "training_job": name if is_refit else None}
        return {**document, **jobs, "warm_start": parents.document()}


def line_of(job: str) -> tuple[Line, dict[str, Any]]:
    """The inputs of the run that a job was submitted for, and what was kept of it; see also `refuse_changed`.

    Raises:
        NotFound: Nothing was submitted under that name.
        Damaged: What was kept is not what `submit` writes.
        InvalidInput: The spec is no longer there.
    """
    settings = read_settings()
    uri = f"{settings.base_uri}/{naming.submission_key(job)}"
    try:
        kept = dict(json.loads(open_store(settings).get_bytes(uri)))
        options = RunOptions(**{**kept["options"], "overrides": tuple(kept["options"]["overrides"])})
    except (ValueError, LookupError, TypeError) as error:
        raise Damaged(f"{uri} must be as retune submit writes it, got: {error!r}; submit again") from None
    except NotFound:
        raise NotFound(
            f"nothing was submitted as {job}: {uri} is not there; retune run attaches to a job by itself"
        ) from None
    try:
        line = open_line(options, settings)
    except NotFound as gone:  # its own error, for nothing submitted is no failure where jobs of others end too
        raise InvalidInput(
            f"the spec must be as it was when {job} was submitted, but {gone}: check out that commit"
        ) from None
    return line, kept


def refuse_changed(job: str, line: Line, kept: Mapping[str, Any]) -> None:
    """Raise InvalidInput where spec or code are not those that a job was submitted with."""
    for what, before, now in (
        ("the spec", kept["spec_digest"], line.spec_digest),
        ("the code", kept["code_digest"], line.code_digest),
    ):
        if before != now:
            raise InvalidInput(f"{what} must be as it was when {job} was submitted, got another: check out that commit")


def take_up(job: str, line: Line, kept: Mapping[str, Any]) -> Submitted:
    """The run that a job was submitted for; its data are fetched and checked. Raises as `refuse_changed`.

    Args:
        job: Its tuning job, or a refit's training job.
        line: With `kept` what `line_of` says of it.
        kept: The other part.
    """
    refuse_changed(job, line, kept)
    warm, drift, origin = kept["warm_start"], kept.get("drift"), kept.get("origin")
    return Submitted(
        line=line,
        run=Run(
            identity=RunIdentity(digest=kept["run_digest"], generation=kept["generation"]),
            snapshot=data_of(line, kept),
            decision=Decision(
                mode="tune" if origin is None else "refit",
                reason=kept["reason"],
                drift=None if drift is None else Drift.of(drift),
            ),
            base=None,
            origin=None if origin is None else Origin(**origin),
        ),
        parents=Parents(
            type=warm["type"],
            names=tuple(warm["parents"]),
            rejected=tuple((each["tuning_job"], each["reason"]) for each in warm["rejected"]),
        ),
    )


def _start(line: Line, run: Run) -> tuple[str, Parents]:
    from flows.money import settle_up

    engine = open_engine(line.options.engine, line.settings, line.store, supervise=False)
    settle_up(line)
    kept = {
        "options": asdict(line.options),
        "run_digest": run.identity.digest,
        "generation": run.identity.generation,
        **kept_of(run.snapshot),
        "reason": run.decision.reason,
        "drift": None if run.decision.drift is None else run.decision.drift.document(),
        "origin": None if run.origin is None else asdict(run.origin),
        "spec_digest": line.spec_digest,
        "code_digest": line.code_digest,
    }

    def keep(name: str, parents: Parents) -> None:
        content = json.dumps({**kept, "warm_start": parents.document()}).encode()
        line.store.put_bytes(content, f"{line.settings.base_uri}/{naming.submission_key(name)}")

    started = _start_search(line, run, engine, keep) if run.origin is None else _start_refit(line, run, engine, keep)
    engine.close()
    name, parents, runs = started
    if line.options.engine == "local" and runs:
        # After the job: a server that finds nothing to do ends itself.
        ensure_supervisor(line.settings)
    return name, parents


Keep = Callable[[str, Parents], None]


def _start_search(line: Line, run: Run, engine: Engine, keep: Keep) -> tuple[str, Parents, bool]:
    from flows.lineage import first_parents, parents_on_record
    from flows.money import purse_of
    from flows.tuning_requests import NO_PARENTS, search_of

    digest, channels = run.snapshot.digest, channels_of(run.snapshot)
    parents = first_parents(line, run.identity, engine, channels=channels, snapshot_digest=digest)
    search = search_of(
        line,
        run.identity,
        channels=channels,
        snapshot_digest=digest,
        purse=purse_of(line),
        parents=parents or parents_on_record(line, run.identity, engine),
    )
    if parents is not None:
        # Before the job is there, so that none is without it.
        keep(search.name_of(1), parents)
    attempts, _ = begin(engine, search, TrialReader(engine.client))
    name = str(attempts[-1]["HyperParameterTuningJobName"])
    if parents is None or name != search.name_of(1):
        keep(name, parents or NO_PARENTS)
    return name, parents or NO_PARENTS, attempts[-1]["HyperParameterTuningJobStatus"] in UNFINISHED


def _start_refit(line: Line, run: Run, engine: Engine, keep: Keep) -> tuple[str, Parents, bool]:
    from flows.money import purse_of
    from flows.refit import refit_of

    job = refit_of(line, run, purse=purse_of(line))
    keep(job.name_of(1), Parents())  # before it is there, as above
    last = begin_refit(engine, job)[-1]
    name = str(last["TrainingJobName"])
    if name != job.name_of(1):
        keep(name, Parents())
    return name, Parents(), last["TrainingJobStatus"] in UNFINISHED
