"""Where a version's hyperparameters come from, and whose a refit would take."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from components import naming
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.origin import Origin, champion_at_rest
from components.registry.verification import TrialModel

Register = Callable[..., ModelVersion]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def version(number: int, **result: object) -> ModelVersion:
    tags = {naming.TAG_RESULT: json.dumps(result), naming.TAG_SNAPSHOT: str(number) * 64}
    return ModelVersion(model="shop", version=number, created=NOW, run_id=None, tags=tags)


def test_the_search_is_found_however_many_refits_ago() -> None:
    """A refit's origin is that of the version it refitted, with its data; a version without a word of it has none."""
    best = {"best": {"hyperparameters": {"eta": "0.1"}}}
    searched = Origin.of(version(5, tuning_job="shop-01", **best))
    assert searched == Origin(version="5", tuning_job="shop-01", snapshot="5" * 64, hyperparameters={"eta": "0.1"})
    again = Origin.of(version(6, tuning_job=None, refit_of=searched.document(), **best))
    assert Origin.of(version(7, tuning_job=None, refit_of=again.document(), **best)) == again == searched
    assert Origin.of(version(8)) is None
    assert Origin.of(version(8, best=None)) is None


def test_a_champion_whose_run_is_not_finished_changes_no_decision(
    register: Register, registry: Registry, trial: TrialModel
) -> None:
    """A run killed after it promoted finds what it found before: the champion it had taken its hyperparameters from."""
    assert champion_at_rest(registry) is None
    first = register(trial, key="0000000001")
    registry.promote(first.version, by="me", reason="first", now=NOW)
    assert champion_at_rest(registry) is None
    registry.finish(first.version, {"refit_of": None}, now=NOW)
    second = register(trial, key="0000000002")
    registry.promote(second.version, by="me", reason="better", now=NOW)

    resting = champion_at_rest(registry)
    assert resting is not None
    assert resting.version == first.version
    registry.finish(second.version, {}, now=NOW)
    resting = champion_at_rest(registry)
    assert resting is not None
    assert resting.version == second.version


def test_versions_without_a_finished_run_that_took_turns_are_no_circle(
    register: Register, registry: Registry, trial: TrialModel
) -> None:
    """Each was promoted by hand after the other, so each names the other as the one before: nobody is at rest."""
    for key in ("0000000001", "0000000002"):
        register(trial, key=key)
    for number in (1, 2, 1):
        registry.promote(number, by="me", reason="in turn", now=NOW)

    assert champion_at_rest(registry) is None
