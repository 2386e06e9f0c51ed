"""Rows: strategies, early stopping, warm start (amt.md 3)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_JOBS = "contract/test_amt_over_http.py::TestTuningJobsOverHttp"
_HALVING = "unit/amt/test_amt_halving.py"
_MEDIAN = "unit/amt/test_amt_median_rule.py"
_PARENTS = "unit/amt/test_amt_warm_start_rules.py"
_LAWS = "unit/samplers/test_sampler_laws.py"

_STRATEGIES = Part(
    title="Strategies",
    rows=(
        Row(
            aws="Random: independent draws, uniform on each range's scale.",
            tests=tests("unit/samplers/test_random_search.py", "test_draws_are_uniform_on_their_scale"),
        ),
        Row(
            aws="The same RandomSeed gives Random, Grid and Hyperband the same configurations, at any parallelism.",
            tests=(
                *tests(_JOBS, "test_the_same_seed_gives_the_same_sequence"),
                *tests("unit/samplers/test_random_search.py", "test_the_sequence_is_the_same_at_any_parallelism"),
            ),
        ),
        Row(
            aws="Bayesian: the same seed improves reproducibility only.",
            differs="at one parallel job the same seed gives the same search; beyond that the order of ends decides.",
            tests=tests(_LAWS, "test_the_seed_decides_the_search"),
        ),
        Row(
            aws="Bayesian: Gaussian process, expected improvement, running jobs taken into account.",
            differs="the same family, our own numbers: hyperparameters of the process by maximum a posteriori "
            "instead of "
            "slice sampling (unpublished details are not guessed at); benchmarks/README.md measures it.",
            tests=tests(
                "unit/samplers/test_bayesian_search.py",
                "test_known_optima_are_found_where_random_search_does_not_come_near",
                "test_running_trials_push_the_next_one_away",
            ),
        ),
        Row(
            aws="Failed training jobs do not enter the model.",
            tests=tests(_LAWS, "test_a_trial_without_a_finite_objective_is_not_proposed_again"),
        ),
        Row(
            aws="ScalingType Auto: the service chooses (rule unpublished).",
            differs="logarithmic from two orders of magnitude above zero, else linear.",
            tests=tests(
                "unit/samplers/test_parameter_space.py",
                "test_auto_is_logarithmic_from_two_orders_of_magnitude_above_zero",
            ),
        ),
        Row(
            aws="Grid: every combination once; MaxNumberOfTrainingJobs may be left out.",
            tests=tests(_JOBS, "test_grid_trains_the_whole_product_once"),
        ),
        Row(
            aws="Hyperband: under-performers are stopped on the live metric stream and count as training jobs.",
            tests=tests(_JOBS, "test_hyperband_stops_what_falls_behind_and_counts_it"),
        ),
        Row(
            aws="Hyperband: nothing is stopped before MinResource.",
            tests=tests(_HALVING, "test_below_the_least_resource_nothing_stops"),
        ),
        Row(
            aws="Hyperband: what reaches MaxResource is stopped.",
            differs="what goes on beyond it is: here the signal would come between a script's last value and its "
            "model, and one whose last epoch it is completes.",
            tests=(
                *tests(_HALVING, "test_all_stop_at_the_most_resource"),
                *tests(
                    "unit/amt/test_amt_live_stopping.py",
                    "test_one_that_ends_at_max_resource_by_itself_completes_with_its_model",
                ),
            ),
        ),
        Row(
            aws="Hyperband: reduction factor and rung rule are unpublished.",
            differs="asynchronous successive halving, a third goes on at each rung, as in AWS's own Syne Tune.",
            tests=tests(
                _HALVING,
                "test_rungs_are_powers_of_three_of_the_least_resource",
                "test_the_first_to_come_go_on_and_then_the_best_third",
            ),
        ),
    ),
)

_EARLY = Part(
    title="Early stopping",
    rows=(
        Row(
            aws="Auto stops a training job whose objective is worse than the median of the running averages.",
            tests=(
                *tests(_JOBS, "test_early_stopping_auto_stops_what_is_worse_than_the_median"),
                *tests(_MEDIAN, "test_the_present_value_is_held_against_the_median_of_running_averages"),
            ),
        ),
        Row(
            aws="When it may begin is unpublished.",
            differs="from ten completed training jobs, and from a quarter of their median length on: slow starters "
            "live.",
            tests=tests(
                _MEDIAN,
                "test_nothing_stops_before_ten_training_jobs_have_completed",
                "test_a_slow_start_gets_a_quarter_of_the_median_length",
            ),
        ),
        Row(
            aws="A training job that prints its objective once is never stopped.",
            tests=tests(_MEDIAN, "test_a_job_that_prints_once_is_never_stopped_among_longer_ones"),
        ),
        Row(
            aws="One that was stopped is Stopped, its last value counts, and it may be the best.",
            tests=tests(_JOBS, "test_early_stopping_auto_stops_what_is_worse_than_the_median"),
        ),
    ),
)

_WARM = Part(
    title="Warm start",
    rows=(
        Row(
            aws="IdenticalDataAndAlgorithm: the search goes on from the parents' training jobs; "
            "OverallBestTrainingJob.",
            tests=tests(_JOBS, "test_a_warm_start_on_identical_data_goes_on_where_its_parent_ended"),
        ),
        Row(
            aws="TransferLearning: how parents' data enter is unpublished.",
            differs="the parents' best three configurations are tried first, then their trials count as far as they "
            "agree "
            "with what the new job sees.",
            tests=tests(_JOBS, "test_a_warm_start_on_other_data_tries_the_parents_best_first"),
        ),
        Row(
            aws="One to five parents, which exist and have ended, each named once.",
            tests=(
                *tests(_JOBS, "test_a_parent_that_runs_or_is_unknown_is_refused"),
                *tests(_PARENTS, "test_a_parent_must_have_ended", "test_a_parent_counts_once"),
            ),
        ),
        Row(
            aws="Objective, the set of names (static and tuned) and each hyperparameter's type stay the same.",
            tests=tests(_PARENTS, "test_what_must_stay_the_same"),
        ),
        Row(
            aws="IdenticalDataAndAlgorithm needs the parents' data and image; TransferLearning does not.",
            tests=tests(_PARENTS, "test_identical_means_data_and_image"),
        ),
        Row(
            aws="Ranges, limits and machine may change, static become tuned and tuned static.",
            tests=tests(_PARENTS, "test_what_may_change_between_a_parent_and_its_child"),
        ),
        Row(
            aws="At most ten changes of static values and from tuned to static, as the guide counts them.",
            tests=tests(_PARENTS, "test_changes_are_counted_as_documented"),
        ),
        Row(
            aws="The parents' training jobs count towards the quota.",
            tests=tests(_PARENTS, "test_parents_training_jobs_count_towards_the_quota"),
        ),
        Row(
            aws="Only Bayesian and Random are warm-started.",
            tests=tests(_PARENTS, "test_only_bayesian_and_random_are_warm_started"),
        ),
    ),
)

PARTS = (_STRATEGIES, _EARLY, _WARM)
