"""(l) How often a challenger is promoted at confidence 0.9: one that is no better, one that is better by 0.02 AUC.

Pairs with known areas (binormal scores, 30 % of the second class, the champion at 0.8) on fresh test rows each time;
how alike two models are is the correlation of their scores within a class, 0.9 and 0.97 here. Then real pairs: XGBoost
trained twice on other rows of one population, as many (equal on average, though no two are), or 1,500 against 300,
which is worth 0.02 on average; which of the two is better is known from 40,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components.registry.metrics import Answers
from components.registry.paired_comparison import compare
from components.registry.promotion import decide
from components.registry.promotion_metric import KnownMetric
from components.registry.scoring import Score

REPETITIONS = 200
SIZES = (100, 300, 1000, 3000)
REALISTIC = (1000, 3000)  # rows held out, on which a gain of 0.02 must be seen
ALIKE = (0.9, 0.97)
CONFIDENCE = 0.9
POSITIVES = 0.3
METRICS = ("auc", "accuracy", "logloss")
POPULATION, POOL = 60_000, 20_000  # rows in all, and of these the ones to train on
Pair = tuple[Answers, Answers, float]  # challenger, champion, the former's true gain in AUC
Draw = Callable[[np.random.Generator], Pair]


def simulated(rows: int, *, gain: float, alike: float) -> Draw:
    """Pairs whose first is better by `gain` in AUC than the second's 0.8."""
    from scipy.stats import norm

    def draw_pair(draw: np.random.Generator) -> Pair:
        labels = (draw.random(rows) < POSITIVES) * 1.0
        noise = draw.multivariate_normal([0.0, 0.0], [[1.0, alike], [alike, 1.0]], rows)
        made = [
            _answers(labels, norm.cdf(each + np.sqrt(2) * norm.ppf(auc) * labels - 1))
            for each, auc in zip(noise.T, (0.8 + gain, 0.8), strict=True)
        ]
        return made[0], made[1], gain

    return draw_pair


def trained(rows: int, *, on: tuple[int, int]) -> Draw:
    """Pairs of boosted trees, each on so many rows of its own and with a seed of its own."""
    import xgboost as xgb
    from sklearn.datasets import make_classification
    from sklearn.metrics import roc_auc_score

    features, labels = make_classification(
        n_samples=POPULATION, n_features=10, n_informative=5, flip_y=0.1, class_sep=0.7, random_state=0
    )

    def draw_pair(draw: np.random.Generator) -> Pair:
        order = draw.permutation(POOL)
        test = POOL + draw.choice(POPULATION - POOL, rows, replace=False)
        made, true = [], []
        for part in (order[: on[0]], order[on[0] : sum(on)]):
            booster = xgb.train(
                {
                    "objective": "binary:logistic",
                    "max_depth": 4,
                    "subsample": 0.8,
                    "nthread": 1,
                    "seed": int(draw.integers(1e6)),
                },
                xgb.DMatrix(features[part], label=labels[part]),
                num_boost_round=20,
            )
            scores = booster.predict(xgb.DMatrix(features[POOL:]))
            made.append(_answers(labels[test] * 1.0, scores[test - POOL]))
            true.append(float(roc_auc_score(labels[POOL:], scores)))
        return made[0], made[1], true[0] - true[1]

    return draw_pair


def shares(pairs: Draw, metric: str) -> tuple[float, float]:
    """Of the repetitions, how many end with the first of the two promoted, and how many though it is no better."""
    draw, promoted, wrongly = np.random.default_rng(11), 0, 0
    for _ in range(REPETITIONS):
        challenger, champion, gain = pairs(draw)
        if _is_promoted(KnownMetric(metric), challenger, champion):
            promoted += 1
            wrongly += gain <= 0
    return promoted / REPETITIONS, wrongly / REPETITIONS


def main() -> list[Bar]:
    """Print shares of promotions by metric, rows and likeness; return the bars."""
    sizes = [f"{rows:,} rows" for rows in SIZES]
    table = Table("metric", "models", "gain", *sizes, title=f"promoted, of {REPETITIONS}")
    bars = []
    for metric in METRICS:
        for alike in ALIKE:
            found = [shares(simulated(rows, gain=0, alike=alike), metric)[0] for rows in SIZES]
            table.add_row(metric, f"simulated, alike {alike}", "0", *_shown(found))
            bars.append(Bar.upper(f"l: {metric}, equal, alike {alike}, worst size", max(found), 0.1))
    for alike in ALIKE:
        found = [shares(simulated(rows, gain=0.02, alike=alike), "auc")[0] for rows in SIZES]
        table.add_row("auc", f"simulated, alike {alike}", "0.02", *_shown(found))
        bars += [
            Bar.lower(f"l: auc better by .02, alike {alike}, {rows:,} rows", share, 0.8)
            for rows, share in zip(SIZES, found, strict=True)
            if rows in REALISTIC
        ]
    bars += _of_trained(table)
    Console().print(table)
    return bars


def _of_trained(table: Table) -> list[Bar]:
    bars = []
    for gain, on in (("0", (1500, 1500)), ("0.02", (1500, 300))):
        promoted, wrongly = zip(*[shares(trained(rows, on=on), "auc") for rows in SIZES], strict=True)
        models = f"XGBoost on {on[0]:,} and {on[1]:,} rows"
        table.add_row("auc", models, gain, *_shown(promoted))
        table.add_row("auc", "of these no better", gain, *_shown(wrongly))
        bars.append(Bar.upper(f"l: auc, {models}, promoted and no better, worst size", max(wrongly), 0.1))
        if gain != "0":
            bars.append(Bar.lower(f"l: auc, {models}, promoted, 1,000 rows", promoted[2], 0.8))
    return bars


def _is_promoted(metric: KnownMetric, challenger: Answers, champion: Answers) -> bool:
    """As a run decides."""
    comparison = compare(metric, challenger, champion, confidence=CONFIDENCE)
    scores = [
        Score(metric=metric.name, part="test", value=value, rows=comparison.rows)
        for value in (comparison.challenger, comparison.champion)
    ]
    return decide(
        challenger=scores[0],
        champion=scores[1],
        champion_version=1,
        greater_is_better=metric.greater_is_better,
        min_improvement=0.0,
        comparison=comparison,
    ).promote


def _answers(labels: npt.NDArray[np.float64], second: npt.NDArray[np.floating]) -> Answers:
    second = second.astype(np.float64)
    return Answers(labels=labels, predicted=(second > 0.5) * 1.0, probabilities=np.column_stack([1 - second, second]))


def _shown(found: Sequence[float]) -> list[str]:
    return [f"{share:.1%}" for share in found]
