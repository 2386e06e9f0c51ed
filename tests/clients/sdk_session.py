"""What users of the SageMaker SDK v3 write, in its own environment: tune, wait, best, dataframe, stop, train.

Run as `python sdk_session.py BUCKET SOURCE_DIR RESULT`; the bucket holds `data/train/` and `data/validation/`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import HyperParameterTuningJob
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import (
    Compute,
    InputData,
    MetricDefinition,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)
from sagemaker.train.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter

ROLE = "arn:aws:iam::111122223333:role/Tuning"
OWN_IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"
LOSS = [{"Name": "loss", "Regex": r"loss = (\S+)"}]


def trainer(bucket: str, **more: Any) -> ModelTrainer:
    """A trainer on a spot instance."""
    return ModelTrainer(
        role=ROLE,
        sagemaker_session=Session(default_bucket=bucket),
        compute=Compute(
            instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5, enable_managed_spot_training=True
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=1200),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/out"),
        **more,
    )


def data(bucket: str) -> list[InputData]:
    """Both channels of the built-in algorithm."""
    return [
        InputData(channel_name=part, data_source=f"s3://{bucket}/data/{part}/", content_type="text/csv")
        for part in ("train", "validation")
    ]


def tune_xgboost(bucket: str) -> HyperparameterTuner:
    """The built-in XGBoost, by its image alone."""
    tuner = HyperparameterTuner(
        trainer(
            bucket,
            training_image=image_uris.retrieve("xgboost", region="us-east-1", version="3.2-0"),
            hyperparameters={"objective": "binary:logistic", "num_round": "3"},
        ),
        objective_metric_name="validation:auc",
        objective_type="Maximize",
        hyperparameter_ranges={
            "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
            "max_depth": IntegerParameter(2, 8),
            "booster": CategoricalParameter(["gbtree", "dart"]),
        },
        max_jobs=4,
        max_parallel_jobs=2,
        early_stopping_type="Auto",
        strategy="Bayesian",
        random_seed=7,
        tags=[{"Key": "team", "Value": "ml"}],
    )
    tuner.tune(inputs=data(bucket), job_name="SdkBuiltIn", wait=False)
    return tuner


def tune_script(bucket: str, source_dir: str, *, name: str, jobs: int, rounds: int) -> HyperparameterTuner:
    """A script of one's own: the SDK packs it, uploads its drivers beside it and adds the channel `sm_drivers`."""
    tuner = HyperparameterTuner(
        trainer(
            bucket,
            training_image=OWN_IMAGE,
            source_code=SourceCode(source_dir=source_dir, entry_script="train.py"),
            hyperparameters={"rounds": rounds, "verbose": True, "layers": [1, 2]},
            environment={"COLOUR": "blue"},
        ),
        objective_metric_name="loss",
        objective_type="Minimize",
        metric_definitions=LOSS,
        hyperparameter_ranges={"rate": ContinuousParameter(0.1, 0.9)},
        max_jobs=jobs,
        max_parallel_jobs=1,
        strategy="Random",
    )
    tuner.tune(job_name=name, wait=False)
    return tuner


def train_xgboost(bucket: str) -> ModelTrainer:
    """A single training job of the built-in XGBoost."""
    model_trainer = trainer(
        bucket,
        base_job_name="once",
        training_image=image_uris.retrieve("xgboost", region="us-east-1", version="3.2-0"),
        hyperparameters={"objective": "binary:logistic", "num_round": 3},
    )
    model_trainer.train(input_data_config=data(bucket), wait=False, logs=False)
    return model_trainer


def train_script(bucket: str, source_dir: str) -> ModelTrainer:
    """A single training job of one's own script: the SDK's driver is its entry point."""
    model_trainer = trainer(
        bucket,
        base_job_name="own",
        training_image=OWN_IMAGE,
        source_code=SourceCode(source_dir=source_dir, entry_script="train.py"),
        hyperparameters={"rounds": 2, "rate": 0.25, "verbose": True, "layers": [1, 2]},
        environment={"COLOUR": "blue"},
    ).with_metric_definitions([MetricDefinition(name="loss", regex=r"loss = (\S+)")])
    model_trainer.train(wait=False, logs=False)
    return model_trainer


def trained(model_trainer: ModelTrainer) -> dict[str, Any]:
    """What the SDK says of a single training job that has ended."""
    job = model_trainer._latest_training_job
    job.wait(logs=False)
    return {
        "name": job.training_job_name,
        "status": job.training_job_status,
        "artifact": job.model_artifacts.s3_model_artifacts,
        "metrics": {entry.metric_name: entry.value for entry in job.final_metric_data_list},
    }


def told(tuner: HyperparameterTuner) -> dict[str, Any]:
    """What the SDK says of a job that has ended."""
    tuner.wait()
    frame = tuner.analytics().dataframe()
    job = HyperParameterTuningJob.get(tuner.latest_tuning_job.hyper_parameter_tuning_job_name)
    jobs = [one.training_job_name for one in job.get_all_training_jobs()]
    return {
        "status": job.hyper_parameter_tuning_job_status,
        "best": None if job.best_training_job is None else tuner.best_training_job(),
        "columns": list(frame.columns),
        "names": list(frame["TrainingJobName"]),
        "statuses": list(frame["TrainingJobStatus"]),
        "objectives": [None if value != value else value for value in frame["FinalObjectiveValue"]],  # noqa: PLR0124  NaN
        "all_training_jobs": jobs,
    }


def main(bucket: str, source_dir: str, result: str) -> None:
    """Several jobs at once, as several users would have them."""
    endless = tune_script(bucket, source_dir, name="SdkStopped", jobs=3, rounds=1_000_000)
    built_in = tune_xgboost(bucket)
    script = tune_script(bucket, source_dir, name="SdkScript", jobs=2, rounds=2)
    once, own = train_xgboost(bucket), train_script(bucket, source_dir)
    answers = {"built_in": told(built_in), "script": told(script), "once": trained(once), "own": trained(own)}
    endless.stop_tuning_job()  # its first training job has begun meanwhile
    answers["stopped"] = told(endless)
    Path(result).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
