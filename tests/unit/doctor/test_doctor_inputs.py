"""What the doctor sees of spec, settings, code and data."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = {"entry_point": "train.py", "source_dir": "code", "metrics": [{"name": "loss", "regex": "loss=(.*)"}]}


def test_a_spec_in_order_is_ok(examined: Callable[..., Any]) -> None:
    """On this machine nothing of AWS is looked at, and nothing is written."""
    findings, code = examined()

    assert ({check["status"] for check in findings.values()}, code) == ({"ok"}, 0)
    assert findings["data"]["says"] == "125 train, 26 validation, 27 test rows, 13 columns, target target"
    assert not {"credentials", "role", "quota", "ledger"} & set(findings)


def test_a_bad_spec_does_not_hide_the_rest(examined: Callable[..., Any], tmp_path: Path) -> None:
    """Every breach is told at once; what needs the spec is not looked at, home and servers are."""
    findings, code = examined(overrides=("tuning.max_jobs=0", "training.hyperparamters={}"))

    assert (findings["spec"]["status"], code) == ("failed", 65)
    assert "2 problems" in findings["spec"]["says"]
    assert findings["data"]["says"] == findings["request"]["says"] == "not looked at: spec must be right first"
    assert findings["home"]["status"] == findings["MLflow"]["status"] == findings["Prefect"]["status"] == "ok"
    assert examined(spec=str(tmp_path / "nowhere.yaml"))[1] == 66


@pytest.mark.parametrize(
    ("parts", "check", "code", "says"),
    [
        ({"data": {"source": "sklearn://wien", "target": "target"}}, "data", 65, "did you mean wine"),
        ({"data": {"source": "sklearn://wine", "target": "grape"}}, "data", 65, "got 'grape'"),
        ({"training": SCRIPT}, "request", 66, "no folder"),
        ({"training": {"hyperparameters": {"num_round": 5, "etta": 1}}}, "spec", 65, "did you mean eta"),
        ({"training": {"hyperparameters": {"num_round": 5, "subsample": 2}}}, "request", 65, "subsample: 2"),
        ({"promotion": {"metric": "beauty"}}, "spec", 65, "beauty cannot be recomputed"),
        ({"promotion": {"must_not_worsen": ["beauty"]}}, "spec", 65, "beauty cannot be recomputed"),
        ({"promotion": {"must_not_worsen": [{"metric": "f1", "slice": "colour"}]}}, "data", 65, "got colour"),
    ],
)
def test_what_a_run_would_refuse_fails(
    parts: dict[str, Any], check: str, code: int, says: str, examined: Callable[..., Any]
) -> None:
    """Source, target, code, hyperparameters and promotion metric, each under its check and with the run's exit code."""
    findings, exit_code = examined(**parts)

    assert (findings[check]["status"], exit_code) == ("failed", code)
    assert says in findings[check]["says"]


def test_what_a_run_would_promote_by_is_well(examined: Callable[..., Any], tmp_path: Path) -> None:
    """A scikit-learn scorer and a function of one's own project, as metric and as guard."""
    (tmp_path / "hits.py").write_text("def share(labels, predictions, probabilities):\n    return 1.0\n")
    promotion = {"metric": "matthews_corrcoef", "must_not_worsen": ["hits:share"]}

    findings, _ = examined(promotion=promotion)

    assert findings["spec"]["status"] == "ok", findings["spec"]


def test_a_project_without_its_file_is_told_so(examined: Callable[..., Any], tmp_path: Path) -> None:
    """A path that is not there is not shown as one that was read; an empty file is one."""
    project = examined()[0]["project"]
    assert (project["status"], project["says"]) == ("ok", "no retune.toml: nothing is laid down")
    assert not project["looked_at"].endswith("retune.toml")

    (tmp_path / "retune.toml").write_text("")
    project = examined()[0]["project"]
    assert project["says"] == "lays nothing down"
    assert project["looked_at"].endswith("retune.toml")


def test_settings_and_project_are_read_apart(examined: Callable[..., Any], tmp_path: Path) -> None:
    """A variable that breaks a law and a broken retune.toml are two findings; the spec is still looked at."""
    (tmp_path / "retune.toml").write_text("[allow]\nimage = []\n")
    findings, code = examined(environment={"RETUNE_POLL_S": "soon"})

    assert findings["settings"]["status"] == findings["project"]["status"] == "failed"
    assert "allow.image" in findings["project"]["says"]
    assert (findings["spec"]["status"], code) == ("ok", 65)
    assert findings["request"]["says"] == "not looked at: settings and project must be right first"


def test_the_cloud_needs_a_bucket_and_a_role(examined: Callable[..., Any], aws_endpoint: str) -> None:
    """Neither set: both are named, and what does not need them is looked at."""
    findings, code = examined("sagemaker", environment={"AWS_ENDPOINT_URL": aws_endpoint})

    assert (findings["cloud"]["status"], code) == ("failed", 65)
    assert "RETUNE_BUCKET" in findings["cloud"]["says"]
    assert "RETUNE_ROLE_ARN" in findings["cloud"]["says"]
    assert findings["bucket"]["says"] == findings["request"]["says"] == "not looked at: cloud must be right first"
    assert findings["credentials"]["status"] == findings["image"]["status"] == "ok"


def test_a_port_that_is_taken_fails(examined: Callable[..., Any]) -> None:
    """The champion's port is held by somebody else, who is named; free it is well."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"deployment.port={taken.getsockname()[1]}"
        findings, code = examined(overrides=(port,))
    free, _ = examined(overrides=(port,))

    assert (findings["port"]["status"], code) == ("failed", 75)
    assert "must be free, held by" in findings["port"]["says"]
    assert free["port"]["status"] == "ok"


def test_a_home_that_cannot_be_written_fails(examined: Callable[..., Any], tmp_path: Path) -> None:
    """RETUNE_HOME below a file."""
    (tmp_path / "file").write_text("")
    findings, code = examined(environment={"RETUNE_HOME": str(tmp_path / "file" / "home")})

    assert (findings["home"]["status"], code) == ("failed", 73)
