"""What starts a run by itself: which events match a spec, and what a deployed run may be given."""

from __future__ import annotations

from typing import Any

import pytest

from components.errors import InvalidInput, Refused
from components.spec import RetrainSpec
from flows.deployed import refuse_foreign
from flows.triggers import install_notification, watched


def spec(data: dict[str, Any]) -> RetrainSpec:
    tuning = {"objective": {"metric": "validation:rmse", "type": "minimize"}, "space": {"eta": {"continuous": [0, 1]}}}
    return RetrainSpec.model_validate({"name": "churn", "data": data, "tuning": tuning})


@pytest.mark.parametrize(
    ("data", "places"),
    [
        ({"source": "data/churn/*.csv", "target": "y"}, []),
        ({"source": "sklearn://digits", "target": "y"}, []),
        ({"source": "s3://lake/churn.csv", "target": "y"}, ["s3://lake/churn.csv*"]),
        ({"source": "s3://lake/churn/*/part-?.parquet", "target": "y"}, ["s3://lake/churn/*"]),
        (
            {
                "channels": {
                    "train": {"uri": "s3://lake/train/", "content_type": "text/csv"},
                    "validation": {"uri": "s3://lake/validation/", "content_type": "text/csv"},
                }
            },
            ["s3://lake/train/*", "s3://lake/validation/*"],
        ),
    ],
)
def test_a_spec_watches_its_model_s_events_and_where_its_data_lie(data: dict[str, Any], places: list[str]) -> None:
    """An event about the model's data always matches; one about an object in S3 when it lies below the spec's data."""
    assert list(watched(spec(data))) == ["retune.data.churn", *places]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "flows/specs/../../evil.yaml",
        "evil.yaml",
        "flows/specs",
        "flows/specs/scripts/train.py",
        "s3://a/b.yaml",
    ],
)
def test_a_deployed_run_takes_specs_of_its_own_code_only(path: str) -> None:
    """What a form or an event names beside flows/specs is refused before it is read."""
    with pytest.raises(Refused, match="under flows/specs"):
        refuse_foreign(path, ())


@pytest.mark.parametrize(
    "override",
    [
        "training.entry_point=evil.py",
        "training.image=evil",
        "data.source=s3://x",
        "data.prepare=os:system",
        "name=x",
        "budget.max_cost_usd_per_month=1000000",
        "budget={max_cost_usd_per_month: null}",
        "",
    ],
)
def test_a_deployed_run_takes_no_code_no_data_and_no_month_s_cap_from_overrides(override: str) -> None:
    """Overrides turn the search, its own caps and its hyperparameters; what runs, on which data, is in the spec."""
    settable = ["tuning.max_jobs=3", "training.hyperparameters.eta=0.1", "budget.max_cost_usd=1"]
    assert refuse_foreign("flows/specs/digits.yaml", settable) == "flows/specs/digits.yaml"
    with pytest.raises(Refused, match="overrides of a flow deployment"):
        refuse_foreign("flows/specs/digits.yaml", ["tuning.max_jobs=3", override])


@pytest.mark.parametrize(
    ("block", "events"), [("ops", ()), ("slack-webhook/", ()), ("a/b", ("prefect.flow-run.Failed",))]
)
def test_a_notification_names_a_block_and_events_of_ours(block: str, events: tuple[str, ...]) -> None:
    """Refused before the server is asked."""
    with pytest.raises(InvalidInput, match="must be"):
        install_notification(block, events)
