"""A trial that was stopped may be the best of its search, with a model or without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Retune

# What comes after the first trial hardly learns: even stopped after few rounds, the first is the best.
SPEC: dict[str, Any] = {
    "tuning": {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "grid",
        "max_parallel_jobs": 1,
        "space": {"eta": {"categorical": [0.2, 0.0000001]}},
    },
}


@pytest.mark.parametrize("keeps_model", ["true", "false"])
def test_a_stopped_search_goes_on_to_a_version(
    retune: Retune, write_spec: Callable[..., Path], keeps_model: str
) -> None:
    """Stop while the first trial trains, run again: the best that has a model is registered, stopped or not."""
    training = {
        "objective": "multi:softprob",
        "num_class": 3,
        "num_round": 6000,
        "save_model_on_termination": keeps_model,
    }
    spec = str(write_spec(training={"hyperparameters": training}, **SPEC))
    with retune.running("run", spec, "--no-deploy") as process:
        job = ""
        while not job:
            found = retune.ok("jobs")["jobs"]
            started = found and retune.ok("trials", found[0]["name"])["trials"]
            if started and "mlogloss" in retune("logs", started[0]["training_job"]).out:
                job = found[0]["name"]
        assert retune.ok("stop", job)["status"] == "Stopped"
        process.communicate(timeout=120)

    result = retune.ok("run", spec, "--no-deploy")

    assert result["model_version"] == "1"
    assert result["trials"]["stopped"] == 1
    attempts = [job, result["tuning_job"]]
    trials = [trial for name in attempts for trial in retune.ok("trials", name)["trials"]]
    possible = [trial for trial in trials if keeps_model == "true" or trial["status"] == "Completed"]
    best = min(possible, key=lambda trial: trial["objective"])
    assert (best["status"] == "Stopped") == (keeps_model == "true")
    assert result["best"]["training_job"] == best["training_job"]
