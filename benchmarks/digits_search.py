"""(a) A search of 50 digits trials, from Create to Completed, against the bare work that is in it.

The search runs 3 trials at a time on the local AMT, every trial and its curve mirrored in MLflow as in `retune run`,
on a warm fork server. The bare work is done in this process, for the very configurations of that search: read both
channels, train with one thread, pack the model, and ask the sampler for the next configuration; all seconds added up,
divided by the processors of a machine with two. Pairs alternate; the median ratio counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components.amt.artifacts import pack
from components.amt.samplers import Finished, make_sampler
from components.data.snapshot import DataSnapshot, publish
from components.naming import TAG_RUN_DIGEST
from components.registry.tracking import open_run
from components.registry.trial_log import TrialLog
from components.spec import load_spec
from components.storage.local import FolderStore
from components.trainers import xgboost as trainer
from components.tuning.attempts import Search
from components.tuning.budget import Limits
from components.tuning.definition import Channel, RequestPlaces
from components.tuning.engine import Engine, tune
from components.tuning.engines.local import connect
from components.tuning.request import build_request
from components.tuning.result import TuningResult

PAIRS = 5
PROCESSORS = 2
BAR = 1.25
SPEC = Path(__file__).parent.parent / "flows" / "specs" / "digits.yaml"


def main() -> list[Bar]:
    """Measure pairs of a search and its bare work; the median of their ratios."""
    os.environ["OMP_NUM_THREADS"] = "1"  # the trainer's way to be told, in this process
    with tempfile.TemporaryDirectory() as folder:
        pairs = measure(Path(folder), PAIRS)
    table = Table("search s", "bare work s / 2", "ratio", "best accuracy", title="digits, 50 trials, 3 parallel")
    for search_s, bare_s, best in pairs:
        table.add_row(f"{search_s:.2f}", f"{bare_s:.2f}", f"{search_s / bare_s:.2f}", f"{best:.4f}")
    Console().print(table)
    ratio = statistics.median(search_s / bare_s for search_s, bare_s, _ in pairs)
    return [Bar.upper("a: digits search over its bare work on two processors", ratio, BAR)]


def measure(folder: Path, pairs: int) -> list[tuple[float, float, float]]:
    """Seconds of the search, of its bare work on two processors, and the best accuracy, for each pair."""
    store = FolderStore(folder / "store")
    spec = load_spec(SPEC)
    snapshot = publish(
        spec.data, base_dir=SPEC.parent.parent.parent, store=store, base_uri="s3://retune-local", scratch=folder / "tmp"
    )
    engine = connect(home=folder / "amt", store=store, region="us-east-1")
    try:
        search(folder, engine, snapshot, name="warm-up", seed=100, jobs=4)
        rows = []
        for number in range(pairs):
            result, seconds = search(folder, engine, snapshot, name=f"digits-{number}", seed=number, jobs=50)
            assert result.count("Completed") == 50, result
            bare_s = bare_work(folder / f"bare-{number}", store, snapshot, engine, result, seed=number)
            rows.append((seconds, bare_s / PROCESSORS, result.best.objective if result.best else float("nan")))
        return rows
    finally:
        engine.close()


def search(
    folder: Path, engine: Engine, snapshot: DataSnapshot, *, name: str, seed: int, jobs: int
) -> tuple[TuningResult, float]:
    """One tuning job, mirrored in MLflow; its result and the seconds from Create to Completed."""
    spec = load_spec(SPEC)
    request = build_request(
        name=name,
        training=spec.training,
        tuning=spec.tuning.model_copy(update={"seed": seed, "max_jobs": jobs}),
        limits=Limits(jobs=jobs, parallel=min(jobs, 3), job_runtime_s=spec.training.max_runtime_s, runtime_s=3600),
        places=RequestPlaces(
            channels={part: Channel(uri=snapshot.channel_uri(part)) for part in ("train", "validation")},
            output_uri="s3://retune-local/out",
            checkpoint_uri=f"s3://retune-local/checkpoints/{name}",
            code_uri=None,
            role_arn="arn:aws:iam::111122223333:role/retune",
            region="us-east-1",
        ),
        tags={TAG_RUN_DIGEST: name},
    )
    log = TrialLog(open_run=lambda: _open_run(folder, name, spec), curve=engine.curve)
    wanted = Search(
        name_of=lambda attempt: name if attempt == 1 else f"{name}-{attempt}",
        request_for=lambda _attempt: request,
        digest=name,
        max_jobs=jobs,
        maximize=True,
    )
    result = tune(engine, wanted, observe=lambda seen: log.offer(seen.trials), cancelled=lambda: False, poll_s=1.0)
    log.close(timeout_s=120).finish(status="FINISHED")
    job = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return result, (job["HyperParameterTuningEndTime"] - job["CreationTime"]).total_seconds()


def _open_run(folder: Path, name: str, spec: Any) -> Any:
    return open_run(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        experiment="digits",
        artifact_root=str(folder / "artifacts"),
        run_digest=name,
        run_name=name,
        objective=spec.tuning.objective,
        params={},
        tags={},
    )


def bare_work(
    folder: Path, store: FolderStore, snapshot: DataSnapshot, engine: Engine, result: TuningResult, *, seed: int
) -> float:
    """Seconds of reading, training, packing and suggesting for each trial of a search, one after the other."""
    config = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=result.tuning_job)
    static = config["TrainingJobDefinition"]["StaticHyperParameters"]
    ranges = config["HyperParameterTuningJobConfig"]["ParameterRanges"]
    sampler = make_sampler("Bayesian", ranges, maximize=True, seed=seed)
    _lay_out(folder, store, snapshot)
    finished: list[Finished] = []
    seconds = 0.0
    for trial in result.trials:
        began = time.perf_counter()
        _train(folder, {**static, **trial.hyperparameters})
        pack(folder / "model", folder / "model.tar.gz")
        sampler.propose(finished=finished, running=_texts(result, len(finished)), number=len(finished) + 1)
        seconds += time.perf_counter() - began
        finished.append(Finished(hyperparameters=trial.hyperparameters, objective=trial.objective))
    return seconds


def _texts(result: TuningResult, done: int) -> Sequence[Mapping[str, str]]:
    return [trial.hyperparameters for trial in result.trials[done : done + 2]]


def _lay_out(folder: Path, store: FolderStore, snapshot: DataSnapshot) -> None:
    (folder / "input" / "config").mkdir(parents=True)
    channels = {}
    for part in ("train", "validation"):
        channels[part] = {"ContentType": "text/csv", "TrainingInputMode": "File"}
        for found in store.list(snapshot.channel_uri(part)):
            target = folder / "input" / "data" / part / found.uri.rpartition("/")[2]
            target.parent.mkdir(parents=True, exist_ok=True)
            store.get(found.uri, target)
    (folder / "input" / "config" / "inputdataconfig.json").write_text(json.dumps(channels))


def _train(folder: Path, hyperparameters: Mapping[str, str]) -> None:
    (folder / "input" / "config" / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train(folder)


if __name__ == "__main__":
    main()
