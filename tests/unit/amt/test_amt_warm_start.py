"""Parents of a warm start: what of them counts, and that a child keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amt_cases import a_request, names, put_script, trials_of, wait_for_end, wait_until

from components.amt import warm_start
from components.amt.client import LocalAmt
from components.amt.records import TrainingJob, TuningJob
from components.amt.remembered import RememberedTrial
from components.amt.requests import as_kept
from components.amt.store import AmtStore
from components.storage.local import FolderStore

ETA = "import sys\nprint('loss =', sys.argv[sys.argv.index('--eta') + 1])\n"


def warm(request: dict[str, Any], kind: str, *parents: str) -> dict[str, Any]:
    """A request with these parents."""
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent} for parent in parents],
        "WarmStartType": kind,
    }
    return request


def grid(count: int) -> dict[str, Any]:
    """Eta is one of so many values."""
    values = [f"0.{digit}" for digit in range(1, count + 1)]
    return {"ParameterRanges": {"CategoricalParameterRanges": [{"Name": "eta", "Values": values}]}}


def a_job(name: str, request: dict[str, Any], **others: Any) -> TuningJob:
    """A recorded job."""
    return TuningJob(
        name=name, arn=f"arn/{name}", request=as_kept(request), tags=(), seed=0,
        **{"status": "Completed", "created_s": 1.0, "modified_s": 1.0, **others},
    )  # fmt: skip


def a_trial(number: int, *, eta: float, objective: float | None = 0.5, **others: Any) -> TrainingJob:
    """A training job of `parent` that has ended."""
    return TrainingJob(
        name=f"parent-{number:03d}", tuning_job="parent", number=number, tuned={"eta": str(eta)}, objective=objective,
        created_s=0.0, modified_s=0.0, **{"status": "Completed", "secondary_status": "Completed", **others},
    )  # fmt: skip


@pytest.fixture
def record(tmp_path: Path) -> AmtStore:
    return AmtStore(tmp_path / "amt.sqlite")


def child_of(parent: TuningJob) -> TuningJob:
    """A child on identical data."""
    request = warm(a_request("child", code="s3://bucket/code.tar.gz"), "IdenticalDataAndAlgorithm", parent.name)
    return a_job("child", request, parents=[{"arn": parent.arn, "created_s": parent.created_s}])


@pytest.mark.parametrize(
    ("config", "kept"),
    [({}, [0.1, 0.2, 0.6]), ({"TrainingJobEarlyStoppingType": "Auto"}, [0.1, 0.2, 0.5, 0.6])],
)
def test_what_was_cut_short_is_no_result(record: AmtStore, config: dict[str, str], kept: list[float]) -> None:
    """Stopped from outside: its configuration is free again. Over its time, or stopped early: a result."""
    parent = a_job("parent", a_request("parent", code="s3://bucket/code.tar.gz", **config))
    record.add_tuning_job(parent)
    for trial in (
        a_trial(1, eta=0.1),
        a_trial(2, eta=0.2, objective=None, status="Failed", secondary_status="Failed"),
        a_trial(3, eta=0.3, objective=None, status="Stopped", secondary_status="Stopped"),
        a_trial(5, eta=0.5, status="Stopped", secondary_status="Stopped"),
        a_trial(6, eta=0.6, status="Stopped", secondary_status="MaxRuntimeExceeded"),
    ):
        record.add_training_job(trial)
    (known,) = warm_start.parent_trials(child_of(parent), record)
    assert known.identical
    assert [float(trial.hyperparameters["eta"]) for trial in known.finished] == kept
    record.close()


def test_failures_of_a_parent_that_failed_as_a_whole_are_tried_again(record: AmtStore) -> None:
    """Five failures without a success are the fault of what they had in common, not of their configurations."""
    parent = a_job("parent", a_request("parent", code="s3://bucket/code.tar.gz"), status="Failed")
    record.add_tuning_job(parent)
    record.add_training_job(a_trial(1, eta=0.1, objective=None, status="Failed", secondary_status="Failed"))
    (known,) = warm_start.parent_trials(child_of(parent), record)
    assert known.finished == []
    record.close()


def test_what_was_static_in_the_parent_is_filled_in(record: AmtStore) -> None:
    """A hyperparameter that is tuned now had one value in all of the parent's training jobs."""
    parent = a_job("parent", a_request("parent", code="s3://bucket/code.tar.gz", static={"depth": "6"}))
    record.add_tuning_job(parent)
    record.add_training_job(a_trial(1, eta=0.1))
    child = child_of(parent)
    config = {**child.config, "ParameterRanges": {"IntegerParameterRanges": [{"Name": "depth"}]}}
    child = replace(child, request={**child.request, "HyperParameterTuningJobConfig": config})
    (known,) = warm_start.parent_trials(child, record)
    assert [dict(trial.hyperparameters) for trial in known.finished] == [{"depth": "6"}]
    record.close()


