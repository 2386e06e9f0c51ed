"""Training jobs stopped for what they emit while they run: Hyperband's rungs, and early stopping's median rule.

Everything is told from the recorded values, so after a crash the next supervisor's rules know what the last one's did.
"""

from __future__ import annotations

import json
from pathlib import Path

from components.amt.early_stopping import MedianRule
from components.amt.folders import TrialFolder
from components.amt.halving import Halving, resources_of
from components.amt.records import TrainingJob, TuningJob


class LiveStopping:
    """The rule of one tuning job, and how far each curve has been read.

    Args:
        job: Its strategy and early stopping type say which rule; most have none, and nothing is read then.
    """

    def __init__(self, job: TuningJob) -> None:
        self._metric = job.objective["MetricName"]
        self._halving: Halving | None = None
        self._median: MedianRule | None = None
        self._curves: dict[tuple[str, int], _Curve] = {}
        if job.config["Strategy"] == "Hyperband":
            least, most = resources_of(job.config, job.definition.get("StaticHyperParameters", {}))
            assert most is not None  # noqa: S101 - Create refuses a job without
            self._halving = Halving(min_resource=least, max_resource=most, maximize=job.maximize)
        elif job.config.get("TrainingJobEarlyStoppingType", "Off") == "Auto":
            self._median = MedianRule(maximize=job.maximize)

    def is_over(self, trial: TrainingJob, folder: TrialFolder) -> bool:
        """Whether a running training job has emitted something for which it is to be stopped."""
        if self._halving is None and self._median is None:
            return False
        curve = self._curve(trial, folder)
        if not curve.grow():
            return False
        if self._halving is not None:
            return self._halving.observe(trial.name, curve.values)
        assert self._median is not None  # noqa: S101 - one of the two
        return self._median.falls_behind(curve.values)

    def ended(self, trial: TrainingJob, folder: TrialFolder) -> None:
        """Learn from a training job that has ended; what completed is what the others are held against."""
        if self._halving is None and self._median is None:
            return
        curve = self._curve(trial, folder)
        curve.grow()
        if self._halving is not None and trial.status in ("Completed", "Stopped"):
            self._halving.observe(trial.name, curve.values)
        elif self._median is not None and trial.status == "Completed":
            self._median.completed(curve.values)
        self._curves.pop((trial.name, trial.attempt), None)

    def _curve(self, trial: TrainingJob, folder: TrialFolder) -> _Curve:
        key = (trial.name, trial.attempt)
        if key not in self._curves:
            curve = self._curves[key] = _Curve(folder.metrics, self._metric)
            for earlier in folder.earlier_attempts():  # ended by interruptions: AWS counts what was emitted
                before = _Curve(earlier.metrics, self._metric)
                before.grow()
                curve.values += before.values
        return self._curves[key]


class _Curve:
    """The objective's values in a metrics file, read on from where the last look ended."""

    def __init__(self, path: Path, metric: str) -> None:
        self._path = path
        self._metric = metric
        self._read_bytes = 0
        self.values: list[float] = []

    def grow(self) -> bool:
        """Read what is new; whether there was anything."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                fresh = file.read()
        except FileNotFoundError:
            return False
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        before = len(self.values)
        for line in whole.splitlines():
            entry = json.loads(line)
            if entry["metric"] == self._metric:
                self.values.append(entry["value"])
        return len(self.values) > before
