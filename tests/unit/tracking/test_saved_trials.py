"""What a warm start saved, told from MLflow alone: against the nearest cold search that is comparable."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tracking_cases import no_curve, trial

from components.naming import TAG_REQUEST, TAG_SNAPSHOT, TAG_WARM_START
from components.registry.past_searches import past_run
from components.registry.tracking import RetrainingRun
from components.settings import read_settings
from components.tuning.result import Trial
from flows.line import Line, RunOptions, open_line
from flows.saved_trials import saved_by

SPEC = """
name: digits
data: {source: "sklearn://digits", target: target}
training: {hyperparameters: {num_round: 3}}
tuning:
  objective: {metric: "validation:accuracy", type: maximize}
  space: {eta: {continuous: [0.1, 0.5]}}
"""
Searched = Callable[..., None]


@pytest.fixture
def experiment() -> str:
    return f"saved-{secrets.token_hex(4)}"


@pytest.fixture
def line(tmp_path: Path, tracking_uri: str, experiment: str) -> Line:
    """A run's inputs on this folder's tracking store."""
    (tmp_path / "digits.yaml").write_text(f"{SPEC}registry: {{experiment: {experiment}}}\n")
    settings = read_settings({"MLFLOW_TRACKING_URI": tracking_uri, "RETUNE_HOME": str(tmp_path / "home")})
    return open_line(RunOptions(spec=str(tmp_path / "digits.yaml")), settings)


@pytest.fixture
def searched(reopen: Callable[..., RetrainingRun], experiment: str) -> Searched:
    """Record an ended search as `retune run` does: attempts, its parents, its data."""

    def record(
        *attempts: tuple[str, Sequence[tuple[str, float | None]]],
        parents: Sequence[str] = (),
        snapshot: str = "one",
        metric: str = "validation:accuracy",
        killed: bool = False,
    ) -> None:
        request: dict[str, Any] = {
            "HyperParameterTuningJobName": attempts[0][0],
            "HyperParameterTuningJobConfig": {
                "HyperParameterTuningJobObjective": {"MetricName": metric, "Type": "Maximize"}
            },
            "TrainingJobDefinition": {"StaticHyperParameters": {"num_round": "3"}},
            "Tags": [{"Key": TAG_SNAPSHOT, "Value": snapshot}],
        }
        warm = {"type": "TransferLearning" if parents else None, "parents": list(parents), "rejected": []}
        run = reopen(
            experiment=experiment,
            run_digest=secrets.token_hex(32),
            tags={"retune.model": "digits", TAG_REQUEST: json.dumps(request), TAG_WARM_START: json.dumps(warm)},
        )
        trials = [each for name, told in attempts for each in trials_of(name, told)]
        if killed:
            trials = [replace(each, status="InProgress", objective=None, ended=None) for each in trials]
        run.record(trials=trials, curve=no_curve)
        run.finish(status="FINISHED")

    return record


def trials_of(job: str, told: Sequence[tuple[str, float | None]]) -> list[Trial]:
    """Ended trials of a tuning job: eta and objective, None for a failure."""
    return [
        trial(
            number,
            "Failed" if objective is None else "Completed",
            training_job=f"{job}-{number:03d}-0123abcd",
            objective=objective,
            hyperparameters={"eta": eta},
        )
        for number, (eta, objective) in enumerate(told, start=1)
    ]


def test_a_search_is_held_against_the_cold_one_it_descends_from(line: Line, searched: Searched) -> None:
    """Its parent was warm itself, so the parent's parent counts: all attempts, failed trials too; and it is marked."""
    searched(("digits-aa-01", [("0.1", 0.2), ("0.2", None)]), ("digits-aa-02", [("0.3", 0.4), ("0.4", 0.3)]))
    searched(("digits-bb-01", [("0.3", 0.5)]), parents=["digits-aa-02"])
    own = trials_of("digits-cc-01", [("0.3", 0.9), ("0.45", 0.95)])
    warm = {"type": "TransferLearning", "parents": ["digits-bb-01"], "rejected": []}

    saved = saved_by(line, warm, own, snapshot_digest="two")

    assert saved is not None
    assert (saved.cold_search, saved.cold_trials, saved.warm_trials, saved.trials) == ("digits-aa-01", 3, 1, 2)
    assert saved.across_data


def test_the_same_data_come_before_others(line: Line, searched: Searched) -> None:
    """Of two cold parents the one on the same data is compared, without a common configuration."""
    searched(("digits-aa-01", [("0.1", 0.2), ("0.2", 0.3)]), snapshot="two")
    searched(("digits-bb-01", [("0.3", 0.5)]))
    warm = {"type": "TransferLearning", "parents": ["digits-bb-01", "digits-aa-01"], "rejected": []}

    saved = saved_by(line, warm, trials_of("digits-cc-01", [("0.3", 0.9)]), snapshot_digest="two")

    assert saved is not None
    assert (saved.cold_search, saved.trials, saved.across_data) == ("digits-aa-01", 1, False)


def test_a_parent_whose_run_was_killed_says_nothing(line: Line, searched: Searched) -> None:
    """Its trials were left running in MLflow for ever: nothing to compare with, and no run fails for it."""
    searched(("digits-aa-01", [("0.1", 0.2), ("0.2", 0.3)]), killed=True)
    warm = {"type": "TransferLearning", "parents": ["digits-aa-01"], "rejected": []}
    assert saved_by(line, warm, trials_of("digits-cc-01", [("0.1", 0.9)]), snapshot_digest="one") is None


def test_nothing_is_said_without_a_comparable_cold_search(line: Line, searched: Searched, tracking_uri: str) -> None:
    """No parents, parents MLflow does not know, and a cold search for another objective."""
    searched(("digits-aa-01", [("0.1", 0.2)]), metric="validation:merror")
    own = trials_of("digits-cc-01", [("0.1", 0.9)])
    for parents in ([], ["digits-nobody-01"], ["digits-aa-01"]):
        warm = {"type": "TransferLearning", "parents": parents, "rejected": []}
        assert saved_by(line, warm, own, snapshot_digest="one") is None
    assert past_run(tracking_uri=tracking_uri, experiment="no-such-experiment", tuning_job="digits-aa-01") is None
