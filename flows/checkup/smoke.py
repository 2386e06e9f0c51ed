"""One training job of the very request on this machine, on a few rows: does it run, and does its metric come through?

In a home of its own that goes away afterwards, so it leaves nothing behind and costs nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from components.data import sample
from components.data.data_spec import ChannelsSpec
from components.data.schema import channel_path
from components.errors import InvalidData, InvalidInput, TuningFailed
from components.settings import LOCAL_BUCKET
from components.tuning.attempts import Attempt
from components.tuning.definition import Channel
from components.tuning.engine import Engine
from components.tuning.result import Trial
from components.tuning.trial_reader import collect
from flows.checkup.case import Case
from flows.checkup.finding import Check, Verdict, failed, ok, warning
from flows.checkup.inputs import Data
from flows.engines import open_engine
from flows.line import Line, RunOptions, identify, open_line
from flows.tuning_requests import search_of

ROWS = 1000
_NEWLINE = b"\n"
# One training job may take this long, and everything around it (its requirements installed first) that long.
MOST_TRAINING_S = 120
MOST_S = 600
_LAST_LINES = 12
# What says nothing of the training itself, and this machine's engine refuses because it has nothing like it.
_CLOUD_ONLY = ("RetryStrategy", "EnableNetworkIsolation")
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """The one training job, ended.

    Attributes:
        trial: It; None when there was time for none.
        values: Every value of the objective it emitted.
        others: Other metrics that were found in its output.
        log: Its output.
        job_failure: Why the tuning job failed.
        seconds: From Create to its end.
    """

    trial: Trial | None
    values: tuple[float, ...]
    others: tuple[str, ...]
    log: tuple[str, ...]
    job_failure: str | None
    seconds: float


def checks(case: Case, data: Data) -> Iterator[Check]:
    """The trial."""
    yield Check(
        name="smoke trial",
        target=lambda: case.spec.training.entry_point or "xgboost",
        look=lambda: _try(case, data),
        needs=("settings", "project", "spec", "data"),
    )


def _try(case: Case, data: Data) -> Verdict:
    line = _small_line(case)
    base_uri = f"{line.settings.base_uri}/smoke"
    if data.in_place is not None:
        channels, on = _small_in_place(case, data.in_place, line, base_uri), "samples of its channels"
        if channels is None:
            return warning("not tried: a channel has no table and no object small enough to try it with")
    else:
        prepared = data.prepared
        if isinstance(prepared, InvalidData):
            return warning("not tried: the first rows alone cannot be prepared")
        files = sample.small_channels(prepared, ROWS)
        for path, content in files.items():
            line.store.put_bytes(content, f"{base_uri}/{path}")
        channels = {part: Channel(uri=f"{base_uri}/{part}/") for part in ("train", "validation")}
        on = f"{files[channel_path('train')].count(_NEWLINE):,} rows"
    search = search_of(
        line,
        identify(line, snapshot_digest="", generation=0),
        channels=channels,
        snapshot_digest="0",
        purse=None,
    )
    request = dict(search.request_for(Attempt(number=1, jobs=1, used_s=0)))
    with closing(open_engine("local", line.settings, line.store, supervise=True)) as engine:
        trained = _train(engine, request)
    return _judged(line, trained, on)


def _small_in_place(case: Case, spec: ChannelsSpec, line: Line, base_uri: str) -> dict[str, Channel] | None:
    """The channels' first objects or rows as channels of the trial; None when one has nothing that is small."""
    channels = {}
    for name, channel in spec.trained_on.items():
        contents = sample.of_channel(channel, case.store)
        if not contents:
            return None
        for number, each in enumerate(contents):
            line.store.put_bytes(each.content, f"{base_uri}/{name}/{number:03d}/{each.name.rpartition('/')[2]}")
        # Streaming from a pipe is the cloud's; the files are the same.
        mode = "File" if channel.input_mode == "Pipe" else channel.input_mode
        channels[name] = Channel(uri=f"{base_uri}/{name}/", content_type=channel.content_type, input_mode=mode)
    return channels


def _small_line(case: Case) -> Line:
    """The run's inputs with one short training job, here, on a home that goes away."""
    seconds = min(case.spec.training.max_runtime_s, MOST_TRAINING_S)
    changes = (
        f"training.max_runtime_s={seconds}",
        "training.instance.count=1",
        "tuning.strategy=random",  # a grid has as many training jobs as combinations
    )
    options = RunOptions(
        spec=case.options.spec,
        max_jobs=1,
        max_parallel_jobs=1,
        max_runtime_s=MOST_S,
        warm_start="off",
        deploy=False,
        overrides=(*case.options.overrides, *changes),
    )
    settings = replace(case.settings, home=case.scratch / "smoke", bucket=LOCAL_BUCKET, on_s3=False, prefix="")
    line = open_line(options, settings)
    if not case.on_cloud:
        return line
    training = line.spec.training
    kept = {name: value for name, value in training.sagemaker.items() if name not in _CLOUD_ONLY}
    return replace(
        line, spec=line.spec.model_copy(update={"training": training.model_copy(update={"sagemaker": kept})})
    )


def _train(engine: Engine, request: dict[str, Any]) -> _Trained:
    name = request["HyperParameterTuningJobName"]
    metric = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    began_s = time.monotonic()
    engine.client.create_hyper_parameter_tuning_job(**request)
    while True:
        job = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] in _ENDED:
            break
        engine.wait(name, 1.0)
    trial = next(iter(collect(engine.client, [name])), None)
    points = [] if trial is None else engine.curve(trial.training_job, 0)
    return _Trained(
        trial=trial,
        values=tuple(point.value for point in points if point.metric == metric),
        others=tuple(sorted({point.metric for point in points} - {metric})),
        log=() if trial is None else tuple(engine.log(trial.training_job).splitlines()),
        job_failure=job.get("FailureReason"),
        seconds=time.monotonic() - began_s,
    )


def _judged(line: Line, trained: _Trained, on: str) -> Verdict:
    trial, metric = trained.trial, line.spec.tuning.objective.metric
    tail = trained.log[-_LAST_LINES:]
    if trial is not None and trial.objective is not None:
        return ok(f"{metric} = {trial.objective:.6g} after {trained.seconds:.1f} s on {on}, here")
    if trial is None or trial.status == "Stopped":
        return warning(
            f"said nothing of {metric} within {trained.seconds:.0f} s, where it was stopped; nothing is proven"
        )
    if trial.status == "Failed":
        return failed(TuningFailed(f"the training job failed: {trial.failure or trained.job_failure}"), tail)
    return failed(_mute(line, trained), tail)


def _mute(line: Line, trained: _Trained) -> InvalidInput:
    """What is wrong with a training job that ran to its end without a usable objective."""
    metric = line.spec.tuning.objective.metric
    if trained.values:
        odd = next((value for value in trained.values if not math.isfinite(value)), trained.values[-1])
        return InvalidInput(f"the objective {metric} must be a finite number, and the training job emitted {odd}")
    found = f"; found were {', '.join(trained.others)}" if trained.others else ""
    regex = next((each.regex for each in line.spec.training.metrics if each.name == metric), None)
    if regex is None:
        return InvalidInput(
            f"tuning.objective.metric must be one the training job emits, got {metric}, which it did not{found}"
        )
    return InvalidInput(
        f"the regex of {metric} must match a line of the output, and {regex!r} matched none of "
        f"{len(trained.log)} lines: the script ran well; mend training.metrics or what it prints{found}"
    )
