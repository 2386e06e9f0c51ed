"""What a client of AMT may rely on with Spot and checkpoints. The rig's interruptions come every 0.5 s of training."""

from __future__ import annotations

from typing import Any

from amt_cases import a_request, put_script, trials_of, wait_for_end

from components.amt.spot import Interruptions, SpotMarket

MARKET = SpotMarket(interruptions=Interruptions(mean_s=0.5, notice_s=0.05, seed=3), discount=0.6)
# Ten steps of 0.1 s; each is kept, and a container goes on after the last one kept.
CHECKPOINTED = """
import os, sys, time
from pathlib import Path
eta = float(sys.argv[sys.argv.index('--eta') + 1])
folder = Path(os.environ['SAGEMAKER_BASE_DIR']) / 'checkpoints'
done = max((int(path.suffix[1:]) for path in folder.glob('step.*')), default=0)
print('began after', done, flush=True)
for step in range(done, 10):
    time.sleep(0.1)
    (folder / 'part').write_text('x')
    (folder / 'part').replace(folder / f'step.{step + 1}')
    print('loss =', eta * (step + 1), flush=True)
"""


def spot_request(name: str, *, code: str | None, **config: Any) -> dict[str, Any]:
    """A tuning job on Spot instances with checkpoints."""
    request = a_request(name, code=code, **config)
    request["TrainingJobDefinition"] |= {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        "CheckpointConfig": {"S3Uri": f"s3://bucket/checkpoints/{name}"},
    }
    return request


class SpotContract:
    """Subclass with a fixture `rig` whose local AMT has `MARKET`."""

    def test_interrupted_training_jobs_end_as_if_nothing_had_been(self, rig: Any) -> None:
        """Each goes on from its checkpoint, is Completed with the value of an undisturbed run, and none is failed."""
        rig.create_hyper_parameter_tuning_job(
            **spot_request("Spot", code=put_script(rig.store, CHECKPOINTED), jobs=6, parallel=2)
        )
        job = wait_for_end(rig, "Spot")
        assert job["TrainingJobStatusCounters"]["Completed"] == 6
        interrupted = 0
        for row in trials_of(rig, "Spot"):
            trial = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
            value = row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            assert abs(value - 10 * float(row["TunedHyperParameters"]["eta"])) < 1e-5
            statuses = [entry["Status"] for entry in trial["SecondaryStatusTransitions"]]
            assert statuses[-1] == "Completed"
            assert statuses.count("Training") == statuses.count("Interrupted") + 1
            interrupted += statuses.count("Interrupted")
            steps = {found.uri.rpartition(".")[2] for found in rig.store.list(_prefix("Spot", row))}
            assert "10" in steps
        assert interrupted >= 3

    def test_spot_is_billed_at_its_discount(self, rig: Any) -> None:
        """BillableTimeInSeconds is the training time of all attempts less the discount, rounded up."""
        rig.create_hyper_parameter_tuning_job(
            **spot_request("Bill", code=put_script(rig.store, CHECKPOINTED), jobs=1, parallel=1)
        )
        wait_for_end(rig, "Bill")
        trial = rig.describe_training_job(TrainingJobName=trials_of(rig, "Bill")[0]["TrainingJobName"])
        assert trial["EnableManagedSpotTraining"] is True
        # The training time is rounded down before it is shown, the billed one up after the discount.
        assert 1 <= trial["BillableTimeInSeconds"] <= trial["TrainingTimeInSeconds"] * 0.4 + 1.4
        assert trial["CheckpointConfig"] == {"S3Uri": "s3://bucket/checkpoints/Bill"}

    def test_on_demand_nothing_is_taken_away(self, rig: Any) -> None:
        """Training jobs that did not ask for Spot are never interrupted."""
        request = spot_request("Demand", code=put_script(rig.store, CHECKPOINTED), jobs=2, parallel=2)
        request["TrainingJobDefinition"]["EnableManagedSpotTraining"] = False
        request["TrainingJobDefinition"]["StoppingCondition"] = {"MaxRuntimeInSeconds": 60}
        rig.create_hyper_parameter_tuning_job(**request)
        wait_for_end(rig, "Demand")
        for row in trials_of(rig, "Demand"):
            trial = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
            assert "Interrupted" not in [entry["Status"] for entry in trial["SecondaryStatusTransitions"]]

    def test_checkpoints_in_the_store_are_where_a_training_job_begins(self, rig: Any) -> None:
        """A training job of its own finds what is under its S3Uri, as given."""
        from training_job_cases import a_training_job, wait_for

        for step in range(1, 10):
            rig.store.put_bytes(b"x", f"s3://bucket/kept/step.{step}")
        request = a_training_job(
            "Resumed", code=put_script(rig.store, CHECKPOINTED), CheckpointConfig={"S3Uri": "s3://bucket/kept"}
        )
        request["HyperParameters"]["eta"] = "0.5"
        rig.create_training_job(**request)
        job = wait_for(rig, "Resumed", "Completed", "Failed")
        assert {entry["MetricName"]: entry["Value"] for entry in job["FinalMetricDataList"]} == {"loss": 5.0}
        assert rig.store.exists("s3://bucket/kept/step.10")

    def test_the_built_in_algorithm_goes_on_from_its_checkpoint(self, rig: Any) -> None:
        """XGBoost interrupted again and again ends with the same metrics as undisturbed."""
        request = spot_request("Trees", code=None, jobs=1, parallel=1, metric="validation:logloss")
        request["TrainingJobDefinition"]["StaticHyperParameters"] |= {"num_round": "6000", "max_depth": "6"}
        plain = a_request("Plain", code=None, jobs=1, parallel=1, metric="validation:logloss")
        plain["TrainingJobDefinition"]["StaticHyperParameters"] |= {"num_round": "6000", "max_depth": "6"}
        for each in (request, plain):
            rig.create_hyper_parameter_tuning_job(**each)
        rows = [(wait_for_end(rig, name), trials_of(rig, name)[0])[1] for name in ("Trees", "Plain")]
        first, second = (row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in rows)
        assert first == second
        trial = rig.describe_training_job(TrainingJobName=rows[0]["TrainingJobName"])
        assert "Interrupted" in [entry["Status"] for entry in trial["SecondaryStatusTransitions"]]


def _prefix(job: str, row: dict[str, Any]) -> str:
    return f"s3://bucket/checkpoints/{job}/{row['TrainingJobName']}/"
