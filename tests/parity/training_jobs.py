"""Rows: training jobs, those of a tuning job and single ones (amt.md 2.5)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"
_SINGLE = "contract/test_local_training_jobs.py::TestLocalTrainingJobs"

PARTS = (
    Part(
        title="Training jobs",
        rows=(
            Row(
                aws="SecondaryStatusTransitions are Starting, Downloading, Training, Uploading, Completed, with "
                "AWS's messages.",
                tests=tests(_AMT, "test_a_training_job_tells_its_life"),
            ),
            Row(
                aws="TrainingStartTime is the beginning of Downloading, TrainingEndTime that of the last status.",
                tests=tests(_AMT, "test_a_training_job_tells_its_life"),
            ),
            Row(
                aws="HyperParameters are static, tuned and `_tuning_objective_metric`; TuningJobArn names the tuning "
                "job.",
                tests=tests(_AMT, "test_a_training_job_tells_its_life"),
            ),
            Row(
                aws="FinalMetricDataList has each metric's last value.",
                tests=tests(_AMT, "test_a_training_job_tells_its_life"),
            ),
            Row(
                aws="DescribeTrainingJob of an unknown name is ValidationException `Requested resource not found.`",
                tests=tests(_AMT, "test_unknown_training_job"),
            ),
            Row(
                aws="Minutes pass until an instance is there.",
                differs="a training job starts at once; nothing waits only to look like AWS.",
            ),
            Row(
                aws="CreateTrainingJob trains a single job: built-in algorithm or script mode.",
                tests=tests(_SINGLE, "test_a_training_job_trains_the_built_in_algorithm"),
            ),
            Row(
                aws="FailureReason comes from `output/failure`, or the exit code.",
                tests=tests(_SINGLE, "test_a_script_s_failure_is_its_failure_reason"),
            ),
            Row(
                aws="StopTrainingJob ends it as Stopped; a second stop is refused.",
                tests=tests(_SINGLE, "test_a_training_job_can_be_stopped_once"),
            ),
            Row(
                aws="A training job of a tuning job can be stopped alone; the others go on.",
                tests=tests(_SINGLE, "test_one_training_job_of_a_tuning_job_can_be_stopped"),
            ),
            Row(
                aws="Names of training jobs are unique without regard to case, apart from those of tuning jobs.",
                tests=tests(_SINGLE, "test_names_are_unique_without_regard_to_case"),
            ),
            Row(
                aws="ListTrainingJobs has single ones and those of tuning jobs, filtered, sorted, paged.",
                tests=tests(_SINGLE, "test_training_jobs_are_listed_with_those_of_tuning_jobs"),
            ),
            Row(
                aws="ListTrainingJobs takes MaxResults rows first and filters by StatusEquals afterwards.",
                tests=tests(_SINGLE, "test_a_status_filters_the_page_and_not_the_list"),
            ),
            Row(
                aws="Tags and settings that change no result come back.",
                tests=tests(_SINGLE, "test_tags_and_what_is_only_kept_are_echoed"),
            ),
            Row(
                aws="CreateTrainingJob refuses a channel without objects.",
                tests=tests(_SINGLE, "test_a_missing_input_is_refused_before_anything_starts"),
            ),
            Row(
                aws="AlgorithmSpecification.ContainerEntrypoint replaces the image's entry point.",
                differs="refused by name. SDK v3's own driver (`ModelTrainer.train()` with source_code) has /opt/ml "
                "typed into "
                "its shell and Python files, and processes of one machine cannot each have an /opt/ml without root. "
                "The "
                "SDK's tuner sends no entry point and works.",
                tests=tests(_SINGLE, "test_what_cannot_be_done_is_refused_by_name"),
            ),
        ),
    ),
)
