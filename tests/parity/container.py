"""Rows: the training container and metrics (amt.md 3.7, 4)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_ANSWERS = "contract/test_amt_answers.py"
_CONTAINER = "unit/amt/test_amt_container.py"
_METRICS = "unit/amt/test_amt_metrics.py"
_SUPERVISION = "unit/amt/test_amt_supervision.py"
_XGBOOST = "unit/trainers/test_xgboost_trainer.py"
_XGBOOST_DATA = "unit/trainers/test_xgboost_data.py"
_REQUIREMENTS = "unit/amt/test_amt_requirements.py"

_FILES = Part(
    title="The training container",
    rows=(
        Row(
            aws="`input/config/*.json` with every hyperparameter a string, data in `input/data/<channel>/`, "
            "TRAINING_JOB_NAME "
            "and _ARN, the definition's Environment.",
            tests=tests(_CONTAINER, "test_a_script_sees_sagemakers_contract_and_no_secret"),
        ),
        Row(
            aws="All this is below /opt/ml.",
            differs="below a folder of the training job's own, which SAGEMAKER_BASE_DIR names as for SageMaker's "
            "toolkit: "
            "processes of one machine cannot each have an /opt/ml without root. Scripts that read SM_* variables run "
            "unchanged; a path typed in as /opt/ml does not.",
            tests=tests(_CONTAINER, "test_a_script_sees_sagemakers_contract_and_no_secret"),
        ),
        Row(
            aws="Any image is run.",
            differs="no container runs: sagemaker-xgboost is trained by the xgboost installed here, every other image "
            "must be in script mode; others are refused by name.",
            tests=tests("unit/amt_validation/test_service_model.py", "test_every_sagemaker_xgboost_image_is_xgboost"),
        ),
        Row(
            aws="Script mode: SM_* variables, arguments `--name value` in order of names, reserved names kept back.",
            tests=tests(_CONTAINER, "test_a_script_sees_sagemakers_contract_and_no_secret"),
        ),
        Row(
            aws="A shell entry point is run by the shell.",
            tests=tests(
                _CONTAINER, "test_a_shell_entry_point_runs_in_the_shell", "test_a_shell_script_is_run_whatever_its_mode"
            ),
        ),
        Row(
            aws="`requirements.txt` beside a Python entry point is installed before it runs.",
            tests=tests(_REQUIREMENTS, "test_requirements_are_installed_once_for_all_training_jobs_and_jobs"),
        ),
        Row(
            aws="`setup.py` makes the source directory a package, run as `python -m`.",
            tests=tests(_REQUIREMENTS, "test_a_setup_py_makes_the_source_directory_a_package"),
        ),
        Row(
            aws="A failed install is the toolkit's InstallRequirementsError in FailureReason.",
            tests=tests(_REQUIREMENTS, "test_a_failing_install_fails_each_training_job_by_name_but_runs_once"),
        ),
        Row(
            aws="Objects keep their names below the channel's prefix.",
            tests=tests(_CONTAINER, "test_where_an_object_lands"),
        ),
        Row(
            aws="Exit code 0 is Completed, any other Failed: `AlgorithmError: ` and what `output/failure` holds, in "
            "script mode the toolkit's ExecuteUserScriptError, 1024 characters at most.",
            tests=(
                *tests(_ANSWERS, "test_a_failure_is_told_in_1024_characters"),
                *tests(_SUPERVISION, "test_a_script_segfault_is_the_algorithms_error"),
                *tests("unit/trainers/test_xgboost_hyperparameters.py", "test_a_refusal_is_the_failure_file"),
            ),
        ),
        Row(
            aws="Model and output are uploaded as `<S3OutputPath>/<job>/output/model.tar.gz` and `output.tar.gz`.",
            tests=tests(_ANSWERS, "test_model_and_output_are_archives_where_aws_puts_them"),
        ),
        Row(
            aws="A stop is SIGTERM, then SIGKILL after 120 s.",
            tests=tests(_SUPERVISION, "test_a_script_that_ignores_sigterm_is_killed_with_its_children"),
        ),
        Row(
            aws="Role credentials are in the container's reach.",
            differs="children get a scrubbed environment: no secret of this machine, no home with credentials.",
            tests=tests(_CONTAINER, "test_a_script_sees_sagemakers_contract_and_no_secret"),
        ),
    ),
)

_BUILT_IN = Part(
    title="The built-in XGBoost",
    rows=(
        Row(
            aws="CSV without header, label first, delimiter sniffed from the first line.",
            tests=tests(_XGBOOST_DATA, "test_csv_in_every_dress"),
        ),
        Row(aws="Parquet, label in column 0.", tests=tests(_XGBOOST_DATA, "test_parquet")),
        Row(
            aws="libsvm, the default content type.",
            tests=tests(_XGBOOST_DATA, "test_libsvm", "test_content_types"),
        ),
        Row(
            aws="recordio-protobuf, and Pipe mode in old containers.",
            differs="refused by name: nobody asked for them yet.",
            tests=tests(_XGBOOST_DATA, "test_content_types_that_are_refused"),
        ),
        Row(
            aws="Files whose names begin with `.` or `_` are skipped.",
            tests=tests(_XGBOOST_DATA, "test_hidden_and_empty_files_are_skipped_and_the_rest_is_read_in_order"),
        ),
        Row(
            aws="Unknown, missing or impossible hyperparameters are client errors with the container's texts.",
            tests=tests("unit/trainers/test_xgboost_hyperparameters.py", "test_what_the_container_refuses"),
        ),
        Row(
            aws="A line per round, TAB-separated, 5 decimals; the registered regex reads the TAB as `#011`.",
            tests=tests(
                _XGBOOST,
                "test_a_log_line_is_the_containers",
                "test_the_registered_regex_finds_the_line_as_cloudwatch_shows_it",
            ),
        ),
        Row(
            aws="The objective's metric is added to eval_metric and drives early_stopping_rounds.",
            tests=tests(_XGBOOST, "test_the_objective_metric_drives_early_stopping"),
        ),
        Row(
            aws="Metrics are those of the container, f1 being f1_macro.",
            tests=tests("unit/trainers/test_xgboost_metrics.py", "test_metrics_of_two_classes_are_scikit_learns"),
        ),
        Row(
            aws="With early_stopping_rounds the current container keeps the best round's model.",
            differs="the last round's model is kept, the one that was scored: a registered score can be recomputed.",
            tests=tests(_XGBOOST, "test_the_saved_model_is_the_one_of_the_last_line"),
        ),
        Row(
            aws="save_model_on_termination keeps the rounds so far at SIGTERM.",
            tests=tests(_XGBOOST, "test_sigterm_keeps_a_model_only_when_asked_to"),
        ),
    ),
)

_EXTRACTION = Part(
    title="Metrics",
    rows=(
        Row(
            aws="Regexes are searched for in stdout and stderr, a line at a time; the first group is the value.",
            tests=tests(_METRICS, "test_the_first_group_of_a_search_is_the_value"),
        ),
        Row(
            aws="A TAB is `#011` in the line that is searched.",
            differs="both forms are tried, so a regex written for the log as it is works too.",
            tests=tests(_METRICS, "test_the_first_group_of_a_search_is_the_value"),
        ),
        Row(
            aws="A capture that is no number emits nothing (unpublished).",
            tests=tests(_METRICS, "test_what_is_no_number_is_ignored"),
        ),
        Row(
            aws="The final objective is the last value emitted, as a 32-bit float.",
            tests=tests(_SUPERVISION, "test_the_last_value_counts_as_float32"),
        ),
        Row(
            aws="A training job that emits no objective is Completed with ObjectiveStatus Failed; so is NaN "
            "(unpublished).",
            tests=tests(_SUPERVISION, "test_no_usable_objective"),
        ),
        Row(
            aws="Metrics go to CloudWatch.",
            differs="there is no CloudWatch; curves are read through LocalAmt.metric_curve and MLflow.",
        ),
    ),
)

PARTS = (_FILES, _BUILT_IN, _EXTRACTION)
