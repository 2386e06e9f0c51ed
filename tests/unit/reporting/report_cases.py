"""A search with everything a report can show, under names that mean harm or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from components.reporting.contents import Contents, Search, hyperparameters_of
from components.reporting.held_out import Confusion
from components.tuning.result import CurvePoint, Trial

START = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
METRIC = "validation:auc"
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"},
        {"Name": "momentum", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
    ],
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "10", "ScalingType": "Linear"}],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
}


def trial(number: int, objective: float | None, *, status: str = "Completed", **hyperparameters: str) -> Trial:
    """A trial of a minute, one after the other."""
    started = START + timedelta(minutes=number)
    return Trial(
        training_job=f"churn-0123456789-01-{number:03d}",
        number=number,
        status=status,
        objective=objective,
        hyperparameters=hyperparameters,
        started=started,
        ended=started + timedelta(seconds=60),
        training_seconds=60,
        billable_seconds=20,
        failure="it broke" if status == "Failed" else None,
    )


def trials(count: int = 12) -> tuple[Trial, ...]:
    """Trials whose objective is their depth's and nothing else's; the fifth was stopped, the sixth failed."""
    return tuple(
        trial(
            number,
            None if number == 6 else 0.5 + 0.04 * (number % 10),
            status={5: "Stopped", 6: "Failed"}.get(number, "Completed"),
            eta=f"{0.001 * 1.7 ** (number * 7 % 12):.6g}",
            momentum=f"{1 - 0.5 * 0.6 ** (number * 5 % 11):.6g}",
            max_depth=str(1 + number % 10),
            booster='"gbtree"' if number % 3 else '"dart"',
        )
        for number in range(1, count + 1)
    )


def curve(each: Trial, metric: str = METRIC, points: int = 20) -> list[CurvePoint]:
    """What a trial emitted on its way; a stopped one half of it."""
    count = points // 2 if each.status == "Stopped" else points
    end = 0.5 if each.objective is None else each.objective
    return [
        CurvePoint(metric=metric, step=step, value=end * (1 - 0.5 ** (step + 1)), timestamp_s=START.timestamp() + step)
        for step in range(count)
    ]


def contents(*, ranges: Mapping[str, Any] = RANGES, **changes: Any) -> Contents:
    """All that there is to show; keywords replace parts of it."""
    made = trials()
    return replace(
        Contents(
            tuning_job="churn-0123456789-01",
            attempts=("churn-0123456789-01",),
            model="churn",
            status="Completed",
            engine="local",
            strategy="Bayesian",
            metric=METRIC,
            maximize=True,
            hyperparameters=hyperparameters_of(ranges),
            trials=made,
            curves={each.training_job: curve(each) for each in made},
            parents=(Search(name="churn-9876543210-01", trials=made[:8]),),
            warm_start="TransferLearning",
            usd_per_s=0.0001,
            result={
                "mode": "tune",
                "reason": "the data have drifted",
                "model_version": "2",
                "promoted": True,
                "promotion_reason": "0.9 beats champion version 1 at 0.8",
                "test_score": 0.9,
                "spent": {"cost_usd": 0.0},
            },
            held_out=Confusion(classes=("no", "yes"), counts=((80, 5), (6, 9))),
            held_out_note="Version 2 on the test rows.",
            made="2026-05-04 04:00 UTC",
        ),
        **changes,
    )


HARM = (
    "</script><script>document.body.dataset.harmed='script'</script>",
    "<img src=x onerror=\"document.body.dataset.harmed='image'\">",
    '"><svg onload=document.body.dataset.harmed=1>',
    'a.b[0]\\" + alert(1) + "',
    "@@script@@",
    "${document.body.dataset.harmed=1}",
    "{{constructor}}\u2028\n",
    "datum['trial'])//",
)


def hostile() -> Contents:
    """The same search when everything that has a name from outside is out for harm."""
    names = iter(HARM)
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": next(names), "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"} for _ in range(4)
        ],
        "CategoricalParameterRanges": [{"Name": next(names), "Values": list(HARM)} for _ in range(4)],
    }
    tuned = [
        {
            **{HARM[place]: f"{0.002 * (number + place):.4g}" for place in range(4)},
            **{HARM[place]: HARM[(number + place) % len(HARM)] for place in range(4, 8)},
        }
        for number in range(1, 13)
    ]
    made = tuple(
        replace(each, training_job=f"{HARM[0]}{each.number}", hyperparameters=values, failure=HARM[each.number % 8])
        for each, values in zip(trials(), tuned, strict=True)
    )
    return contents(
        ranges=ranges,
        tuning_job=HARM[0],
        attempts=HARM,
        model=HARM[1],
        metric=HARM[2],
        trials=made,
        curves={each.training_job: curve(each, HARM[2]) for each in made},
        parents=tuple(Search(name=name, trials=made) for name in HARM),
        result={"mode": HARM[0], "reason": HARM[1], "model_version": HARM[2], "promotion_reason": HARM[3]},
        held_out=Confusion(classes=HARM[:2], counts=((3, 1), (2, 4))),
        held_out_note=HARM[0],
    )
