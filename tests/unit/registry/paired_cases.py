"""Two models' answers to the same rows, drawn so that their true difference is known."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from components.registry.metrics import Answers


def pair(
    draw: np.random.Generator, *, rows: int, auc: tuple[float, float], alike: float, positives: float = 0.3
) -> tuple[Answers, Answers]:
    """Answers of two models of two classes.

    Args:
        draw: Randomness.
        rows: How many.
        auc: True areas of the two (binormal scores).
        alike: Correlation of the two scores within a class, as of two models trained on much the same data.
        positives: Share of the second class.
    """
    labels = (draw.random(rows) < positives) * 1.0
    noise = draw.multivariate_normal([0.0, 0.0], [[1.0, alike], [alike, 1.0]], rows)
    answers = []
    for each, area in zip(noise.T, auc, strict=True):
        second = norm.cdf(each + np.sqrt(2) * norm.ppf(area) * labels - 1)
        probabilities = np.column_stack([1 - second, second])
        answers.append(Answers(labels=labels, predicted=(second > 0.5) * 1.0, probabilities=probabilities))
    return answers[0], answers[1]
