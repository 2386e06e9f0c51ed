"""Two models' scores on the same rows: how much better one is, and how sure that is.

Accuracy and error by McNemar's test: only rows where exactly one of the two is right tell them apart, and of those a
fair coin would give each half. The interval inverts the mid-p version of that test (Fagerland, Lydersen and Laake
2013), so it leaves 0 out exactly when the test rejects.

Anything else by a paired bootstrap: the rows are drawn again with replacement, both models scored on the same draws,
and the differences' quantiles are the interval, a little wider for few rows (Hesterberg 2015, the expanded percentile
interval). With less than 30 rows no interval is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from components.registry.metrics import Answers, CannotScoreError
from components.registry.promotion_metric import KnownMetric, Metric

FEWEST_ROWS = 30
_FEWEST_DEFINED = 0.9  # share of samples that must have a value
_BY_ROW = ("accuracy", "error")
_TWO_CLASSES = 2

Method = Literal["paired bootstrap", "McNemar mid-p"]


class TooFewRowsError(CannotScoreError):
    """An interval on these rows would be made up."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A challenger's gain over a champion on the same rows, in the metric's units; above 0 is better.

    Attributes:
        metric: Its name.
        rows: Rows both answered.
        challenger: Its score.
        champion: The other's.
        gain: How much better, whichever way the metric goes.
        low: Lower end of the gain's interval.
        high: Upper end.
        confidence: Of the two-sided interval.
        probability: How sure the gain is above the margin: share of samples, or 1 minus McNemar's one-sided mid-p.
        method: How the interval was had.
    """

    metric: str
    rows: int
    challenger: float
    champion: float
    gain: float
    low: float
    high: float
    confidence: float
    probability: float
    method: Method


def compare(
    metric: Metric, challenger: Answers, champion: Answers, *, confidence: float, margin: float = 0.0
) -> Comparison:
    """How much better the challenger is, with its interval.

    Args:
        metric: Any.
        challenger: Answers to the rows.
        champion: The other's answers to the same rows.
        confidence: Of the two-sided interval, in (0, 1).
        margin: What `probability` is held against, in the metric's units.

    Raises:
        TooFewRowsError: Less than 30 rows, or a class so rare that samples miss it.
        CannotScoreError: The metric cannot be computed.
    """
    sign = 1.0 if metric.greater_is_better else -1.0
    if len(challenger) < FEWEST_ROWS:
        raise TooFewRowsError(
            f"{len(challenger)} rows are too few to tell luck from progress, {FEWEST_ROWS} are needed"
        )
    if isinstance(metric, KnownMetric) and metric.name in _BY_ROW:
        new, old = metric.value(challenger), metric.value(champion)
        low, high, probability = _mcnemar(challenger, champion, confidence=confidence, margin=margin)
        method: Method = "McNemar mid-p"
    else:
        samples = metric.samples([challenger, champion])
        (new, old), gains = samples[0], sign * (samples[1:, 0] - samples[1:, 1])
        gains = gains[np.isfinite(gains)]
        if len(gains) < _FEWEST_DEFINED * (len(samples) - 1):
            raise TooFewRowsError(
                f"{metric.name} has no value on many samples of these {len(challenger)} rows: too few rows of a class"
            )
        tail = _expanded((1 - confidence) / 2, rows=_rows_that_count(challenger))
        low, high = (float(end) for end in np.quantile(gains, [tail, 1 - tail]))
        probability = float((gains > margin).mean() + 0.5 * (gains == margin).mean())
        method = "paired bootstrap"
    return Comparison(
        metric=metric.name,
        rows=len(challenger),
        challenger=float(new),
        champion=float(old),
        gain=sign * float(new - old),
        low=low,
        high=high,
        confidence=confidence,
        probability=probability,
        method=method,
    )


def _rows_that_count(answers: Answers) -> int:
    """All of them; of two classes with probabilities twice the rarer one's, which a ranking's error is made of."""
    probabilities = answers.probabilities
    if probabilities is None or probabilities.shape[1] != _TWO_CLASSES:
        return len(answers)
    second = int((answers.labels == 1).sum())
    return max(2, 2 * min(second, len(answers) - second))


def _expanded(tail: float, *, rows: int) -> float:
    """The tail whose normal quantile is Student's, with the bootstrap's missing n / (n - 1)."""
    from scipy.stats import norm, t

    return float(norm.cdf(t.ppf(tail, rows - 1) * np.sqrt(rows / (rows - 1))))


def _mcnemar(challenger: Answers, champion: Answers, *, confidence: float, margin: float) -> tuple[float, float, float]:
    """Interval of the gain in accuracy, and 1 - p that it is above the margin; both given how many rows differ."""
    right = challenger.predicted == challenger.labels
    before = champion.predicted == champion.labels
    won, lost = int((right & ~before).sum()), int((before & ~right).sum())
    differ, n = won + lost, len(challenger)
    if differ == 0:
        return 0.0, 0.0, 0.5 if margin == 0 else 0.0
    tail = (1 - confidence) / 2
    low = 0.0 if won == 0 else _solve(lambda share: _above(won, differ, share) - tail)
    high = 1.0 if lost == 0 else _solve(lambda share: _above(won, differ, share) - (1 - tail))
    share = min(1.0, (1 + margin * n / differ) / 2)
    return (2 * low - 1) * differ / n, (2 * high - 1) * differ / n, 1 - _above(won, differ, share)


def _above(won: int, differ: int, share: float) -> float:
    """Mid-p of winning at least so many of the rows that differ, when each is won with this chance."""
    from scipy.stats import binom

    return float(binom.sf(won, differ, share) + 0.5 * binom.pmf(won, differ, share))


def _solve(function: object) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, 0.0, 1.0, xtol=1e-12))
