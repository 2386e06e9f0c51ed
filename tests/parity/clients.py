"""Rows: unmodified clients (amt.md 1.9, 5)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_SDK = "clients/test_sagemaker_sdk.py"
_CLI = "clients/test_aws_cli.py"

PARTS = (
    Part(
        title="Clients as they are",
        rows=(
            Row(
                aws="boto3: every call, request and answer checked against botocore's model.",
                tests=tests(
                    "contract/test_amt_over_http.py::TestAmtOverHttp",
                    "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model",
                ),
            ),
            Row(
                aws="SDK v3's HyperparameterTuner with a built-in algorithm: tune(), wait(), best_training_job(), "
                "analytics().dataframe().",
                tests=tests(_SDK, "test_the_tuner_tunes_waits_and_tells_with_a_built_in_algorithm"),
            ),
            Row(
                aws="The tuner with source_code: sourcedir.tar.gz, `sagemaker_program`, the channel `sm_drivers`.",
                tests=tests(_SDK, "test_the_tuner_runs_a_script_with_source_code_and_its_drivers"),
            ),
            Row(aws="The tuner's stop_tuning_job().", tests=tests(_SDK, "test_the_tuner_stops_a_job")),
            Row(
                aws="SDK v3's ModelTrainer.train() with a built-in algorithm.",
                tests=tests(_SDK, "test_the_trainer_trains_a_single_job"),
            ),
            Row(
                aws="ModelTrainer.train() with source_code.",
                tests=tests(_SDK, "test_the_trainer_trains_a_script_with_source_code"),
            ),
            Row(
                aws="The SDK shows the container's log while it waits (logs=True).",
                differs="there is no CloudWatch to read it from: wait with logs=False; `retune logs` shows the log.",
            ),
            Row(
                aws="The SDK uploads data and code to S3 itself.",
                differs="S3 is not part of the local AMT: it takes any endpoint that speaks S3 "
                "(AWS_ENDPOINT_URL_S3), or a "
                "folder when clients upload nothing.",
                tests=tests(_SDK, "test_the_tuner_runs_a_script_with_source_code_and_its_drivers"),
            ),
            Row(
                aws="AWS CLI: create --cli-input-json, describe, both lists with its own paging, tags.",
                tests=tests(_CLI, "test_a_job_is_created_described_and_listed"),
            ),
            Row(aws="AWS CLI: stop, delete.", tests=tests(_CLI, "test_a_job_is_stopped_and_deleted")),
            Row(
                aws="AWS CLI: refusals tell AWS's code and text.",
                tests=tests(_CLI, "test_what_is_refused_is_told_as_awss"),
            ),
            Row(
                aws="AWS CLI: create-training-job and the waiter training-job-completed-or-stopped.",
                tests=tests(_CLI, "test_a_training_job_is_created_and_waited_for"),
            ),
        ),
    ),
)
