"""Promotion by hand: approval, its log, its events, its refusals; and back."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command import Retune

DIABETES: dict[str, Any] = {
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
        "max_jobs": 2,
        "max_parallel_jobs": 2,
        "space": {"eta": {"continuous": [0.1, 0.3]}, "max_depth": {"integer": [2, 4]}},
    },
}
BETTER = ("--mode", "tune", "--set", "training.hyperparameters.num_round=30")


def events_of(api: str, model: str, *, at_least: int) -> list[tuple[str, str]]:
    """Names and versions of a model's events, the oldest first, once the server has written so many."""
    wanted = {"filter": {"resource": {"id": [f"retune.model.{model}"]}, "order": "ASC"}, "limit": 50}
    deadline_s = time.monotonic() + 60
    while True:
        answer = requests.post(f"{api}/events/filter", json=wanted, timeout=30)
        answer.raise_for_status()
        found = [(each["event"], each["payload"]["version"]) for each in answer.json()["events"]]
        if len(found) >= at_least or time.monotonic() > deadline_s:
            return found
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_version_waits_for_approval_and_a_person_goes_on(
    retune: Retune, write_spec: Callable[..., Path], prefect_api: str
) -> None:
    """Approval manual stops at challenger; promote serves it as the run would have; the log and Prefect hear of it."""
    parts = {**DIABETES, "name": "waiting", "promotion": {"approval": "manual", "must_not_worsen": ["mae"]}}
    spec = str(write_spec(**parts))

    first = retune.ok("run", spec)
    assert (first["promoted"], first["champion"], first["deployment"]["url"]) == (False, None, None)
    assert first["promotion"]["needs_approval"]
    request = retune.ok("plan", spec, "--mode", "tune")["request"]
    channels = request["TrainingJobDefinition"]["InputDataConfig"]
    assert [each["ChannelName"] for each in channels] == ["train", "validation"]  # the test rows are seen by no trial
    optimism = first["promotion"]["optimism"]
    assert optimism["metric"] == "validation:rmse"
    assert optimism["validation"] == pytest.approx(first["best"]["objective"], abs=1e-4)
    assert optimism["by"] == pytest.approx(optimism["test"] - optimism["validation"])  # a loss
    assert first["promotion"]["measures"].keys() == {"training_seconds", "model_size_bytes", "prediction_ms"}
    waiting = retune("run", spec, "--detailed-exitcode", "--json")
    assert (waiting.code, waiting.document["mode"]) == (3, "skip")
    assert first["promotion_reason"].endswith("it waits for approval: retune promote waiting 1 --reason TEXT")

    for arguments, code, told in (
        (["waiting", "1"], 64, "--reason"),
        (["waiting", "1", "--reason", " "], 65, "--reason must say why"),
        (["waiting", "7", "--reason", "x"], 66, "there is no version 7 of model waiting"),
        (["nobody", "1", "--reason", "x"], 66, "there is no model nobody"),
    ):
        refused = retune("promote", *arguments)
        assert (refused.code, told in refused.err) == (code, True), refused.err

    promoted = retune.ok("promote", "waiting", "1", "--reason", "checked the slices")
    assert (promoted["version"], promoted["from_version"], promoted["deployment"]["version"]) == ("1", None, "1")
    assert promoted["overrules"] is None
    since = retune.ok("run", spec)
    assert (since["mode"], since["promoted"], since["promotion"]["needs_approval"]) == ("skip", True, False)
    assert "was made champion by hand at " in since["promotion_reason"]
    assert since["promotion_reason"].endswith(" because checked the slices")
    assert requests.get(promoted["deployment"]["url"].replace("invocations", "health"), timeout=30).ok
    again = retune("promote", "waiting", "1", "--reason", "twice")
    assert (again.code, "version 1 of waiting is champion already" in again.err) == (77, True)

    too_large = ("--set", "promotion.must_not_worsen=[mae, {metric: model_size_bytes, at_most: 1}]")
    second = retune.ok("run", spec, *BETTER, *too_large, "--detailed-exitcode")
    assert (second["promoted"], second["champion"], second["deployment"]["version"]) == (False, "1", "1")
    assert [(each["metric"], each["holds"]) for each in second["promotion"]["guards"]] == [
        ("mae", True),
        ("model_size_bytes", False),
    ]
    refusal = "must_not_worsen refuses it: model_size_bytes: must be at most 1"
    assert refusal in second["promotion_reason"]
    assert refusal in retune.ok("promote", "waiting", "2", "--reason", "better")["overrules"]
    assert retune.ok("rollback", "waiting", "--reason", "too slow")["version"] == "1"
    after = retune.ok("run", spec, *BETTER[2:])
    assert (after["mode"], after["champion"], after["deployment"]["version"]) == ("skip", "1", "1")
    assert not after["promotion"]["needs_approval"]
    retune.ok("promote", "waiting", "2", "--reason", "fast enough")

    versions = retune.ok("lineage", "waiting")["versions"]
    assert [(row["version"], row["aliases"], row["test_metric"]) for row in versions] == [
        ("2", ["champion", "challenger"], "rmse"),
        ("1", [], "rmse"),
    ]
    assert [row["source"] for row in versions] == ["sklearn://diabetes"] * 2
    assert (versions[0]["promoted"], refusal in versions[0]["promotion_reason"]) == (True, False)
    changes = sorted((change["at"], change["kind"], change["reason"]) for row in versions for change in row["changes"])
    assert [(kind, reason) for _, kind, reason in changes] == [
        ("promote", "checked the slices"),
        ("promote", "better"),
        ("rollback", "too slow"),
        ("promote", "fast enough"),
    ]
    assert all(change["by"] for row in versions for change in row["changes"])
    assert events_of(prefect_api, "waiting", at_least=6) == [
        ("retune.approval-needed", "1"),
        ("retune.promoted", "1"),
        ("retune.rejected", "2"),
        ("retune.promoted", "2"),
        ("retune.rolled-back", "1"),
        ("retune.promoted", "2"),
    ]


