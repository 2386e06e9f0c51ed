"""A contest as specs have it by default: with a confidence, guards and measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from registry_cases import Case, script_trial, serving

from components import naming
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision
from components.registry.registry_spec import GuardSpec, PromotionSpec
from components.registry.verification import TrialModel

Register = Callable[..., ModelVersion]
Contest = Callable[..., PromotionDecision]
DEFAULT = PromotionSpec()


def test_a_better_version_is_promoted_with_its_interval(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """The reason and the document have gain, interval, confidence and rows; the first version has nobody to beat."""
    first = compete(register(weak_trial, key="0000000001"), promotion=DEFAULT)
    second = compete(register(trial, key="0000000002"), promotion=DEFAULT)

    assert first.document()["interval"] is None
    made = second.comparison
    assert made is not None
    assert 0 < made.low < made.gain < made.high
    assert f"(80 rows): gain {made.gain:.4f}, 90 % interval {made.low:.4f} to {made.high:.4f}" in second.reason
    document = second.document()
    assert (document["interval"], document["rows"]) == ([made.low, made.high], 80)
    assert (document["method"], document["confidence"]) == ("paired bootstrap", 0.9)
    assert serving(registry) == 2


def test_what_may_be_luck_is_not_promoted(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, binary: Case
) -> None:
    """The better score by a margin that the interval does not clear stays challenger; without a confidence it wins."""
    compete(register(trial, key="0000000001"), promotion=DEFAULT)
    few = replace(binary.test, features=binary.test.features.head(20), labels=binary.test.labels.head(20))
    asked = register(trial, key="0000000002")

    equal = compete(asked, promotion=DEFAULT)
    tiny = compete(asked, promotion=DEFAULT, rows=few)
    demanding = compete(asked, promotion=PromotionSpec(min_improvement=0.5, confidence=0.99))

    assert (equal.promote, tiny.promote, demanding.promote, serving(registry)) == (False, False, False, 1)
    assert " only equals champion version 1 " in equal.reason
    assert "20 rows are too few to tell luck from progress, 30 are needed" in tiny.reason
    assert "set promotion.confidence: null" in tiny.reason


def test_a_gain_within_min_improvement_is_not_promoted(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """The interval must lie above min_improvement, not above 0 alone."""
    compete(register(weak_trial, key="0000000001"), promotion=DEFAULT)

    decision = compete(register(trial, key="0000000002"), promotion=PromotionSpec(min_improvement=0.9))

    assert (decision.promote, serving(registry)) == (False, 1)
    assert "but the interval must lie above the min_improvement of 0.9: it may be luck" in decision.reason


def test_a_guard_refuses_what_the_metric_would_promote(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """Better in the metric and over a limit of a measure or a slice: refused, and the guard is named."""
    compete(register(weak_trial, key="0000000001"), promotion=DEFAULT)
    small = GuardSpec(metric="model_size_bytes", at_most=10)
    housed = GuardSpec(metric="accuracy", at_least=1.0, slice="housing")

    by_size = compete(register(trial, key="0000000002"), promotion=PromotionSpec(must_not_worsen=(small,)))
    by_slice = compete(register(trial, key="0000000002"), promotion=PromotionSpec(must_not_worsen=(housed,)))

    assert (by_size.promote, by_slice.promote, serving(registry)) == (False, False, 1)
    assert "must_not_worsen refuses it: model_size_bytes: must be at most 10, got " in by_size.reason
    assert "must_not_worsen refuses it: accuracy for housing=" in by_slice.reason
    assert {each["slice"] for each in by_slice.document()["guards"]} >= {"housing=True", "housing=False"}


def test_measures_are_tags_of_the_version(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel
) -> None:
    """Bytes of the archive, seconds of training and the latency measured here are found on the version."""
    decision = compete(register(replace(trial, training_seconds=7)), promotion=DEFAULT)

    tags = registry.version(1).tags
    assert float(tags[naming.TAG_MODEL_SIZE]) == trial.archive.stat().st_size
    assert float(tags[naming.TAG_TRAINING_SECONDS]) == 7
    assert float(tags[naming.TAG_PREDICTION_MS]) == pytest.approx(decision.measures["prediction_ms"])
    assert decision.measures["prediction_ms"] > 0


def test_a_model_that_answers_no_single_row_has_no_latency(
    register: Register, compete: Contest, trial: TrialModel, tmp_path: Path
) -> None:
    """A script that answers all rows at once is all that a contest needs; only a limit on the latency refuses it."""
    answer = "model.inplace_predict(matrix) if len(matrix) > 1 else 1 / 0"
    script = script_trial(trial, tmp_path / "script.tar.gz", answer=answer, is_script=True)
    limited = PromotionSpec(must_not_worsen=(GuardSpec(metric="prediction_ms", at_most=1e6),))

    refused = compete(register(script), promotion=limited)
    assert "must_not_worsen refuses it: prediction_ms: prediction_ms is not known" in refused.reason
    decision = compete(register(script), promotion=DEFAULT)
    assert (decision.promote, "prediction_ms" in decision.measures) == (True, False)


def test_what_picking_the_best_flatters_is_shown(register: Register, compete: Contest, trial: TrialModel) -> None:
    """The objective on validation, where the trial was picked, beside the test rows, where it was not."""
    optimism = compete(register(trial), metric="auc", promotion=DEFAULT).optimism

    assert optimism is not None
    assert optimism.metric == "validation:f1_binary"
    assert optimism.validation == pytest.approx(trial.objective, abs=1e-5)
    assert optimism.by == pytest.approx(optimism.validation - optimism.test)


def test_a_metric_of_one_s_own_decides(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel, tmp_path: Path
) -> None:
    """`module:function` of the project, as metric and as guard."""
    (tmp_path / "own_hits.py").write_text(
        "def hits(labels, predictions, probabilities):\n    return (labels == predictions).mean()\n"
    )
    promotion = PromotionSpec(must_not_worsen=(GuardSpec(metric="own_hits:hits"),))
    compete(register(weak_trial, key="0000000001"), metric="own_hits:hits", promotion=promotion)
    decision = compete(register(trial, key="0000000002"), metric="own_hits:hits", promotion=promotion)

    assert (decision.promote, serving(registry)) == (True, 2)
    assert "on test:own_hits:hits (80 rows)" in decision.reason
