"""What a client of AMT may rely on in a tuning job: strategies, endings, early stopping, warm start, Delete."""

from __future__ import annotations

from typing import Any

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end, wait_until
from botocore.exceptions import ClientError

ETA = "import sys\nprint('loss =', sys.argv[sys.argv.index('--eta') + 1])\n"
# Emits its eta again and again, until it is stopped or has emitted 40 values.
CURVE = """
import sys, time
eta = float(sys.argv[sys.argv.index('--eta') + 1])
for step in range(40):
    print('loss =', eta, flush=True)
    time.sleep(0.02)
"""
GRID: dict[str, Any] = {
    "CategoricalParameterRanges": [
        {"Name": "eta", "Values": ["0.1", "0.2", "0.3"]},
        {"Name": "booster", "Values": ["gbtree", "dart"]},
    ]
}


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Code and text of the error a call raises."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def tuned(rig: Any, name: str) -> list[dict[str, str]]:
    """Tuned hyperparameters of a job's training jobs, in order."""
    return [row["TunedHyperParameters"] for row in trials_of(rig, name)]


class TuningJobContract:
    """Subclass with a fixture `rig`; every case then runs against that client."""

    def test_grid_trains_the_whole_product_once(self, rig: Any) -> None:
        """Strategy Grid without MaxNumberOfTrainingJobs trains every combination exactly once, then Completed."""
        code = put_script(rig.store, ETA)
        request = a_request("Grid", code=code, Strategy="Grid", ParameterRanges=GRID)
        request["HyperParameterTuningJobConfig"]["ResourceLimits"] = {"MaxParallelTrainingJobs": 2}
        rig.create_hyper_parameter_tuning_job(**request)
        assert wait_for_end(rig, "Grid")["HyperParameterTuningJobStatus"] == "Completed"
        pairs = sorted((row["booster"], row["eta"]) for row in tuned(rig, "Grid"))
        assert pairs == sorted((booster, eta) for booster in ("gbtree", "dart") for eta in ("0.1", "0.2", "0.3"))

    @pytest.mark.parametrize(("strategy", "parallel"), [("Random", 3), ("Grid", 2), ("Hyperband", 3), ("Bayesian", 1)])
    def test_the_same_seed_gives_the_same_sequence(self, rig: Any, strategy: str, parallel: int) -> None:
        """Random, Grid and Hyperband repeat a seed's sequence however they run; Bayesian does with one at a time."""
        code = put_script(rig.store, ETA)
        config: dict[str, Any] = {"Strategy": strategy, "RandomSeed": 5}
        if strategy == "Grid":
            config["ParameterRanges"] = GRID
        if strategy == "Hyperband":
            config["StrategyConfig"] = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
        jobs = 6 if strategy == "Grid" else 9
        for name in ("seed-a", "seed-b"):
            request = a_request(f"{name}-{strategy}", code=code, jobs=jobs, parallel=parallel, **config)
            rig.create_hyper_parameter_tuning_job(**request)
        for name in ("seed-a", "seed-b"):
            wait_for_end(rig, f"{name}-{strategy}")
        assert tuned(rig, f"seed-a-{strategy}") == tuned(rig, f"seed-b-{strategy}")

    def test_hyperband_stops_what_falls_behind_and_counts_it(self, rig: Any) -> None:
        """Training jobs that lose at a rung are Stopped with their last value, which counts and may be the best."""
        code = put_script(rig.store, CURVE)
        config = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 40}}}
        request = a_request("Band", code=code, jobs=8, parallel=2, Strategy="Hyperband", **config)
        rig.create_hyper_parameter_tuning_job(**request)
        job = wait_for_end(rig, "Band")
        assert job["HyperParameterTuningJobStatus"] == "Completed"
        assert job["TrainingJobStatusCounters"]["Stopped"] >= 3
        assert job["ObjectiveStatusCounters"] == {"Succeeded": 8, "Pending": 0, "Failed": 0}
        etas = {row["TrainingJobName"]: float(row["TunedHyperParameters"]["eta"]) for row in trials_of(rig, "Band")}
        assert job["BestTrainingJob"]["TrainingJobName"] == min(etas, key=lambda name: etas[name])
        stopped = [row for row in trials_of(rig, "Band") if row["TrainingJobStatus"] == "Stopped"]
        assert all("FinalHyperParameterTuningJobObjectiveMetric" in row for row in stopped)

    def test_early_stopping_auto_stops_what_is_worse_than_the_median(self, rig: Any) -> None:
        """After ten completed training jobs, those behind the median of the others' averages are stopped."""
        code = put_script(rig.store, CURVE.replace("40", "20"))
        request = a_request("Early", code=code, jobs=20, parallel=2, TrainingJobEarlyStoppingType="Auto")
        rig.create_hyper_parameter_tuning_job(**request)
        job = wait_for_end(rig, "Early")
        rows = trials_of(rig, "Early")
        assert job["TrainingJobStatusCounters"]["Stopped"] >= 1
        assert all(row["TrainingJobStatus"] == "Completed" for row in rows[:9])
        values = sorted(float(row["TunedHyperParameters"]["eta"]) for row in rows[:10])
        for row in rows:
            if row["TrainingJobStatus"] == "Stopped":
                assert float(row["TunedHyperParameters"]["eta"]) > values[2]
                assert row["ObjectiveStatus"] == "Succeeded"

    def test_a_target_that_is_reached_ends_the_job(self, rig: Any) -> None:
        """TargetObjectiveMetricValue: the first training job that reaches it ends the tuning job as Completed."""
        code = put_script(rig.store, ETA)
        request = a_request("Target", code=code, jobs=50, parallel=1)
        request["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] = {"TargetObjectiveMetricValue": 0.4}
        rig.create_hyper_parameter_tuning_job(**request)
        job = wait_for_end(rig, "Target")
        values = [float(row["eta"]) for row in tuned(rig, "Target")]
        assert job["HyperParameterTuningJobStatus"] == "Completed"
        assert values[-1] <= 0.4 < min(values[:-1], default=1.0)

    def test_what_does_not_improve_for_long_ends(self, rig: Any) -> None:
        """BestObjectiveNotImproving: after so many training jobs without 1 % gain the job is Completed, and says so."""
        code = put_script(rig.store, "print('loss = 0.5')\n")
        request = a_request("Flat", code=code, jobs=50, parallel=1)
        request["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] = {
            "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}
        }
        rig.create_hyper_parameter_tuning_job(**request)
        job = wait_for_end(rig, "Flat")
        assert job["HyperParameterTuningJobStatus"] == "Completed"
        assert job["TuningJobCompletionDetails"] == {"NumberOfTrainingJobsObjectiveNotImproving": 3}
        assert len(trials_of(rig, "Flat")) == 4

    def test_a_deleted_job_is_gone_and_its_training_jobs_stay(self, rig: Any) -> None:
        """Delete frees the name; training jobs and artifacts stay; a running job cannot be deleted."""
        code = put_script(rig.store, ETA)
        rig.create_hyper_parameter_tuning_job(**a_request("Gone", code=code, jobs=2))
        wait_for_end(rig, "Gone")
        before = trials_of(rig, "Gone")
        rig.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="gone")
        code_, _ = refused(rig.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName="Gone")
        assert code_ == "ResourceNotFound"
        assert rig.list_hyper_parameter_tuning_jobs(NameContains="gone")["HyperParameterTuningJobSummaries"] == []
        for row in before:
            found = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
            assert found["TrainingJobStatus"] == "Completed"
        rig.create_hyper_parameter_tuning_job(**a_request("Gone", code=code, jobs=2))
        wait_for_end(rig, "Gone")
        assert {row["TrainingJobName"] for row in trials_of(rig, "Gone")}.isdisjoint(
            row["TrainingJobName"] for row in before
        )

    def test_a_running_job_cannot_be_deleted(self, rig: Any) -> None:
        """Delete of a job that is not in a terminal state is a ValidationException."""
        code = put_script(rig.store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(60)\n")
        rig.create_hyper_parameter_tuning_job(**a_request("Busy", code=code, jobs=2))
        answer = refused(rig.delete_hyper_parameter_tuning_job, HyperParameterTuningJobName="Busy")
        assert answer[0] == "ValidationException"
        assert "not in a terminal state" in answer[1]
        rig.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="Busy")
        wait_for_end(rig, "Busy")

    def test_a_warm_start_on_identical_data_goes_on_where_its_parent_ended(self, rig: Any) -> None:
        """Parents' configurations are not repeated, and OverallBestTrainingJob spans the parents."""
        code = put_script(rig.store, ETA)
        values = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.1", "0.2", "0.3", "0.4", "0.5"]}]}
        rig.create_hyper_parameter_tuning_job(
            **a_request("Parent", code=code, jobs=3, Strategy="Bayesian", ParameterRanges=values)
        )
        parent = wait_for_end(rig, "Parent")
        child = a_request("Child", code=code, jobs=2, Strategy="Bayesian", ParameterRanges=values)
        child["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "Parent"}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
        rig.create_hyper_parameter_tuning_job(**child)
        job = wait_for_end(rig, "Child")
        assert job["WarmStartConfig"] == child["WarmStartConfig"]
        assert sorted(row["eta"] for row in [*tuned(rig, "Parent"), *tuned(rig, "Child")]) == [
            f"0.{digit}" for digit in range(1, 6)
        ]
        overall = job["OverallBestTrainingJob"]
        assert overall["TunedHyperParameters"] == {"eta": "0.1"}
        if parent["BestTrainingJob"]["TunedHyperParameters"] == {"eta": "0.1"}:
            assert overall["TuningJobName"] == "Parent"

    def test_a_warm_start_on_other_data_tries_the_parents_best_first(self, rig: Any) -> None:
        """TransferLearning: three of the parents' configurations come first, the best ahead; no overall best."""
        code = put_script(rig.store, ETA)
        rig.create_hyper_parameter_tuning_job(**a_request("Old", code=code, jobs=6))
        wait_for_end(rig, "Old")
        ranked = sorted(tuned(rig, "Old"), key=lambda row: float(row["eta"]))
        child = a_request("New", code=code, jobs=4, parallel=1, Strategy="Bayesian")
        child["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "Old"}],
            "WarmStartType": "TransferLearning",
        }
        rig.create_hyper_parameter_tuning_job(**child)
        job = wait_for_end(rig, "New")
        first = tuned(rig, "New")[:3]
        assert first[0] == ranked[0]
        assert [row for row in ranked if row in first] == first
        assert "OverallBestTrainingJob" not in job

    def test_a_parent_that_runs_or_is_unknown_is_refused(self, rig: Any) -> None:
        """Parents must exist and be in a terminal state."""
        code = put_script(rig.store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(60)\n")
        rig.create_hyper_parameter_tuning_job(**a_request("Running", code=code, jobs=2))
        for parent, wanted in (("Running", "ValidationException"), ("Nobody", "ResourceNotFound")):
            child = a_request("Orphan", code=code)
            child["WarmStartConfig"] = {
                "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
                "WarmStartType": "TransferLearning",
            }
            answer = refused(rig.create_hyper_parameter_tuning_job, **child)
            assert answer[0] == wanted
            assert parent in answer[1]
        rig.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="Running")
        wait_until(rig, "Running", lambda job: job["HyperParameterTuningJobStatus"] == "Stopped")
