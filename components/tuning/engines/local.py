"""Engine `local`: the local AMT in this process, really training on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.amt.client import LocalAmt
from components.amt.remembered import RememberedTrial
from components.storage import ObjectStore
from components.tuning.beyond_amt import BeyondAmt
from components.tuning.engine import Engine, Trials
from components.tuning.result import CurvePoint

_OBJECTIVE_TWIN = "ObjectiveMetric"


def connect(
    *, home: Path, store: ObjectStore, region: str, supervise: bool = True, warm_for: str | None = None
) -> Engine:
    """Open the local AMT.

    Args:
        home: The AMT's home.
        store: Where `s3://` URIs of requests are.
        region: Region in ARNs.
        supervise: Whether jobs are run by this process, or only looked at.
        warm_for: Training image whose libraries are to be loaded already now.
    """
    amt = LocalAmt(home=home, store=store, supervise=supervise, region=region)
    if warm_for is not None and supervise:
        amt.warm_up(warm_for)

    def curve(training_job: str, after: int) -> Sequence[CurvePoint]:
        # AMT emits the objective twice, under its own name and as ObjectiveMetric; once is enough to see.
        points = [point for point in amt.metric_curve(training_job) if point["metric"] != _OBJECTIVE_TWIN]
        return [
            CurvePoint(
                metric=point["metric"], step=point["step"], value=point["value"], timestamp_s=point["timestamp_s"]
            )
            for point in points[after:]
        ]

    def wait(name: str, timeout_s: float) -> None:
        amt.wait_for_change(name, timeout_s=timeout_s)

    def log(training_job: str) -> str:
        path = amt.log_path(training_job)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def remember(request: Mapping[str, Any], trials: Trials, created_s: float, parents: Sequence[str]) -> None:
        kept = [RememberedTrial(tuned=tuned, objective=objective) for tuned, objective in trials]
        amt.remember(request, kept, created_s=created_s, parents=parents)

    def create(request: Mapping[str, Any], parents: Sequence[str]) -> None:
        amt.create_beyond_amt(request, parents=parents)

    return Engine(
        name="local",
        client=amt,
        wait=wait,
        curve=curve,
        log=log,
        close=amt.close,
        remember=remember,
        beyond_amt=BeyondAmt(create=create, parents_of=amt.parents_of),
    )
