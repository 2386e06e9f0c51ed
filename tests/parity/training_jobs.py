"""Rows: training jobs, those of a tuning job and single ones (amt.md 2.5)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"
_SINGLE = "contract/test_amt_over_http.py::TestTrainingJobsOverHttp"
_DRIVER = "unit/amt/test_amt_sdk_driver.py"

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
                differs="refused by name but for SDK v3's own driver, next row: no container runs here.",
                tests=(
                    *tests(_SINGLE, "test_what_cannot_be_done_is_refused_by_name"),
                    *tests(_DRIVER, "test_only_the_sdks_own_entry_point_is_its_driver"),
                ),
            ),
            Row(
                aws="SDK v3's driver (channels `sm_drivers` and `code`) is run as the entry point.",
                differs="what it would do is done with the same files, because /opt/ml is typed into it; `command` and "
                "`distributed` are refused by name.",
                tests=(
                    *tests("clients/test_sagemaker_sdk.py", "test_the_trainer_trains_a_script_with_source_code"),
                    *tests(_DRIVER, "test_what_is_not_done_here_is_refused_by_name"),
                ),
            ),
        ),
    ),
)
