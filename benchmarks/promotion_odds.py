"""(i) How often a challenger is promoted at confidence 0.9: one that is no better, and one that is better by 0.02 AUC.

Simulated pairs of models with known areas (binormal scores, 30 % of the second class) on fresh test rows each time; how
much the two are alike is the correlation of their scores within a class, 0.9 to 0.97 for boosted trees trained on
neighbouring months. Then real ones: XGBoost trained twice with other seeds on other halves of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components.registry.metrics import Answers
from components.registry.paired_comparison import compare
from components.registry.promotion_metric import KnownMetric

REPETITIONS = 200
SIZES = (100, 300, 1000, 3000)
CONFIDENCE = 0.9
POSITIVES = 0.3
Pair = tuple[Answers, Answers]


def simulated(rows: int, *, gain: float, alike: float) -> Callable[[np.random.Generator], Pair]:
    """Pairs whose first is better by `gain` in AUC than the second's 0.8."""
    from scipy.stats import norm

    def draw_pair(draw: np.random.Generator) -> Pair:
        labels = (draw.random(rows) < POSITIVES) * 1.0
        noise = draw.multivariate_normal([0.0, 0.0], [[1.0, alike], [alike, 1.0]], rows)
        made = [
            _answers(labels, norm.cdf(each + np.sqrt(2) * norm.ppf(auc) * labels - 1))
            for each, auc in zip(noise.T, (0.8 + gain, 0.8), strict=True)
        ]
        return made[0], made[1]

    return draw_pair


def retrained(rows: int) -> Callable[[np.random.Generator], Pair]:
    """Pairs of boosted trees that differ by seed and by the half of 2,000 rows they were trained on."""
    import xgboost as xgb
    from sklearn.datasets import make_classification

    features, labels = make_classification(
        n_samples=40_000, n_features=10, n_informative=5, flip_y=0.1, class_sep=0.7, random_state=0
    )

    def draw_pair(draw: np.random.Generator) -> Pair:
        order = draw.permutation(len(labels))
        test = order[2000 : 2000 + rows]
        made = []
        for half in (order[:1000], order[1000:2000]):
            parameters = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1, "seed": int(draw.integers(1e6))}
            booster = xgb.train(
                {**parameters, "subsample": 0.8}, xgb.DMatrix(features[half], label=labels[half]), num_boost_round=20
            )
            made.append(_answers(labels[test] * 1.0, booster.predict(xgb.DMatrix(features[test]))))
        return made[0], made[1]

    return draw_pair


def share_promoted(pairs: Callable[[np.random.Generator], Pair], metric: str) -> float:
    """Of the repetitions, how many end with the first of the two promoted."""
    draw = np.random.default_rng(11)
    return float(
        np.mean([compare(KnownMetric(metric), *pairs(draw), confidence=CONFIDENCE).low > 0 for _ in range(REPETITIONS)])
    )


def main() -> list[Bar]:
    """Print shares of promotions by metric, rows and likeness; return the bars."""
    table = Table("metric", "alike", "gain in AUC", *(f"{rows:,} rows" for rows in SIZES), title="promoted, of 200")
    bars = []
    for metric in ("auc", "accuracy", "logloss"):
        for alike in (0.9, 0.97):
            for gain in (0.0, 0.02):
                shares = [share_promoted(simulated(rows, gain=gain, alike=alike), metric) for rows in SIZES]
                table.add_row(metric, f"{alike}", f"{gain}", *(f"{share:.1%}" for share in shares))
                if gain == 0:
                    bars.append(Bar.upper(f"i {metric}, equal, alike {alike}, worst size", max(shares), 0.1))
                elif metric == "auc":
                    bars.append(Bar.lower(f"i auc better by .02, alike {alike}, {SIZES[2]:,} rows", shares[2], 0.8))
    for metric in ("auc", "accuracy"):
        share = share_promoted(retrained(1000), metric)
        table.add_row(metric, "retrained", "0 on average", "", "", f"{share:.1%}", "")
    Console().print(table)
    return bars


def _answers(labels: np.ndarray, second: np.ndarray) -> Answers:
    second = second.astype(np.float64)
    return Answers(labels=labels, predicted=(second > 0.5) * 1.0, probabilities=np.column_stack([1 - second, second]))
