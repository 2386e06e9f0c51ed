"""What a run's warm start saved, from the runs that MLflow has of its parents: any runner can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.registry.past_searches import PastSearch, past_run
from components.tuning.result import Trial
from components.tuning.trials_saved import TrialsSaved, Tried, trials_saved
from flows.line import Line

# Each is two or three calls of the tracking server.
_LOOKED_AT = 30


def saved_by(
    line: Line, warm_start: Mapping[str, Any], trials: Sequence[Trial], *, snapshot_digest: str
) -> TrialsSaved | None:
    """Compare a run's search with the nearest cold one it descends from; None when it has none or nothing can be said.

    Among equally near ones a search on the same data comes first, then the newest.

    Args:
        line: Inputs.
        warm_start: As in the result document.
        trials: The run's, oldest first.
        snapshot_digest: Of its data.

    Raises:
        Unavailable: The tracking server does not answer.
    """
    warm = [
        Tried(hyperparameters=trial.hyperparameters, objective=trial.objective) for trial in trials if trial.is_terminal
    ]
    found = []
    for search in _nearest_cold(line, warm_start["parents"]):
        static = search.request["TrainingJobDefinition"].get("StaticHyperParameters", {})
        cold = [
            Tried(hyperparameters={**static, **trial.hyperparameters}, objective=trial.objective)
            for trial in search.trials
        ]
        across_data = search.snapshot != snapshot_digest
        maximize = line.spec.tuning.objective.type == "maximize"
        saved = trials_saved(warm, cold, cold_search=search.name, maximize=maximize, across_data=across_data)
        if saved is not None:
            found.append((across_data, -search.created_s, saved))
    return min(found, key=lambda each: each[:2])[2] if found else None


def _nearest_cold(line: Line, parents: Sequence[str]) -> list[PastSearch]:
    """The cold searches among the parents; where there is none, among theirs, and so on."""
    known: set[str] = set()
    generation = list(dict.fromkeys(parents))
    while generation and len(known) < _LOOKED_AT:
        searches = [search for name in generation if (search := _run_of(line, name)) is not None]
        known |= {*generation, *(search.name for search in searches)}
        cold = {search.name: search for search in searches if search.parents == () and _is_comparable(line, search)}
        if cold:
            return list(cold.values())
        older = [name for search in searches for name in search.parents or ()]
        generation = [name for name in dict.fromkeys(older) if name not in known][: _LOOKED_AT - len(known)]
    return []


def _run_of(line: Line, tuning_job: str) -> PastSearch | None:
    return past_run(tracking_uri=line.settings.tracking_uri, experiment=line.spec.experiment, tuning_job=tuning_job)


def _is_comparable(line: Line, search: PastSearch) -> bool:
    objective = search.request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    own = line.spec.tuning.objective
    return bool(objective["MetricName"] == own.metric and objective["Type"].lower() == own.type)
