"""Parents beyond AMT's rules: beside the request, kept with the job, out of reach of a client on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amt_cases import a_request, a_store, put_script, trials_of, wait_for_end
from botocore.exceptions import ClientError

from components.amt import warm_start
from components.amt.client import LocalAmt
from components.amt.endpoint import OPERATIONS
from components.amt.remembered import RememberedTrial
from components.amt.service_model import breaches
from components.amt.store import AmtStore
from components.storage.local import FolderStore

CODE = "print('loss = 1')\n"


def eta(low: str = "0.1", high: str = "0.9") -> dict[str, Any]:
    """One continuous range."""
    return {"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": low, "MaxValue": high}]}}


def known(amt: LocalAmt, name: str, code: str, *trials: tuple[str, float], parents: tuple[str, ...] = ()) -> None:
    """A search that ended elsewhere, of these etas and losses."""
    told = [RememberedTrial(tuned={"eta": value}, objective=objective) for value, objective in trials]
    amt.remember(a_request(name, code=code, **eta()), told, created_s=1_795_000_000.0, parents=parents)


def test_six_parents_and_a_parents_parent_are_known(amt: LocalAmt, store: FolderStore) -> None:
    """AMT's five in the request and two beside it: all are kept, told by name, and the best of all is tried first."""
    code = put_script(store, CODE)
    for number in range(1, 8):
        known(amt, f"old-{number}", code, (f"0.{number}", 1 / number), ("0.85", 9.0))
    request = a_request("child", code=code, jobs=1, **eta())
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": f"old-{number}"} for number in range(1, 6)],
        "WarmStartType": "TransferLearning",
    }
    amt.create_beyond_amt(request, parents=["old-6", "OLD-5", "old-7", "old-6"])
    assert amt.parents_of("child") == tuple(f"old-{number}" for number in range(1, 8))
    job = wait_for_end(amt, "child")
    assert breaches("DescribeHyperParameterTuningJob", job, output=True) == []
    assert len(job["WarmStartConfig"]["ParentHyperParameterTuningJobs"]) == 5
    amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="old-7")
    assert amt.parents_of("child")[-1] == "old-6"


def test_beside_no_request_of_parents_the_search_is_led_all_the_same(amt: LocalAmt, store: FolderStore) -> None:
    """Other ranges: the best configuration, moved to the nearest end, is the first trial; no overall best is told."""
    code = put_script(store, CODE)
    known(amt, "old", code, ("0.7", 0.1), ("0.3", 0.5))
    amt.create_beyond_amt(a_request("child", code=code, jobs=2, parallel=1, **eta(high="0.5")), parents=["old"])
    job = wait_for_end(amt, "child")
    assert {row["TunedHyperParameters"]["eta"] for row in trials_of(amt, "child")} == {"0.5", "0.3"}
    assert "WarmStartConfig" not in job
    assert "OverallBestTrainingJob" not in job


def test_identical_parents_stay_identical_beside_others(amt: LocalAmt, store: FolderStore, tmp_path: Path) -> None:
    """A next attempt knows the one before it as its own, and what that one knew as another task; any process does."""
    code = put_script(store, CODE)
    known(amt, "old", code, ("0.7", 0.1))
    known(amt, "first", code, ("0.2", 0.3), parents=("old", "never-there"))
    assert amt.parents_of("first") == ("old",)
    request = a_request("second", code=code, jobs=1, **eta())
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "first"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    amt.create_beyond_amt(request, parents=["old"])
    job = wait_for_end(amt, "second")
    assert job["OverallBestTrainingJob"]["TuningJobName"] == "first"
    record = AmtStore(tmp_path / "amt" / "amt.sqlite")
    recorded = record.tuning_job("second")
    assert recorded is not None
    told = warm_start.parent_trials(recorded, record)
    assert [(parent.identical, [trial.objective for trial in parent.finished]) for parent in told] == [
        (True, [pytest.approx(0.3)]),
        (False, [pytest.approx(0.1)]),
    ]
    record.close()


def test_what_cannot_be_a_parent_even_so_is_refused(amt: LocalAmt, store: FolderStore) -> None:
    """One that is not there, one with another objective, and a strategy without parents; nothing is created."""
    code = put_script(store, CODE)
    amt.remember(a_request("other", code=code, metric="gain", **eta()), [], created_s=1.0)
    known(amt, "old", code, ("0.7", 0.1))
    child = a_request("child", code=code, jobs=1, **eta())
    with pytest.raises(ClientError, match="can't find a tuning job called nobody"):
        amt.create_beyond_amt(child, parents=["nobody"])
    with pytest.raises(ClientError, match=r"same as that of parent tuning job \[other\]"):
        amt.create_beyond_amt(child, parents=["other"])
    grid = {"ParameterRanges": {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.1"]}]}}
    child = a_request("child", code=code, jobs=1, Strategy="Grid", **grid)
    with pytest.raises(ClientError, match="Bayesian or Random, got Grid"):
        amt.create_beyond_amt(child, parents=["old"])
    assert amt.list_hyper_parameter_tuning_jobs(NameContains="child")["HyperParameterTuningJobSummaries"] == []


def test_no_client_on_the_wire_reaches_it(tmp_path: Path) -> None:
    """The method is no operation, and Create itself goes on refusing what AWS refuses."""
    assert not any("Beyond" in name for name in OPERATIONS)
    store = a_store(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    code = put_script(store, CODE)
    for number in range(6):
        known(amt, f"old-{number}", code, ("0.5", 0.5))
    request = a_request("child", code=code, jobs=1, **eta())
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": f"old-{number}"} for number in range(6)],
        "WarmStartType": "TransferLearning",
    }
    with pytest.raises(ClientError, match="less than or equal to 5"):
        amt.create_hyper_parameter_tuning_job(**request)
    with pytest.raises(ClientError, match="less than or equal to 5"):
        amt.create_beyond_amt(request, parents=[])
    with pytest.raises(ClientError, match="ValidationException"):
        amt.create_hyper_parameter_tuning_job(**a_request("child", code=code, jobs=1, **eta()), parents=["old-1"])
    amt.close()
