"""What versions are compared by: a metric of metrics.py, a scikit-learn scorer, or a function of one's own project.

Each gives its value on all rows and on bootstrap samples of them, the same samples for every model, so that what two
models' values have in common falls out of their difference. Drawn from a fixed seed: the same answers give the same
decision.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from components.errors import InvalidInput
from components.registry import own_metric
from components.registry.metrics import (
    Answers,
    CannotScoreError,
    canonical,
    evaluate,
    evaluate_weighted,
    greater_is_better,
    is_known,
    is_of_classes,
)
from components.registry.ranking_areas import Floats

SEED = 20_260_301
_PARTS = ("train", "validation", "test")
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MOST_SAMPLES, _FEWEST_SAMPLES = 1000, 400
_CELLS = 200_000_000  # rows x samples: all samples up to 200,000 rows, some ten seconds a model
_CELLS_AT_ONCE = 30_000  # what a processor's cache holds
_MOST_CALLS, _FEWEST_CALLS = 500, 200  # of somebody else's function, which takes one sample at a time
_CALLED_ROWS = 20_000_000


class Metric(Protocol):
    """One way to score answers."""

    @property
    def name(self) -> str:
        """As results show it."""

    @property
    def greater_is_better(self) -> bool:
        """Its direction."""

    def value(self, answers: Answers) -> float:
        """On all rows. Raises CannotScoreError."""

    def samples(self, answers: Sequence[Answers]) -> Floats:
        """Of several models' answers to the same rows, shape (b, models): row 0 on all rows, then the samples.

        NaN where a sample has no value. Raises CannotScoreError.
        """


@dataclass(frozen=True)
class KnownMetric:
    """One of metrics.py, which takes all samples at once."""

    spelling: str

    @property
    def name(self) -> str:
        """As the protocol says."""
        return canonical(self.spelling)

    @property
    def greater_is_better(self) -> bool:
        """As the protocol says."""
        return greater_is_better(self.spelling)

    def value(self, answers: Answers) -> float:
        """As the protocol says."""
        return evaluate(self.spelling, answers)

    def samples(self, answers: Sequence[Answers]) -> Floats:
        """As the protocol says."""
        whole = np.array([[self.value(each) for each in answers]])
        draw, n = np.random.default_rng(SEED), len(answers[0])
        count = max(_FEWEST_SAMPLES, min(_MOST_SAMPLES, _CELLS // n))
        shares = None
        if is_of_classes(self.spelling):
            # Rows of the same label and the same answers are one kind: how often each kind is drawn is all there is.
            rows = np.stack([answers[0].labels, *(each.predicted for each in answers)])
            _, first, sizes = np.unique(rows, axis=1, return_index=True, return_counts=True)
            answers, shares = [each.take(first) for each in answers], sizes / n
        drawn = []
        at_once = max(1, _CELLS_AT_ONCE // len(answers[0]))
        for start in range(0, count, at_once):
            size = min(at_once, count - start)
            weights = _counts(draw, n, size) if shares is None else draw.multinomial(n, shares, size).astype(np.float64)
            drawn.append(np.column_stack([evaluate_weighted(self.spelling, each, weights) for each in answers]))
        return np.vstack([whole, *drawn])


@dataclass(frozen=True)
class ScorerMetric:
    """A scikit-learn scorer by name. Greater is better, as always there."""

    name: str
    greater_is_better: bool = True

    def value(self, answers: Answers) -> float:
        """As the protocol says."""
        value = self._on(answers, np.arange(len(answers)))
        if not np.isfinite(value):
            raise CannotScoreError(f"{self.name} must be a finite number, got {value} on {len(answers)} rows")
        return value

    def samples(self, answers: Sequence[Answers]) -> Floats:
        """As the protocol says."""
        n = len(answers[0])
        draw = np.random.default_rng(SEED)
        values = [[self.value(each) for each in answers]]
        for _ in range(calls_for(n)):
            rows = draw.integers(0, n, n)
            values.append([self._or_nan(each, rows) for each in answers])
        return np.array(values)

    def _or_nan(self, answers: Answers, rows: Any) -> float:
        try:
            return self._on(answers, rows)
        except CannotScoreError:  # a sample of one class
            return float("nan")

    def _on(self, answers: Answers, rows: Any) -> float:
        from sklearn.metrics import get_scorer

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(get_scorer(self.name)(_answered(answers), rows, answers.labels[rows]))
        except (ValueError, TypeError, AttributeError) as error:
            raise CannotScoreError(f"{self.name} cannot be computed: {str(error).partition(chr(10))[0]}") from None


@dataclass(frozen=True)
class OwnMetric:
    """`module:function` of one's own project, in a process of its own. Greater is better.

    Attributes:
        name: `module:function`.
        base_dir: The project's folder.
        scratch: Folder for what passes between the processes.
        classes: Labels in code order; None for a numeric target.
    """

    name: str
    base_dir: Path
    scratch: Path
    classes: Sequence[str] | None
    greater_is_better: bool = True

    def value(self, answers: Answers) -> float:
        """As the protocol says."""
        return float(self._run([answers], calls=0)[0, 0])

    def samples(self, answers: Sequence[Answers]) -> Floats:
        """As the protocol says."""
        return self._run(answers, calls=calls_for(len(answers[0])))

    def _run(self, answers: Sequence[Answers], *, calls: int) -> Floats:
        values = own_metric.values_of(
            self.name,
            answers,
            base_dir=self.base_dir,
            scratch=self.scratch,
            classes=self.classes,
            calls=calls,
            seed=SEED,
        )
        if not np.isfinite(values[0]).all():
            raise CannotScoreError(f"{self.name} must return a finite number, got {values[0].tolist()}")
        return values


def metric_of(
    name: str, *, base_dir: Path, scratch: Path, classes: Sequence[str] | None
) -> KnownMetric | ScorerMetric | OwnMetric:
    """The metric a spec names.

    Args:
        name: One of metrics.py in any spelling, `validation:` in front or not; a scikit-learn scorer; or
            `module:function`.
        base_dir: The project's folder, for one's own.
        scratch: For one's own.
        classes: Labels in code order; None for a numeric target.

    Raises:
        CannotScoreError: It is none of these.
    """
    if is_own(name):
        return OwnMetric(name=name, base_dir=base_dir, scratch=scratch, classes=classes)
    if is_known(name):
        return KnownMetric(name)
    from sklearn.metrics import get_scorer_names

    plain = name.rpartition(":")[2]
    if plain in get_scorer_names():
        return ScorerMetric(plain)
    raise CannotScoreError(
        f"{name} cannot be recomputed; name a metric in promotion.metric that can, such as auc, a scikit-learn scorer "
        "or module:function of your own"
    )


def refuse_unknown(name: str, *, base_dir: Path) -> None:
    """Raise InvalidInput when a spec's metric is none; one's own is looked up in a process of its own."""
    if is_own(name):
        own_metric.look_up(name, base_dir=base_dir)
        return
    try:
        metric_of(name, base_dir=base_dir, scratch=base_dir, classes=None)
    except CannotScoreError as error:
        raise InvalidInput(f"promotion: {error}") from None


def is_own(name: str) -> bool:
    """Whether a name is `module:function` and not a metric with its part in front."""
    return _OWN.fullmatch(name) is not None and name.partition(":")[0] not in _PARTS


def calls_for(rows: int) -> int:
    """Bootstrap samples of a metric that takes one at a time."""
    return max(_FEWEST_CALLS, min(_MOST_CALLS, _CALLED_ROWS // rows))


def _counts(draw: np.random.Generator, n: int, size: int) -> Floats:
    """How often each of n rows is in each of `size` samples of n, shape (size, n)."""
    places = draw.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
    return np.bincount(places.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _answered(answers: Answers) -> Any:
    """The answers as a fitted estimator whose rows are their numbers, which is all that a scorer asks."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        def predict(self, rows: Any) -> Any:
            return answers.predicted[rows]

        def __sklearn_is_fitted__(self) -> bool:
            return True

    class Classifier(ClassifierMixin, Regressor):  # type: ignore[misc]  # the same
        classes_ = np.arange(0 if answers.probabilities is None else answers.probabilities.shape[1], dtype=np.float64)

        def predict_proba(self, rows: Any) -> Any:
            if answers.probabilities is None:
                raise CannotScoreError("this metric needs probabilities, and the model answers without them")
            return answers.probabilities[rows]

    if answers.probabilities is not None:
        return Classifier()
    return Regressor()
