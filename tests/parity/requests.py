"""Rows: what CreateHyperParameterTuningJob refuses, and how (amt.md 1, 0)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_REFUSED = "test_what_aws_refuses_is_refused"
_SPACE = "test_a_space_that_aws_refuses_is_refused"
_BOUNDS = "unit/amt_validation/test_range_rules.py"
_RULES = "unit/amt_validation/test_request_rules.py"
_MODEL = "unit/amt_validation/test_service_model.py"
_ANSWERS = "contract/test_amt_answers.py"
_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"


def _refused(*cases: str) -> tuple[str, ...]:
    return tests(_RULES, *(f"{_REFUSED}[{case}]" for case in cases))


def _space(*cases: str) -> tuple[str, ...]:
    return tests(_BOUNDS, *(f"{_SPACE}[{case}]" for case in cases))


_FORM = Part(
    title="What Create takes and refuses: form",
    rows=(
        Row(
            aws="Maximum values and lengths, patterns and enums, which clients do not check, are enforced by the "
            "server.",
            tests=tests(_MODEL, "test_what_the_client_lets_through_is_found"),
        ),
        Row(
            aws="All breaches of the model come in one ValidationException that counts them.",
            tests=tests(_MODEL, "test_aws_counts_the_errors_and_shows_them_all", "test_one_error_is_singular"),
        ),
        Row(aws="The minimal valid request is taken.", tests=tests(_MODEL, "test_the_minimal_request_has_no_breach")),
        Row(
            aws="Spot, both kinds of resource configuration, own metrics, tags, Grid without a number of jobs and the "
            "other published forms are taken.",
            tests=tests(_RULES, "test_what_aws_takes_is_taken"),
        ),
        Row(
            aws="Exactly one of TrainingJobDefinition and TrainingJobDefinitions is given.",
            tests=_refused("no definition"),
        ),
        Row(
            aws="Objective and ranges of a single definition stand in HyperParameterTuningJobConfig.",
            tests=_refused("ranges in the definition", "no objective"),
        ),
        Row(
            aws="Several definitions in one job are searched together.",
            differs="checked by AWS's rules, then refused by name: not built yet.",
            tests=(
                *tests(_RULES, "test_several_definitions_have_rules_of_their_own"),
                *tests(_ANSWERS, "test_autotune_and_several_definitions_are_refused_by_name"),
            ),
        ),
        Row(
            aws="Autotune fills ranges and limits where the request leaves them out.",
            differs="refused by name: how AWS chooses is unpublished.",
            tests=tests(_ANSWERS, "test_autotune_and_several_definitions_are_refused_by_name"),
        ),
        Row(
            aws="Members that are JSON null count as not given.",
            tests=tests("unit/amt/test_amt_requests.py", "test_members_that_are_none_are_not_there"),
        ),
        Row(
            aws="Network isolation, VPCs, KMS keys, record wrapping, Pipe mode, more than one instance and file "
            "systems "
            "are carried out.",
            differs="this machine has no such thing: what would change a result is refused by name, never ignored.",
            tests=(
                *tests("unit/amt/test_amt_requests.py", "test_what_would_have_no_effect_is_refused_by_name"),
                *tests("unit/amt/test_amt_channel_kinds.py", "test_what_is_not_read_here_is_refused_by_name"),
                *tests(_AMT, "test_what_comes_later_is_refused_by_name"),
            ),
        ),
    ),
)

_RANGES = Part(
    title="What Create takes and refuses: the search space",
    rows=(
        Row(aws="At least one range is needed without Autotune.", tests=_space("no ranges")),
        Row(aws="At most 30 ranges, all kinds together.", tests=_space("31 ranges")),
        Row(
            aws="A name is tuned or static, not both, and occurs once.", tests=_space("tuned and static", "range twice")
        ),
        Row(aws="AutoParameters need Autotune.", tests=_space("auto parameters")),
        Row(
            aws="Static and tuned hyperparameters are at most 100, the injected one included.",
            tests=_space("a hundred hyperparameters"),
        ),
        Row(aws="Values of a categorical range differ.", tests=_space("categories twice")),
        Row(
            aws="MinValue < MaxValue; a range of one value is refused.",
            tests=tests(_BOUNDS, "test_bounds_are_numbers_in_order_within_the_scalings_domain"),
        ),
        Row(
            aws="Logarithmic needs a range above 0, ReverseLogarithmic 0 <= x < 1 and a continuous range.",
            tests=tests(_BOUNDS, "test_bounds_are_numbers_in_order_within_the_scalings_domain"),
        ),
        Row(
            aws="A finite space holds at least MaxNumberOfTrainingJobs combinations; the text prints a double, "
            "`[3.0]`.",
            tests=_space("too few combinations"),
        ),
        Row(
            aws="Grid takes categorical ranges only.",
            tests=_refused("grid of numbers"),
        ),
        Row(
            aws="Grid's MaxNumberOfTrainingJobs is the exact product, or left out.",
            tests=_refused("grid of another size"),
        ),
        Row(
            aws="Hyperband needs MaxResource, given or read from epochs, numepochs, n-epochs, n_epochs or num_epochs.",
            tests=(
                *_refused("hyperband without resource"),
                *tests(
                    "unit/amt/test_amt_halving.py", "test_the_most_resource_is_read_from_the_static_hyperparameters"
                ),
            ),
        ),
        Row(
            aws="Hyperband's MinResource <= MaxResource <= 20,000.",
            tests=_refused("hyperband backwards", "hyperband beyond the cap"),
        ),
        Row(aws="Hyperband needs early stopping Off.", tests=_refused("hyperband that stops early")),
        Row(aws="StrategyConfig goes with Hyperband only.", tests=_refused("strategy config")),
    ),
)

_DEFINITION = Part(
    title="What Create takes and refuses: the training job definition and limits",
    rows=(
        Row(
            aws="The objective is one of MetricDefinitions, unless the image is a built-in algorithm.",
            tests=_refused("objective not among the metrics"),
        ),
        Row(
            aws="A built-in algorithm brings its own metric definitions and refuses others.",
            tests=_refused("metrics of a built-in"),
        ),
        Row(
            aws="A built-in algorithm's objective is one of its `validation:` metrics.",
            tests=_refused("unknown objective of a built-in", "train metric as objective"),
        ),
        Row(
            aws="A metric's regex compiles and has a group; names are unique.",
            tests=_refused("broken regex", "regex without group", "metric twice"),
        ),
        Row(aws="TrainingImage or AlgorithmName, not both.", tests=_refused("image and algorithm")),
        Row(
            aws="ResourceConfig or HyperParameterTuningResourceConfig is needed, with type and count.",
            tests=_refused("no machine", "two machines", "no instance type", "no instance", "type and groups"),
        ),
        Row(
            aws="Spot needs MaxWaitTimeInSeconds >= MaxRuntimeInSeconds; without spot there is no "
            "MaxWaitTimeInSeconds.",
            tests=_refused(
                "spot without wait",
                "spot that waits too little",
                "spot against the default run time",
                "wait without spot",
            ),
        ),
        Row(aws="A training job runs at most 28 days.", tests=_refused("a month of training")),
        Row(aws="Channel names are unique.", tests=_refused("channel twice")),
        Row(
            aws="MaxParallelTrainingJobs <= MaxNumberOfTrainingJobs.",
            tests=_refused("more parallel than jobs"),
        ),
        Row(
            aws="A tuning job has an end: a number of jobs, a run time or a completion criterion.",
            tests=_refused("no end"),
        ),
        Row(
            aws="Quotas (750 jobs, 10,000 for Random, 100 parallel, 30 days) are ResourceLimitExceeded at Create.",
            tests=tests(_RULES, "test_quotas_are_the_accounts"),
        ),
        Row(
            aws="The account's quota of instances by type is checked at Create.",
            differs="there is no account: this machine's processors are the only quota, and jobs share them.",
        ),
        Row(
            aws="RandomSeed fits an integer.",
            tests=tests("unit/amt/test_amt_requests.py", "test_a_seed_beyond_an_integer_is_refused"),
        ),
        Row(
            aws="A channel without objects is refused at Create, naming bucket, region and role.",
            tests=(
                *tests(_AMT, "test_missing_input_is_refused_at_create"),
                *tests("unit/amt/test_amt_requests.py", "test_inputs_that_cannot_be_there_are_not_there"),
            ),
        ),
        Row(
            aws="The role is assumed at Create (`Could not assume role`).",
            differs="its ARN is checked by pattern only; nothing of AWS but S3 is called.",
            tests=tests(_MODEL, "test_what_the_client_lets_through_is_found"),
        ),
    ),
)

PARTS = (_FORM, _RANGES, _DEFINITION)
