"""The line in two halves, for callers that cannot wait: start the search and return; later fetch it and go on.

What the first half decided is kept in the store beside the data, so that the second half is the same run, whatever the
data are by then, and needs nothing but the job's name and the code that was submitted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, TextIO, cast

from components import naming
from components.decision import Decision
from components.errors import Damaged, InvalidInput, NotFound
from components.settings import read_settings
from components.tuning.attempts import UNFINISHED
from components.tuning.engine import begin
from components.tuning.lineage import Parents
from components.tuning.trial_reader import TrialReader
from flows.data import RunData, channels_of, data_of, kept_of
from flows.engines import open_engine, open_store
from flows.line import Line, RunIdentity, RunOptions, open_line
from flows.local_supervisor import ensure_supervisor
from flows.search import Run


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A submitted run.

    Attributes:
        line: Its inputs.
        run: Which run.
        parents: What its search was warm-started from.
    """

    line: Line
    run: Run
    parents: Parents


def submit(options: RunOptions, *, progress: TextIO) -> dict[str, Any]:
    """Start the search and return while it runs: in the cloud, or under the local AMT that this home serves.

    Returns:
        `{model, mode, reason, run_key, snapshot, engine, tuning_job, warm_start}`; `tuning_job` is that of the version
        it rests on when nothing changed.
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
            rests_on = None if run.base is None else run.base.result.get("tuning_job")
            return {**document, "tuning_job": rests_on, "warm_start": Parents().document()}
        name, parents = _start(line, run)
        return {**document, "tuning_job": name, "warm_start": parents.document()}


def line_of(job: str) -> tuple[Line, dict[str, Any]]:
    """The inputs of the run that a tuning job was submitted for, and what was kept of it.

    Raises:
        NotFound: Nothing was submitted under that name.
        Damaged: What was kept is not what `submit` writes.
        InvalidInput: Spec or code are not those that were submitted.
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
    line = open_line(options, settings)
    for what, before, now in (
        ("the spec", kept["spec_digest"], line.spec_digest),
        ("the code", kept["code_digest"], line.code_digest),
    ):
        if before != now:
            raise InvalidInput(f"{what} must be as it was when {job} was submitted, got another: check out that commit")
    return line, kept


def take_up(job: str) -> Submitted:
    """The run that a tuning job was submitted for; its data are fetched and checked. Raises as `line_of`."""
    line, kept = line_of(job)
    warm = kept["warm_start"]
    return Submitted(
        line=line,
        run=Run(
            identity=RunIdentity(digest=kept["run_digest"], generation=kept["generation"]),
            snapshot=data_of(line, kept),
            decision=Decision(mode="tune", reason=kept["reason"]),
            base=None,
        ),
        parents=Parents(
            type=warm["type"],
            names=tuple(warm["parents"]),
            rejected=tuple((each["tuning_job"], each["reason"]) for each in warm["rejected"]),
        ),
    )


def _start(line: Line, run: Run) -> tuple[str, Parents]:
    from flows.lineage import first_parents, parents_on_record
    from flows.money import purse_of, settle_up
    from flows.tuning_requests import NO_PARENTS, search_of

    engine = open_engine(line.options.engine, line.settings, line.store, supervise=False)
    settle_up(line)
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
    kept = {
        "options": asdict(line.options),
        "run_digest": run.identity.digest,
        "generation": run.identity.generation,
        **kept_of(run.snapshot),
        "reason": run.decision.reason,
        "spec_digest": line.spec_digest,
        "code_digest": line.code_digest,
    }

    def keep(name: str, parents: Parents) -> None:
        content = json.dumps({**kept, "warm_start": parents.document()}).encode()
        line.store.put_bytes(content, f"{line.settings.base_uri}/{naming.submission_key(name)}")

    if parents is not None:
        # Before the job is there, so that none is without it.
        keep(search.name_of(1), parents)
    attempts, _ = begin(engine, search, TrialReader(engine.client))
    name = str(attempts[-1]["HyperParameterTuningJobName"])
    if parents is None or name != search.name_of(1):
        keep(name, parents or NO_PARENTS)
    engine.close()
    if line.options.engine == "local" and attempts[-1]["HyperParameterTuningJobStatus"] in UNFINISHED:
        # After the job: a server that finds nothing to do ends itself.
        ensure_supervisor(line.settings)
    return name, parents or NO_PARENTS
