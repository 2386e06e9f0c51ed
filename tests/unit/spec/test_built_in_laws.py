"""What the built-in algorithm lays down is told of the spec, with the place, the value and what is right."""

from __future__ import annotations

import pytest

from components.errors import InvalidSpec
from components.spec import parse_spec

SPEC = """
name: churn
data: {{source: rows.csv, target: churned}}
training: {training}
tuning:
  objective: {{metric: "{metric}", type: {type}}}
  space: {{{name}: {{continuous: [0.1, 0.5]}}}}
"""
SCRIPT = '{entry_point: train.py, source_dir: src, metrics: [{name: "validation:auc", regex: "auc=(.*)"}]}'
STATIC = "{hyperparameters: {num_roundd: 3}}"


def spec_text(
    *, metric: str = "validation:auc", kind: str = "maximize", name: str = "eta", training: str = "{}"
) -> str:
    return SPEC.format(metric=metric, type=kind, name=name, training=training)


def breaches_of(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(text, subject="s.yaml")
    return caught.value.breaches


@pytest.mark.parametrize(
    ("metric", "kind", "breach"),
    [
        (
            "validation:auc",
            "minimize",
            "must be maximize, as validation:auc of the built-in xgboost is better when greater, got minimize",
        ),
        (
            "validation:rmse",
            "maximize",
            "must be minimize, as validation:rmse of the built-in xgboost is better when smaller, got maximize",
        ),
    ],
)
def test_a_metric_of_the_built_in_has_one_direction(metric: str, kind: str, breach: str) -> None:
    """A metric searched the wrong way would promote the worst trial: AWS refuses it, and so does the spec."""
    assert breaches_of(spec_text(metric=metric, kind=kind)) == (f"tuning.objective.type: {breach}",)


def test_a_metric_of_ones_own_script_has_the_direction_it_is_given() -> None:
    """A script may call anything auc; only what the built-in reports is known."""
    spec = parse_spec(spec_text(kind="minimize", training=SCRIPT, name="anything"), subject="s.yaml")

    assert spec.tuning.objective.type == "minimize"


def test_a_metric_that_is_none_names_the_nearest_or_a_dozen() -> None:
    """A typo costs one look; what is like none shows some of those there are, never all."""
    (like,) = breaches_of(spec_text(metric="validation:acuracy"))
    (unlike,) = breaches_of(spec_text(metric="zzz"))

    assert like == (
        "tuning.objective.metric: the built-in xgboost has no metric 'validation:acuracy'; "
        "did you mean validation:accuracy?"
    )
    assert "; there are validation:accuracy, validation:aft-nloglik, " in unlike
    assert unlike.endswith(" and 21 more")


@pytest.mark.parametrize(
    ("text", "breach"),
    [
        (spec_text(name="max_dept"), "tuning.space.max_dept: the built-in xgboost has no such hyperparameter; did you"),
        (spec_text(training=STATIC), "training.hyperparameters.num_roundd: the built-in xgboost has no such"),
    ],
)
def test_a_hyperparameter_that_is_none_names_the_nearest(text: str, breach: str) -> None:
    """The container would refuse it in every training job, without a word of what was meant."""
    (told,) = breaches_of(text)

    assert told.startswith(breach)
    assert told.endswith(("did you mean max_depth?", "did you mean num_round?"))


def test_aliases_are_hyperparameters() -> None:
    """What the container takes under another name is not refused."""
    assert parse_spec(spec_text(name="learning_rate"), subject="s.yaml").tuning.space
