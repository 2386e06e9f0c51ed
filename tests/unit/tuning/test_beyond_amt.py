"""Parents that AMT would not take: which, why each, and what the request still says."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from components.errors import InvalidInput
from components.tuning.attempts import Attempt, Search
from components.tuning.beyond_amt import BeyondAmt, choose_beyond_amt, further_parents
from components.tuning.lineage import Earlier, Parents

ETA = {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}
DEPTH = {"Name": "depth", "MinValue": "1", "MaxValue": "9"}


def a_request(*continuous: Mapping[str, str], strategy: str = "Bayesian", **static: str) -> dict[str, Any]:
    """A search over these."""
    return {
        "HyperParameterTuningJobName": "new",
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": list(continuous)},
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"num_round": "10", **static},
            "AlgorithmSpecification": {"TrainingImage": "image:1"},
        },
    }


def earlier(
    name: str,
    request: Mapping[str, Any] | None = None,
    *,
    at: float = 0.0,
    best: float | None = 0.5,
    snapshot: str = "one",
    status: str = "Completed",
    launched: int = 20,
) -> Earlier:
    """A search of that request."""
    described = {
        **copy.deepcopy(dict(request or a_request(ETA))),
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": f"arn:{name}",
        "HyperParameterTuningJobStatus": status,
    }
    return Earlier(described=described, snapshot=snapshot, created_s=at, best=best, launched=launched)


def choose(
    request: Mapping[str, Any],
    known: Sequence[Earlier],
    *,
    most: int = 30,
    named: Sequence[str] = (),
    family: Mapping[str, Sequence[str]] | None = None,
) -> Parents:
    """On an engine that knows this family."""
    beyond = BeyondAmt(create=lambda _request, _parents: None, parents_of=lambda name: (family or {}).get(name, ()))
    return choose_beyond_amt(request, known, snapshot="two", most=most, named=named, beyond=beyond)


def test_more_than_five_parents_and_the_request_names_five() -> None:
    """Of eight with room for seven: AMT's five lead, two come beside the request, one is left out; each with why."""
    found = choose(a_request(ETA), [earlier(name, at=at) for at, name in enumerate("abcdefgh")], most=7)
    assert set(found.names) == set("defgh")
    assert [name for name, _ in found.further] == ["c", "b"]
    assert all(reason.startswith("more than AMT takes") for _, reason in found.further)
    assert found.rejected == (("a", "older than the 7 latest that fit (warm_start.max_parents)"),)
    assert found.type == "TransferLearning"
    assert found.document()["parents"] == [*found.names, "c", "b"]
    assert [each["tuning_job"] for each in found.document()["beyond_amt"]] == ["c", "b"]


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (a_request(ETA), "hyperparameters: depth added"),
        (a_request(ETA, DEPTH, {**DEPTH, "Name": "gamma"}), "hyperparameters: gamma dropped"),
        (a_request(ETA, DEPTH, lambda_="1"), "hyperparameters: lambda_ dropped"),
        (a_request({**ETA, "MaxValue": "0.9"}, DEPTH), "hyperparameters: eta of another range"),
        (a_request({**ETA, "MinValue": "0"}, gamma="1"), "hyperparameters: depth added; gamma dropped; eta of another"),
    ],
)
def test_other_hyperparameters_and_ranges_are_taken_with_the_reason(theirs: dict[str, Any], reason: str) -> None:
    """Such a parent comes beside the request, which then names none, and the search counts as a transfer."""
    found = choose(a_request(ETA, DEPTH), [earlier("a", theirs)])
    assert (found.type, found.names) == ("TransferLearning", ())
    ((name, why),) = found.further
    assert name == "a"
    assert why.startswith(reason)


def test_a_changed_kind_and_wider_ranges() -> None:
    """An integer that was continuous goes beyond AMT; a range that has only grown does not."""
    whole = a_request()
    whole["HyperParameterTuningJobConfig"]["ParameterRanges"] = {"IntegerParameterRanges": [DEPTH]}
    assert choose(whole, [earlier("a", a_request(DEPTH))]).further == (
        ("a", "hyperparameters: depth of another range"),
    )
    wider = choose(a_request({**DEPTH, "MaxValue": "20"}), [earlier("a", a_request(DEPTH))])
    assert (wider.names, wider.further) == (("a",), ())


