"""Managed Spot training on one machine: when an instance is taken away, and what is billed (amt.md 1.4, 6.1).

This machine takes nothing away by itself. With `Interruptions` a training job that asked for Spot loses its instance
at times drawn from an exponential distribution, in seconds of training: it gets SIGTERM, after the notice SIGKILL, is
`Interrupted`, and begins again under the same name with its checkpoints. So a script's checkpoints are tried before a
cloud does.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Final

DISCOUNT: Final = 0.65
# Between the warning and the end of an EC2 Spot instance.
NOTICE_S: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Interruptions:
    """How often Spot instances are taken away.

    Attributes:
        mean_s: Mean seconds of training between two interruptions of one training job.
        notice_s: Seconds between SIGTERM and SIGKILL.
        seed: The times follow from it, from the training job and from how often it was interrupted: a repetition is
            interrupted at the same points.
    """

    mean_s: float
    notice_s: float = NOTICE_S
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.mean_s > 0 or not self.notice_s >= 0:
            raise ValueError(f"mean_s > 0 and notice_s >= 0 must hold, got {self.mean_s} and {self.notice_s}")

    def after_s(self, training_job: str, attempt: int) -> float:
        """Seconds of training after which an attempt at a training job loses its instance."""
        digest = hashlib.sha256(f"{self.seed}\n{training_job}\n{attempt}".encode()).digest()
        uniform = (int.from_bytes(digest[:8]) + 0.5) / 2**64
        return -self.mean_s * math.log(uniform)


@dataclass(frozen=True, kw_only=True)
class SpotMarket:
    """What Spot is like on this machine.

    Attributes:
        discount: Share of the price it saves, for BillableTimeInSeconds.
        interruptions: How often instances are taken away; None for never.
    """

    discount: float = DISCOUNT
    interruptions: Interruptions | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.discount < 1:
            raise ValueError(f"0 <= discount < 1 must hold, got {self.discount}")


def billable_s(training_s: float, *, spot: bool, discount: float = DISCOUNT) -> int:
    """BillableTimeInSeconds: whole seconds, at least one; with Spot rounded up after the discount (amt.md 6.1).

    Args:
        training_s: Seconds from Downloading to the end, of all attempts.
        spot: Whether the job asked for Spot.
        discount: Share that Spot saves. AWS's varies with the market; 60 to 70 % are usual.
    """
    return max(1, math.ceil(training_s * (1 - discount))) if spot else max(1, math.floor(training_s))
