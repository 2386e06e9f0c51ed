from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from mlflow import MlflowClient
from registry_cases import serving

from components import naming
from components.errors import NotFound
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision
from components.registry.verification import TrialModel

Register = Callable[..., ModelVersion]
Contest = Callable[..., PromotionDecision]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_rolling_back_goes_one_version_back_each_time(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """3 to 2 to 1, who and why are kept for ever, and at the first there is nothing left."""
    compete(register(weak_trial, key="0000000001"))
    compete(register(trial, key="0000000002"))
    third = register(trial, key="0000000003")
    registry.promote(third.version, by="me", reason="by hand", now=NOW)

    assert registry.rollback(by="me", reason="too slow", now=NOW).version == 2
    assert registry.rollback(by="me", reason="still too slow", now=NOW).version == 1
    with pytest.raises(NotFound, match="is the first that served"):
        registry.rollback(by="me", reason="further", now=NOW)

    moves = [(entry.kind, entry.previous, entry.version) for entry in registry.history()]
    assert moves == [
        ("promote", None, 1),
        ("promote", 1, 2),
        ("promote", 2, 3),
        ("rollback", 3, 2),
        ("rollback", 2, 1),
    ]
    assert (serving(registry), registry.history()[-1].reason, registry.history()[-1].by) == (1, "still too slow", "me")


def test_what_was_rolled_back_is_not_promoted_again_by_itself(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """A run taken up again does not undo a rollback; a person may."""
    compete(register(weak_trial, key="0000000001"))
    compete(register(trial, key="0000000002"))
    registry.rollback(by="me", reason="too slow", now=NOW)

    decision = compete(register(trial, key="0000000002"))

    assert (decision.promote, serving(registry)) == (False, 1)
    assert "version 2 was rolled back at 2026-03-01T12:00:00+00:00 by me: too slow" in decision.reason
    registry.promote(2, by="me", reason="fast enough", now=NOW)
    assert serving(registry) == 2


def test_a_cut_off_promotion_is_completed_once(
    register: Register, compete: Contest, registry: Registry, mlflow_client: MlflowClient, trial: TrialModel
) -> None:
    """Killed between the history and the alias: the next try moves the alias and writes no second entry."""
    compete(register(trial, key="0000000001"))
    second = register(trial, key="0000000002")
    registry.promote(second.version, by="me", reason="by hand", now=NOW)
    mlflow_client.set_registered_model_alias(registry.model, "champion", "1")
    mlflow_client.set_registered_model_tag(registry.model, naming.TAG_PROMOTIONS_DONE, "1")

    registry.promote(second.version, by="me", reason="by hand", now=NOW)

    assert serving(registry) == 2
    assert [entry.version for entry in registry.history()] == [1, 2]
    assert registry.rollback(by="me", reason="back", now=NOW).version == 1


def test_after_a_move_by_hand_a_rollback_goes_to_what_retune_promoted(
    register: Register, compete: Contest, registry: Registry, mlflow_client: MlflowClient, trial: TrialModel
) -> None:
    """MLflow keeps no history of aliases; the version that retune knows to have served is the one before."""
    compete(register(trial, key="0000000001"))
    register(trial, key="0000000002")
    mlflow_client.set_registered_model_alias(registry.model, "champion", "2")

    assert registry.rollback(by="me", reason="back", now=NOW).version == 1


def test_what_was_cut_off_is_finished_and_what_was_undone_is_not(
    register: Register, compete: Contest, registry: Registry, mlflow_client: MlflowClient, trial: TrialModel
) -> None:
    """A change that was not carried out to its end is; not so one undone by hand, or whose version is gone."""
    compete(register(trial, key="0000000001"))
    register(trial, key="0000000002")
    registry.promote(2, by="me", reason="by hand", now=NOW)
    registry.close_change()
    mlflow_client.set_registered_model_alias(registry.model, "champion", "1")

    assert (registry.finish_cut_off_change(), serving(registry)) == (None, 1)

    mlflow_client.set_registered_model_tag(registry.model, naming.TAG_PROMOTIONS_DONE, "1")
    begun = registry.finish_cut_off_change()

    assert begun is not None
    assert (begun.kind, begun.version, serving(registry)) == ("promote", 2, 2)
    assert registry.finish_cut_off_change() == begun  # the server may not have followed
    registry.close_change()
    assert registry.finish_cut_off_change() is None
    assert [entry.version for entry in registry.history()] == [1, 2]

    mlflow_client.set_registered_model_alias(registry.model, "champion", "1")
    mlflow_client.set_registered_model_tag(registry.model, naming.TAG_PROMOTIONS_DONE, "1")
    mlflow_client.delete_model_version(registry.model, "2")

    assert (registry.finish_cut_off_change(), serving(registry)) == (None, 1)


def test_a_rollback_without_a_champion_is_told(registry: Registry) -> None:
    """A model that nobody registered has nothing to roll back."""
    with pytest.raises(NotFound, match="needs a champion, got none"):
        registry.rollback(by="me", reason="back", now=NOW)
