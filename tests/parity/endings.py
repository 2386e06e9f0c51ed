"""Rows: the loop of a tuning job and its ends (amt.md 1.5, 2.2, 2.4)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"
_JOBS = "contract/test_amt_over_http.py::TestTuningJobsOverHttp"
_COMPLETION = "unit/amt/test_amt_completion.py"
_CRITERIA = "unit/amt/test_amt_endings.py"
_SUPERVISION = "unit/amt/test_amt_supervision.py"
_TAKEOVER = "unit/amt/test_amt_takeover.py"

_LOOP = Part(
    title="The loop",
    rows=(
        Row(
            aws="Up to MaxParallelTrainingJobs run at once, a new one as soon as one ends.",
            tests=(
                *tests(_SUPERVISION, "test_parallel_training_jobs_reach_their_limit_and_never_pass_it"),
                *tests(_COMPLETION, "test_training_jobs_up_to_the_limits"),
            ),
        ),
        Row(
            aws="Status is InProgress from Create on and Completed at the limit.",
            tests=tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
        ),
        Row(
            aws="No combination is evaluated twice; a finite space that is exhausted ends the job.",
            tests=tests(_SUPERVISION, "test_a_finite_space_that_is_exhausted_completes"),
        ),
        Row(
            aws="The service survives: a job goes on whatever happens to a client.",
            differs="the job lives in a process of this machine: when that is killed, the next one that asks takes it "
            "over and adopts what was trained.",
            tests=tests(
                _TAKEOVER, "test_a_second_client_takes_over", "test_an_exit_record_is_adopted_and_not_run_again"
            ),
        ),
    ),
)

_ENDS = Part(
    title="How a tuning job ends",
    rows=(
        Row(
            aws="MaxRuntimeInSeconds of the tuning job ends it as Completed.",
            tests=tests(_SUPERVISION, "test_a_job_over_its_time_completes"),
        ),
        Row(
            aws="MaxRuntimeInSeconds of a training job stops that job: Stopped, MaxRuntimeExceeded.",
            tests=tests(_SUPERVISION, "test_a_training_job_over_its_time_is_stopped"),
        ),
        Row(
            aws="TargetObjectiveMetricValue ends the job once a training job reaches it.",
            tests=(
                *tests(_JOBS, "test_a_target_that_is_reached_ends_the_job"),
                *tests(_CRITERIA, "test_a_target_is_compared_as_float32"),
            ),
        ),
        Row(
            aws="BestObjectiveNotImproving ends the job after so many training jobs in a row without a better best "
            "(sources disagree about 1 %).",
            differs="as the API text has it: a gain below 1 % is none.",
            tests=(
                *tests(_JOBS, "test_what_does_not_improve_for_long_ends"),
                *tests(_CRITERIA, "test_training_jobs_that_do_not_improve_are_counted"),
            ),
        ),
        Row(
            aws="What becomes of running training jobs when a criterion is met is unpublished.",
            differs="they are Stopped with what they have emitted, which counts; the tuning job is Completed.",
            tests=tests(
                _CRITERIA,
                "test_a_criterion_that_is_met_stops_what_runs",
                "test_running_training_jobs_are_stopped_when_the_target_is_reached",
            ),
        ),
        Row(
            aws="Without MaxNumberOfTrainingJobs the criteria end the job (what the service puts in is unpublished).",
            differs="so does the strategy's quota of training jobs.",
            tests=tests(_CRITERIA, "test_without_a_number_of_training_jobs_the_quota_ends"),
        ),
        Row(
            aws="ConvergenceDetected ends a job when an internal detector says so.",
            differs="refused by name: the detector is unpublished.",
            tests=tests(_AMT, "test_what_comes_later_is_refused_by_name"),
        ),
        Row(
            aws="Five failures without a success end the job as Failed, with AWS's text.",
            tests=(
                *tests(_COMPLETION, "test_five_failures_without_a_success"),
                *tests(_SUPERVISION, "test_five_failures_without_a_success_fail_the_job"),
            ),
        ),
        Row(
            aws="Some failed training jobs do not fail the job.",
            tests=tests(_SUPERVISION, "test_some_failures_do_not_fail_the_job"),
        ),
        Row(
            aws="Stop stops what runs; the job is Stopping, then Stopped; a second Stop is refused.",
            tests=tests(_AMT, "test_stop_ends_what_runs"),
        ),
        Row(
            aws="Delete removes the entry of a job that has ended, not its training jobs.",
            tests=tests(_JOBS, "test_a_deleted_job_is_gone_and_its_training_jobs_stay"),
        ),
        Row(
            aws="Delete of a running job is refused (`not in a terminal state`).",
            tests=tests(_JOBS, "test_a_running_job_cannot_be_deleted"),
        ),
    ),
)

PARTS = (_LOOP, _ENDS)
