"""The rules of the search space: names, bounds, scaling domains, categories, and how many combinations there are."""

from __future__ import annotations

from typing import Any

import pytest
from tuning_request import bent, continuous, refused

from components.amt.validation import check_create

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no ranges": ({"config__ParameterRanges": {}}, "At least one hyperparameter range is needed without Autotune"),
    "auto parameters": (
        {"ranges__AutoParameters": [{"Name": "gamma", "ValueHint": "1"}]},
        "AutoParameters need Autotune, got none.",
    ),
    "31 ranges": (
        {"ranges__ContinuousParameterRanges": [continuous(f"p{index}", "0", "1") for index in range(29)]},
        "A tuning job searches at most 30 hyperparameters, got 31.",
    ),
    "tuned and static": (
        {"static__eta": "0.1"},
        "Hyperparameter [eta] must be either tuned or static, got it in both.",
    ),
    "range twice": (
        {"ranges__IntegerParameterRanges": [continuous("eta", "1", "2")]},
        "Hyperparameter names must be unique, got [eta] 2 times in the parameter ranges.",
    ),
    "nameless range": ({"ranges__IntegerParameterRanges": [continuous("", "1", "2")]}, "needs a name of its own"),
    "categories twice": (
        {"ranges__CategoricalParameterRanges": [{"Name": "booster", "Values": ["dart", "dart"]}]},
        "The values of categorical hyperparameter [booster] must differ, got ['dart'] twice.",
    ),
    "a hundred hyperparameters": (
        {"definition__StaticHyperParameters": {f"p{index}": "1" for index in range(97)}},
        "A training job takes at most 100 static and tuned hyperparameters, _tuning_objective_metric included, got 101",
    ),
    "too few combinations": (
        {
            "config__ParameterRanges": {"IntegerParameterRanges": [continuous("max_depth", "1", "3")]},
            "limits__MaxNumberOfTrainingJobs": 10,
        },
        (
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            "combinations for the provided ranges [3.0] must be equal or greater than the value of "
            "MaxNumberOfJobs, [10]. Provide additional ranges."
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_space_that_aws_refuses_is_refused(name: str) -> None:
    """Each rule answers with a ValidationException and the sentence for it."""
    changes, sentence = REFUSED[name]
    code, message = refused(bent(**changes))

    assert code == "ValidationException"
    assert sentence in message


@pytest.mark.parametrize(
    ("kind", "low", "high", "scaling", "sentence"),
    [
        ("Integer", "1.5", "3", "Auto", "must be whole numbers of 64 bits, got [1.5, 3]"),
        ("Integer", "1_0", "20", "Auto", "must be whole numbers of 64 bits, got [1_0, 20]"),
        ("Integer", "0", "9" * 19, "Auto", "must be whole numbers of 64 bits"),
        ("Integer", "9", "10", "ReverseLogarithmic", "is for continuous hyperparameters only, got integer [p]"),
        ("Integer", "10", "9", "Auto", "MinValue < MaxValue must hold for integer hyperparameter [p], got [10, 9]"),
        ("Integer", "0", "9", "Logarithmic", "Logarithmic scaling of hyperparameter [p] needs a range above 0"),
        ("Continuous", "0.5", "0.5", "Auto", "MinValue < MaxValue must hold for continuous hyperparameter [p]"),
        ("Continuous", "5", "10", "Auto", ""),
        ("Continuous", "1e-3", "1E+2", "Logarithmic", ""),
        ("Continuous", "0", "1", "Logarithmic", "Logarithmic scaling of hyperparameter [p] needs a range above 0"),
        ("Continuous", "0", "1", "ReverseLogarithmic", "needs 0 <= x < 1.0, got [0, 1]"),
        ("Continuous", "0", "0.99", "ReverseLogarithmic", ""),
        ("Continuous", "nan", "1", "Auto", "must be finite numbers, got [nan, 1]"),
        ("Continuous", "0", "1e999", "Auto", "must be finite numbers, got [0, 1e999]"),
        ("Continuous", "0", " 1", "Auto", "must be finite numbers, got [0,  1]"),
    ],
)
def test_bounds_are_numbers_in_order_within_the_scalings_domain(
    kind: str, low: str, high: str, scaling: str, sentence: str
) -> None:
    """Bounds are compared as numbers, not as the strings they are sent as."""
    request = bent(
        config__ParameterRanges={f"{kind}ParameterRanges": [continuous("p", low, high, scaling)]},
        limits__MaxNumberOfTrainingJobs=2,
        limits__MaxParallelTrainingJobs=1,
    )
    if sentence:
        code, message = refused(request)

        assert code == "ValidationException"
        assert sentence in message
    else:
        check_create(request)
