"""Where a version's hyperparameters come from: the search that found them, however many refits ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import naming
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The hyperparameters a refit trains again.

    Attributes:
        version: Number of the version whose search found them; that of a refit's own origin, not of the refit.
        tuning_job: That search; None when nothing says.
        snapshot: Digest of the data that were searched on: what drift is measured against, so that many refits on data
            that move a little each time are not taken for standing still.
        hyperparameters: The tuned ones, as AMT's strings.
    """

    version: str
    tuning_job: str | None
    snapshot: str
    hyperparameters: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As the result document has it; the hyperparameters are those of `best`."""
        return {"version": self.version, "tuning_job": self.tuning_job, "snapshot": self.snapshot}

    @classmethod
    def of(cls, version: ModelVersion) -> Origin | None:
        """From what a finished version's run reported; None when it says nothing of hyperparameters."""
        result = version.result
        hyperparameters = (result.get("best") or {}).get("hyperparameters")
        if not hyperparameters:
            return None
        own = {
            "version": str(version.version),
            "tuning_job": result.get("tuning_job"),
            "snapshot": version.tags.get(naming.TAG_SNAPSHOT, ""),
        }
        return cls(**{**own, **(result.get("refit_of") or {})}, hyperparameters=dict(hyperparameters))


def champion_at_rest(registry: Registry) -> ModelVersion | None:
    """The champion; while the run that promoted it is not finished, the one that served before it.

    So a run that was killed after it promoted decides the same when it is taken up again.
    """
    version, seen = registry.champion(), set[int]()
    while version is not None and not version.is_finished:
        seen.add(version.version)
        previous = version.tags.get(naming.TAG_PREVIOUS_CHAMPION)
        # two that were promoted by hand in turn, and of no run or of one that was killed, name each other
        version = None if previous is None or int(previous) in seen else registry.find(int(previous))
    return version