def test_a_promotion_s_metric_is_looked_up_before_anything_starts(
    retune: Retune, write_spec: Callable[..., Path]
) -> None:
    """A metric, a guard, a function or a slice that is not there is refused by name, all at once, by plan as by run."""
    wrong = {"metric": "turnover", "must_not_worsen": ["aucc", {"metric": "mae", "slice": "gate"}]}
    for command in ("plan", "run"):
        refused = retune(command, str(write_spec(**{**DIABETES, "promotion": wrong})))
        assert refused.code == 65
        for told in ("3 problems", "turnover cannot be", "aucc cannot be", "columns age, sex", "got gate"):
            assert told in refused.err, refused.err
    planned = retune(
        "plan", str(write_spec(**{**DIABETES, "promotion": {"must_not_worsen": wrong["must_not_worsen"][1:]}}))
    )
    assert (planned.code, "got gate" in planned.err) == (65, True), planned.err
    for promotion, told in (
        ({"must_not_worsen": ["turnover"]}, "turnover cannot be recomputed"),
        ({"metric": "no_such_module:profit"}, "no_such_module:profit must be a function"),
        ({"must_not_worsen": [{"metric": "mae", "slice": "gate"}]}, "slice is one of the feature columns age, sex"),
    ):
        refused = retune("run", str(write_spec(**{**DIABETES, "promotion": promotion})))
        assert (refused.code, told in refused.err) == (65, True), refused.err

    assert retune.ok("jobs")["jobs"] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_change_that_cannot_be_served_is_taken_back(retune: Retune, write_spec: Callable[..., Path]) -> None:
    """Rollback and promotion to a version that does not load leave who serves; a Prefect that is gone matters not."""
    spec = str(write_spec(**{**DIABETES, "name": "broken"}))
    retune.ok("run", spec)
    (first,) = (retune.home / "mlflow-artifacts").rglob("MLmodel")
    url = retune.ok("run", spec, *BETTER)["deployment"]["url"]
    gone = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    assert retune.ok("rollback", "broken", **gone)["version"] == "1"
    assert retune.ok("promote", "broken", "2", "--reason", "back again", **gone)["version"] == "2"

    shutil.rmtree(first.parent)
    for arguments in (["rollback", "broken"], ["promote", "broken", "1", "--reason", "nostalgia"]):
        refused = retune(*arguments, **gone)
        assert (refused.code, "Traceback" in refused.err, len(refused.err.splitlines())) == (66, False, 1), refused.err

    assert requests.get(url.replace("invocations", "health"), timeout=30).json()["model_version"] == "2"
    document = retune.ok("lineage", "broken")
    assert document["champion"] == "2"
    changes = Counter((row["version"], each["kind"]) for row in document["versions"] for each in row["changes"])
    assert changes == {("1", "promote"): 2, ("2", "promote"): 3, ("1", "rollback"): 2, ("2", "rollback"): 1}
