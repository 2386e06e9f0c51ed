from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from components.amt.checkpoint_paths import below_opt_ml, is_usable
from components.amt.spot import Interruptions, SpotMarket, billable_s


def test_interruptions_follow_from_seed_job_and_attempt_alone() -> None:
    """The same training job is interrupted at the same second of training in every repetition."""
    first, again = Interruptions(mean_s=10, seed=1), Interruptions(mean_s=10, seed=1)
    times = {first.after_s(name, attempt) for name in ("a", "b") for attempt in (1, 2)}
    assert len(times) == 4
    assert first.after_s("a", 2) == again.after_s("a", 2)
    assert first.after_s("a", 2) != Interruptions(mean_s=10, seed=2).after_s("a", 2)


def test_times_between_interruptions_are_exponential() -> None:
    """Their mean is the one asked for, and about 63 % are below it."""
    times = [Interruptions(mean_s=10, seed=5).after_s("job", attempt) for attempt in range(4000)]
    assert 9.5 < sum(times) / len(times) < 10.5
    assert 0.61 < sum(time < 10 for time in times) / len(times) < 0.65


@pytest.mark.parametrize(
    ("seconds", "spot", "discount", "billed"),
    [(193.175, False, 0.65, 193), (37026.138, True, 0.6034, 14685), (0.2, False, 0.65, 1), (0.2, True, 0.65, 1)],
)
def test_seconds_are_billed_as_aws_bills_them(*, seconds: float, spot: bool, discount: float, billed: int) -> None:
    """On demand whole seconds, with Spot the discounted ones rounded up, never none."""
    assert billable_s(seconds, spot=spot, discount=discount) == billed


def test_a_market_that_cannot_be_is_refused() -> None:
    """The mean is positive, the notice not negative, the discount a share."""
    with pytest.raises(ValueError, match="mean_s > 0"):
        Interruptions(mean_s=0)
    with pytest.raises(ValueError, match="discount < 1"):
        SpotMarket(discount=1.0)


@pytest.mark.parametrize(
    ("path", "usable"),
    [
        ("/opt/ml/checkpoints", True),
        ("/opt/ml/checkpoints/", True),
        ("/opt/ml/mine/here", True),
        ("/opt/ml", False),
        ("/opt/ml/model", False),
        ("/opt/ml/../etc", False),
        ("/var/checkpoints", False),
    ],
)
def test_checkpoints_are_kept_below_opt_ml(*, path: str, usable: bool) -> None:
    """Elsewhere a process of this machine would write among other people's files."""
    assert is_usable(PurePosixPath(path)) is usable


def test_the_default_is_aws_s() -> None:
    """Without LocalPath it is /opt/ml/checkpoints."""
    assert below_opt_ml(None) == PurePosixPath("checkpoints")