def test_what_tells_nothing_is_left_out_whatever_the_rules() -> None:
    """Another objective, a running search, one without a result, one without a common hyperparameter."""
    other = a_request(ETA)
    other["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "validation:f1"
    known = [
        earlier("a", other),
        earlier("b", status="InProgress"),
        earlier("c", best=None),
        earlier("d", a_request(DEPTH)),
    ]
    found = choose(a_request(ETA), known)
    assert (found.type, found.everyone) == (None, ())
    assert dict(found.rejected) == {
        "a": "its objective is another: Maximize validation:f1",
        "b": "it is InProgress",
        "c": "none of its trials has an objective",
        "d": "it has none of the hyperparameters that are tuned now",
    }
    with pytest.raises(InvalidInput, match="c cannot be a parent: none of its trials"):
        choose(a_request(ETA), known, named=("c",))
    with pytest.raises(InvalidInput, match="not there: x"):
        choose(a_request(ETA), known, named=("x",))
    hyperband = choose(a_request(ETA, strategy="Hyperband"), [earlier("e")])
    assert hyperband.rejected == (("e", "strategy Hyperband takes no parents"),)


def test_parents_parents_come_along_as_long_as_there_is_room() -> None:
    """A named parent brings its own and theirs, each once, those that tell something and fit; AMT's would not."""
    known = [earlier(name, at=at) for at, name in enumerate("abcde")]
    known[1] = earlier("b", best=None)
    family = {"e": ("d", "b"), "d": ("c", "e"), "c": ("a",)}
    found = choose(a_request(ETA), known, named=("e",), most=3, family=family)
    assert found.names == ("e",)
    assert found.further == (("d", "parent of e"), ("c", "parent of d"))
    assert len(choose(a_request(ETA), known, named=("e",), family=family).everyone) == 4


def test_identical_data_stay_identical() -> None:
    """Nothing is added to parents on the very same data, whose trials count as one's own; unless somebody names it."""
    same = [earlier(name, at=at, snapshot="two") for at, name in enumerate("abcdef")]
    family = {"f": ("old",)}
    found = choose(a_request(ETA), [*same, earlier("old", a_request(ETA, DEPTH))], family=family)
    assert (found.type, len(found.names), found.further) == ("IdenticalDataAndAlgorithm", 5, ())
    assert all(why.startswith("nothing beyond AMT beside parents on identical data; ") for _, why in found.rejected)
    both = choose(a_request(ETA), [*same, earlier("old", a_request(ETA, DEPTH))], named=("f", "old"))
    assert (both.type, both.everyone) == ("TransferLearning", ("f", "old"))


def test_a_later_attempt_knows_what_the_attempts_before_it_knew() -> None:
    """The first has what was chosen; the next those of all before it, none of which its request names already."""
    family = {"new-01": ("a", "b"), "new-02": ("new-01", "b", "c")}
    beyond = BeyondAmt(create=lambda _request, _parents: None, parents_of=lambda name: family.get(name, ()))
    search = Search(
        name_of=str, request_for=lambda _: {}, digest="", max_jobs=9, maximize=True, further=("a",)
    )  # fmt: skip
    first, third = (
        Attempt(number=1, jobs=9, used_s=0),
        Attempt(number=3, jobs=2, used_s=9, parents=("new-01", "new-02")),
    )
    assert further_parents(search, first, beyond) == ("a",)
    assert further_parents(search, third, beyond) == ("a", "b", "c")
    assert further_parents(search, third, None) == ()
    ordinary = Search(name_of=str, request_for=lambda _: {}, digest="", max_jobs=9, maximize=True)
    assert further_parents(ordinary, third, beyond) == ()


def test_thirty_parents_beyond_amt_fit_one_tag_of_mlflow() -> None:
    """The longest names and reasons leave a document that is not cut."""
    names = [f"{'m' * 17}-0123456789-{number:02d}" for number in range(30)]
    theirs = a_request(ETA, *({**DEPTH, "Name": f"{'h' * 40}{number}"} for number in range(20)))
    found = choose(a_request(ETA), [earlier(name, theirs) for name in names])
    assert len(found.further) == 30
    assert found.shortened(8000) == found