def test_grandparents_do_not_count(amt: LocalAmt, store: FolderStore) -> None:
    """Not recursive: what only the parent's parent has trained may be trained again, and is no overall best."""
    code = put_script(store, ETA)
    amt.create_hyper_parameter_tuning_job(**a_request("grand", code=code, jobs=2, **grid(2)))
    wait_for_end(amt, "grand")
    middle = warm(a_request("middle", code=code, jobs=1, **grid(3)), "IdenticalDataAndAlgorithm", "grand")
    amt.create_hyper_parameter_tuning_job(**middle)
    wait_for_end(amt, "middle")
    child = warm(a_request("child", code=code, jobs=2, **grid(3)), "IdenticalDataAndAlgorithm", "middle")
    amt.create_hyper_parameter_tuning_job(**child)
    job = wait_for_end(amt, "child")
    assert [row["TunedHyperParameters"]["eta"] for row in trials_of(amt, "middle")] == ["0.3"]
    assert {row["TunedHyperParameters"]["eta"] for row in trials_of(amt, "child")} == {"0.1", "0.2"}
    assert "TuningJobName" not in job["OverallBestTrainingJob"]


def test_a_child_keeps_its_deleted_parent_over_a_crash(tmp_path: Path, store: FolderStore) -> None:
    """The parent is deleted and its name given away while the child runs; who takes over still knows it."""
    script = f"{ETA}import os, time\ngate = sys.argv[sys.argv.index('--gate') + 1]\n"
    script += "while gate != 'none' and not os.path.exists(gate): time.sleep(0.01)\n"
    code, gate = put_script(store, script), tmp_path / "gate"
    first = LocalAmt(home=tmp_path / "amt", store=store)
    first.create_hyper_parameter_tuning_job(**a_request("old", code=code, jobs=2, static={"gate": "none"}, **grid(4)))
    wait_for_end(first, "old")
    known = {row["TunedHyperParameters"]["eta"] for row in trials_of(first, "old")}
    best = names(first, "old")[0 if trials_of(first, "old")[0]["TunedHyperParameters"]["eta"] == min(known) else 1]
    child = a_request("young", code=code, jobs=2, parallel=1, static={"gate": str(gate)}, **grid(4))
    first.create_hyper_parameter_tuning_job(**warm(child, "IdenticalDataAndAlgorithm", "OLD"))
    wait_until(first, "young", lambda _: any(bool(first.metric_curve(name)) for name in names(first, "young")))
    first.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="old")
    other = a_request("old", code=code, jobs=1, static={"gate": "none"}, **grid(1))
    first.create_hyper_parameter_tuning_job(**other)
    wait_for_end(first, "old")
    first.close()
    gate.touch()
    second = LocalAmt(home=tmp_path / "amt", store=store)
    job = wait_for_end(second, "young")
    trained = {row["TunedHyperParameters"]["eta"] for row in trials_of(second, "young")}
    second.close()
    assert known | trained == {"0.1", "0.2", "0.3", "0.4"}
    if min(known) < min(trained):
        assert job["OverallBestTrainingJob"]["TrainingJobName"] == best
        assert job["OverallBestTrainingJob"]["TuningJobName"] == "old"
    else:
        assert job["OverallBestTrainingJob"] == job["BestTrainingJob"]


def test_a_job_of_elsewhere_is_remembered_once_and_can_be_a_parent(amt: LocalAmt, store: FolderStore) -> None:
    """What somebody's records say of a search is described, listed and taken as a parent like one's own."""
    old = a_request("Elsewhere", code=put_script(store, "print('loss = 1')\n"), jobs=3)
    trials = [
        RememberedTrial(tuned={"eta": "0.3"}, objective=0.5),
        RememberedTrial(tuned={"eta": "0.4"}, objective=None),
    ]
    assert amt.remember(old, trials, created_s=1_795_000_000.0)
    assert not amt.remember(old, trials, created_s=1_795_000_000.0)
    told = amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="elsewhere")
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["BestTrainingJob"]["TunedHyperParameters"] == {"eta": "0.3"}
    assert len(trials_of(amt, "Elsewhere")) == 2
    new = a_request("Child", code=put_script(store, "print('loss = 1')\n"), jobs=1)
    new["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "Elsewhere"}],
        "WarmStartType": "TransferLearning",
    }
    amt.create_hyper_parameter_tuning_job(**new)
    wait_for_end(amt, "Child")
    assert trials_of(amt, "Child")[0]["TunedHyperParameters"] == {"eta": "0.3"}
