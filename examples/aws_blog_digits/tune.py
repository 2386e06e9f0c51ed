"""AWS's published tuning example, against the local AMT: built-in XGBoost on handwritten digits, 50 jobs, 3 at a time.

It follows the notebook `1_tuning_of_builtin_xgboost.ipynb` of aws-samples/amazon-sagemaker-amt-visualize (October 2022)
and goes with the AWS blog post "Optimize hyperparameters with Amazon SageMaker Automatic Model Tuning". The notebook
speaks SDK v2; here the same job is asked for in SDK v3, the maintained one: same data, split, image, hyperparameters,
ranges, numbers of jobs. AMT's own best there: validation:accuracy 0.89815.

Of AWS it needs three things, and they are all that is changed: the endpoints and keys come from the environment
(`retune amt serve` prints them), and the bucket and the role are named, because there is no Studio to ask.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import boto3
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig
from sagemaker.train.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter
from sklearn import datasets

BUCKET = os.environ.get("BUCKET", "amt-visualize-demo")
ROLE = os.environ.get("ROLE", "arn:aws:iam::111122223333:role/SageMakerRole")
PREFIX = "amt-visualize-demo/data"
N_JOBS = 50
N_PARALLEL_JOBS = 3


def upload_digits(session: Session, bucket: str) -> None:
    """The first 70 % of the digits to train on, the rest to validate with; the label comes first, no header."""
    digits = datasets.load_digits()
    frame = pd.DataFrame(digits.data)
    frame.insert(0, "y", digits.target)
    cut = int(0.7 * len(frame))
    with tempfile.TemporaryDirectory() as folder:
        for part, rows in (("train", frame[:cut]), ("valid", frame[cut:])):
            path = Path(folder) / f"{part}.csv"
            rows.to_csv(path, index=False, header=False)
            target = session.boto_session.resource("s3").Bucket(bucket).Object(f"{PREFIX}/{part}/{part}.csv")
            target.upload_file(str(path))


def main() -> None:
    """Upload, tune, wait, and show what was found."""
    region = boto3.Session().region_name
    session = Session(default_bucket=BUCKET)
    bucket = session.default_bucket()
    upload_digits(session, bucket)

    trainer = ModelTrainer(
        training_image=image_uris.retrieve("xgboost", region, "1.5-1"),
        role=ROLE,
        sagemaker_session=session,
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/{PREFIX}/output"),
        hyperparameters={
            "num_class": 10,
            "max_depth": 5,
            "eta": 0.2,
            "alpha": 0.2,
            "objective": "multi:softmax",
            "eval_metric": "accuracy",
            "num_round": 200,
            "early_stopping_rounds": 5,
        },
    )
    tuner = HyperparameterTuner(
        trainer,
        base_tuning_job_name="bayesian",
        objective_metric_name="validation:accuracy",
        objective_type="Maximize",
        hyperparameter_ranges={
            "alpha": ContinuousParameter(0.01, 0.5),
            "eta": ContinuousParameter(0.1, 0.5),
            "min_child_weight": ContinuousParameter(0.0, 2.0),
            "max_depth": IntegerParameter(1, 10),
        },
        strategy="Bayesian",
        max_jobs=N_JOBS,
        max_parallel_jobs=N_PARALLEL_JOBS,
    )
    channels = {"train": f"s3://{bucket}/{PREFIX}/train", "validation": f"s3://{bucket}/{PREFIX}/valid"}
    tuner.tune(
        [InputData(channel_name=name, data_source=uri, content_type="csv") for name, uri in channels.items()],
        wait=False,
    )
    print(f"tuning job submitted: {tuner.latest_tuning_job.hyper_parameter_tuning_job_name}")
    tuner.wait()

    frame = tuner.analytics().dataframe()
    print(frame.sort_values("FinalObjectiveValue", ascending=False).to_string(index=False))
    print(f"best training job: {tuner.best_training_job()} {frame['FinalObjectiveValue'].max():.5f}")


if __name__ == "__main__":
    main()
