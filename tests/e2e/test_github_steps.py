"""The steps of retrain.yml, run here with an event's payload: a push in a repository of its own, a dispatch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.amt_endpoint import Serving
from tests.command import REPO, Retune
from tests.github_api import GitHub, github

WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
SPEC = "flows/specs/wine.yaml"


@dataclass
class Runner:
    """A machine of GitHub's: each step has its own files, as there."""

    folder: Path
    cwd: Path
    environment: Mapping[str, str]
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    def step(self, *command: str, **variables: str) -> int:
        """Run a command as a step; its exit code."""
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        done = subprocess.run(
            command,
            cwd=self.cwd,
            env={**self.environment, **{name: str(path) for name, path in files.items()}, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        self.summary = files["GITHUB_STEP_SUMMARY"].read_text()
        self.outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        sys.stderr.write(done.stdout + done.stderr)
        return done.returncode

    def event(self, name: str, payload: Any) -> dict[str, str]:
        """The variables of an event."""
        place = self.folder / "event.json"
        place.write_text(json.dumps(payload))
        return {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(place)}


@pytest.fixture
def server() -> Iterator[GitHub]:
    """GitHub."""
    with github() as running:
        running.pulls = [5]
        yield running


def git(folder: Path, *arguments: str) -> str:
    """Git's answer."""
    done = subprocess.run(["git", "-C", str(folder), *WHO, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, write_spec: Callable[..., Path]) -> Path:
    """A team's repository: one spec, whose data lie beside it."""
    from sklearn.datasets import load_wine

    folder = tmp_path / "clone"
    spec = folder / SPEC
    spec.parent.mkdir(parents=True)
    (folder / "data" / "wine").mkdir(parents=True)
    load_wine(as_frame=True).frame.to_csv(folder / "data" / "wine" / "wine.csv", index=False)
    split = {"by": "random", "stratify": True, "train": 0.6, "validation": 0.2, "test": 0.2}
    made = write_spec(data={"source": "data/wine/wine.csv", "target": "target", "split": split})
    made.rename(spec)
    git(folder, "init", "-q", "-b", "main")
    committed(folder)
    return folder


def committed(folder: Path) -> str:
    """Commit all there is; the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "more")
    return git(folder, "rev-parse", "HEAD")


def commands(workflow: str, job: str) -> list[list[str]]:
    """The `run:` steps of a job, as they stand in its file."""
    document = YAML(typ="safe").load((REPO / ".github" / "workflows" / workflow).read_text())
    return [step["run"].split() for step in document["jobs"][job]["steps"] if "run" in step]


@pytest.mark.slow
def test_a_push_of_data_is_one_search_and_another_push_none(
    retune: Retune, clone: Path, server: GitHub, tmp_path: Path
) -> None:
    """Data that a spec reads: one run, searched, told in the summary and on the pull request; other files: no run."""
    environment = {**retune.environment, **server.environment(), "RETUNE_SPECS": SPEC, "RETUNE_ENGINE": "local"}
    runner = Runner(folder=tmp_path, cwd=clone, environment=environment)
    step = (sys.executable, "-m", "flows.github")
    first = git(clone, "rev-parse", "HEAD")
    (clone / "data" / "wine" / "README.md").write_text("About the data.\n")
    second = committed(clone)
    rows = (clone / "data" / "wine" / "wine.csv").read_text()
    (clone / "data" / "wine" / "wine.csv").write_text(rows + rows.splitlines()[-1] + "\n")
    third = committed(clone)

    other = runner.event("push", {"before": first, "after": second})
    assert runner.step(*step, "select", **other) == 0
    assert runner.outputs == {"runs": "[]"}

    event = runner.event("push", {"before": second, "after": third})
    assert runner.step(*step, "select", **event) == 0
    (run,) = json.loads(runner.outputs["runs"])
    assert (run["name"], run["spec"], run["engine"]) == ("wine", SPEC, "local")
    event["RETUNE_RUN"] = json.dumps(run)
    assert runner.step(*step, "collect", **event) == 0
    assert runner.step(*step, "tell", RETUNE_REPORT_URL="https://github.com/acme/churn/artifacts/1", **event) == 0

    (job,) = retune.ok("jobs")["jobs"]
    assert not list((retune.home / "services").glob("model-*.json")), "a runner serves nothing"
    for part in ("## wine", "tune; ", "4 completed, 0 stopped, 0 failed", "[report](", "```mermaid", job["name"]):
        assert part in runner.summary, runner.summary
    (comment,) = server.comments
    assert comment["body"] == f"<!-- retune wine -->\n{runner.summary.strip()}"

    assert runner.step(*step, "collect", **event) == 0, "the same push again"
    assert len(retune.ok("jobs")["jobs"]) == 1


@pytest.mark.slow
def test_a_dispatch_is_submitted_in_one_job_and_collected_in_another(
    retune: Retune, cloud: Serving, account: dict[str, str], tmp_path: Path
) -> None:
    """The make targets as they stand in the workflows, with what the jobs hand on; the second machine knows nothing."""
    runner = Runner(folder=tmp_path, cwd=REPO, environment={**retune.environment, **account})
    inputs = {"spec": "flows/specs/digits.yaml", "engine": "sagemaker", "max_jobs": "2", "max_parallel_jobs": "1"}
    event = runner.event("workflow_dispatch", {"inputs": {**inputs, "mode": "tune", "warm_start": "off"}})
    event["RETUNE_SPECS"] = "flows/specs/bank-marketing.yaml"

    (select,), (submit,) = commands("retrain.yml", "select"), commands("retrain-model.yml", "submit")
    assert runner.step(*select, **event) == 0
    (run,) = json.loads(runner.outputs["runs"])
    event["RETUNE_RUN"] = json.dumps(run)
    assert runner.step(*submit, **event) == 0
    handed = {"RETUNE_JOB": runner.outputs["job"], "RETUNE_PLAN": runner.outputs["plan"]}
    job = json.loads(handed["RETUNE_JOB"])
    assert f"{job} runs." in runner.summary
    assert "at the worst" in runner.summary
    described = cloud.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    assert described["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 2

    elsewhere = {**event, **handed, "RETUNE_HOME": str(tmp_path / "elsewhere")}
    for command in commands("retrain-model.yml", "collect"):
        assert runner.step(*command, **elsewhere) == 0
    for part in ("## digits", "plan", "at the worst", "2 completed, 0 stopped, 0 failed", f"{job}-001"):
        assert part in runner.summary, runner.summary


def test_what_fails_is_told_and_fails_the_job(retune: Retune, tmp_path: Path) -> None:
    """A spec that is not there, or no longer; a job of somebody else's after an event; an event that sets too much."""
    runner = Runner(folder=tmp_path, cwd=tmp_path, environment=retune.environment)
    step = (sys.executable, "-m", "flows.github")
    gone = {"name": "x", "spec": "flows/specs/gone.yaml", "engine": "local", "job": "", "options": {}}
    assert runner.step(*step, "collect", RETUNE_RUN=json.dumps(gone)) == 66
    assert runner.step(*step, "tell", RETUNE_RUN=json.dumps(gone)) == 0
    assert "ended with exit code 66" in runner.summary

    foreign = {"spec": "", "engine": "local", "job": "not-ours-01", "options": {}}
    assert runner.step(*step, "collect", RETUNE_RUN=json.dumps(foreign)) == 0
    assert "not-ours-01 is no job of this project" in runner.summary

    kept = retune.home / "store" / "retune-local" / "submissions" / "ours-01.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"options": {"spec": gone["spec"], "overrides": []}}))
    ours = json.dumps({**foreign, "job": "ours-01"})
    assert runner.step(*step, "collect", RETUNE_RUN=ours) == 65, "a search that was paid for is not passed over"
    assert runner.step(*step, "tell", RETUNE_RUN=ours) == 0
    assert "there is no spec" in runner.summary

    event = runner.event("workflow_dispatch", {"inputs": {"spec": "flows/specs/x.yaml", "set": "a=b"}})
    assert runner.step(*step, "select", **event) == 65
    assert runner.outputs == {}
