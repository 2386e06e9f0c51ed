"""Rows: names, what Describe echoes and tells, lists (amt.md 2)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"
_JOBS = "contract/test_amt_over_http.py::TestTuningJobsOverHttp"
_ANSWERS = "contract/test_amt_answers.py"
_COMPLETION = "unit/amt/test_amt_completion.py"
_SUPERVISION = "unit/amt/test_amt_supervision.py"

_NAMES = Part(
    title="Names",
    rows=(
        Row(
            aws="Names of tuning jobs are unique without regard to case; a second Create is ResourceInUse.",
            tests=tests(_AMT, "test_a_name_in_use_is_refused_whatever_its_case"),
        ),
        Row(
            aws="Of creates of one name at the same time one succeeds.",
            tests=tests(_AMT, "test_one_of_many_concurrent_creates_wins"),
        ),
        Row(
            aws="The tuning job's ARN has its name in lower case.",
            tests=tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
        ),
        Row(
            aws="Training jobs are `<tuning job>-<001...>-<8 hex>`, their ARNs in lower case.",
            tests=tests(_AMT, "test_a_training_job_tells_its_life"),
        ),
        Row(
            aws="Tags of Create belong to the tuning job and to every training job it launches.",
            tests=tests(_AMT, "test_tags_are_kept_and_belong_to_training_jobs_too"),
        ),
    ),
)

_DESCRIBE = Part(
    title="DescribeHyperParameterTuningJob",
    rows=(
        Row(
            aws="The request comes back; ScalingType Auto, `_tuning_objective_metric`, the definition "
            "`ObjectiveMetric` "
            "and the three booleans are added.",
            tests=tests(_AMT, "test_the_request_comes_back_with_what_the_service_adds"),
        ),
        Row(
            aws="A built-in algorithm's metric definitions are filled in, at most 40.",
            tests=tests(
                "unit/amt_validation/test_service_model.py", "test_the_table_of_the_algorithm_fits_the_service"
            ),
        ),
        Row(
            aws="Every answer has the service model's shape.",
            tests=tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
        ),
        Row(
            aws="Both groups of counters are always there, zeros included.",
            tests=tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
        ),
        Row(
            aws="BestTrainingJob is the best so far.",
            tests=(
                *tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
                *tests(_COMPLETION, "test_the_best_is_the_first_of_equals"),
            ),
        ),
        Row(
            aws="Metric values are 32-bit floats: a logged 2.91488 is 2.9148800373077393.",
            tests=(
                *tests(_COMPLETION, "test_float32_rounds_as_aws_does"),
                *tests(_ANSWERS, "test_a_value_is_a_float32_wherever_it_is_told"),
            ),
        ),
        Row(
            aws="Tuned values are strings: integers `7`, continuous the shortest decimal that reads back, categories "
            "as "
            "given.",
            tests=tests(
                "unit/samplers/test_parameter_space.py", "test_floats_are_written_in_the_shortest_form_that_reads_back"
            ),
        ),
        Row(
            aws="Training jobs' times inside summaries are whole seconds; jobs' own times have milliseconds.",
            tests=tests(_ANSWERS, "test_summaries_have_whole_seconds_and_jobs_milliseconds"),
        ),
        Row(
            aws="Until a training job has an objective there is no BestTrainingJob.",
            tests=tests(_ANSWERS, "test_without_an_objective_there_is_no_best"),
        ),
        Row(
            aws="ConsumedResources.RuntimeInSeconds is the wall clock of the tuning job.",
            differs="time in which no process of this machine supervises the job does not count.",
            tests=tests(_ANSWERS, "test_the_job_tells_its_own_time"),
        ),
        Row(
            aws="An unknown tuning job is ResourceNotFound, `Amazon SageMaker can't find a tuning job called ...`.",
            tests=tests("unit/amt/test_amt_takeover.py", "test_an_unknown_job_is_not_found"),
        ),
        Row(
            aws="A failed training job is counted as NonRetryableError, one lost to the service as RetryableError.",
            tests=(
                *tests(_SUPERVISION, "test_some_failures_do_not_fail_the_job"),
                *tests("unit/amt/test_amt_takeover.py", "test_a_runner_that_keeps_dying_is_an_internal_error"),
            ),
        ),
        Row(
            aws="TuningJobCompletionDetails count the training jobs that did not improve.",
            tests=tests(_JOBS, "test_what_does_not_improve_for_long_ends"),
        ),
        Row(
            aws="Each training job also becomes an Experiments trial component, and EventBridge hears of each change.",
            differs="there is no Experiments and no EventBridge here; retune logs every trial to MLflow instead.",
        ),
    ),
)

_LISTS = Part(
    title="Lists",
    rows=(
        Row(
            aws="Ten rows by default, by name ascending, with an opaque NextToken.",
            tests=tests(_AMT, "test_lists_are_paged_and_sorted", "test_lists_of_jobs_are_filtered"),
        ),
        Row(
            aws="Sorted by FinalObjectiveMetricValue, training jobs without an objective are left out.",
            tests=tests(_AMT, "test_lists_are_paged_and_sorted"),
        ),
        Row(
            aws="A NextToken of another request is refused.",
            tests=tests(_AMT, "test_lists_are_paged_and_sorted"),
        ),
        Row(
            aws="ListHyperParameterTuningJobs filters by name (any case), status and times.",
            tests=(
                *tests(_AMT, "test_lists_of_jobs_are_filtered"),
                *tests("unit/amt/test_amt_requests.py", "test_jobs_are_listed_by_times_given_as_text"),
            ),
        ),
    ),
)

PARTS = (_NAMES, _DESCRIBE, _LISTS)
