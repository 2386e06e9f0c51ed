"""A tuning job with plain boto3: scikit-learn's breast cancer data, SageMaker's built-in XGBoost, eight trials.

The endpoint, keys and region come from the environment, as `retune amt serve` prints them; without them it is AWS.

    retune amt serve &                # then export the four lines it prints
    python examples/boto3_search/search.py .retune/store
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import boto3
from sklearn.datasets import load_breast_cancer

REGION, BUCKET, NAME = "us-east-1", "my-bucket", f"cancer-{int(time.time())}"
# Any sagemaker-xgboost image is the built-in algorithm; one's own script goes by `sagemaker_program` instead.
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def put_data(store: Path) -> None:
    """Two channels of CSV, the label first and no header; `s3://my-bucket/...` is `STORE/my-bucket/...`."""
    features, labels = load_breast_cancer(return_X_y=True)
    for channel, rows in (("train", slice(0, 400)), ("validation", slice(400, None))):
        folder = store / BUCKET / "data" / channel
        folder.mkdir(parents=True, exist_ok=True)
        lines = [",".join(map(str, (label, *row))) for label, row in zip(labels[rows], features[rows], strict=True)]
        (folder / "part.csv").write_text("\n".join(lines) + "\n")


def channel(name: str) -> dict[str, object]:
    """One entry of InputDataConfig."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/{name}/"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def main() -> None:
    """Create, wait, and print the best training job."""
    put_data(Path(sys.argv[1]))
    sagemaker = boto3.client("sagemaker", region_name=REGION)
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=NAME,
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
                ],
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "8"}],
            },
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "StaticHyperParameters": {"objective": "binary:logistic", "num_round": "50"},
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "RoleArn": "arn:aws:iam::111122223333:role/any",
        },
    )
    while True:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME)
        if job["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            break
        time.sleep(1)
    best = job["BestTrainingJob"]
    value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    sys.stdout.write(f"{job['HyperParameterTuningJobStatus']}: validation:auc {value:.5f} at ")
    sys.stdout.write(f"{best['TunedHyperParameters']}\n")


if __name__ == "__main__":
    main()
