"""Every error retune raises on purpose, drawn once.

    RetuneError                      exit  retryable
    ├── InvalidInput                  65   no    the user's words: spec, option, data, request
    │   ├── InvalidSpec               65   no    a spec that breaks a law, with every breach at once
    │   └── InvalidData               65   no    data that must not be trained on
    ├── NotFound                      66   no    a file, job, model or version that is not there
    ├── Unavailable                   69   yes   a service that does not answer: store, tracking server, AWS
    ├── TuningFailed                  70   no    the search ended without a model
    ├── CannotWrite                   73   no    home, disk or port that cannot be used
    ├── Damaged                       74   no    stored bytes that are not what was written
    ├── Busy                          75   yes   somebody else holds it: a port, a lock
    ├── DeploymentFailed              76   no    an endpoint did not come to serve a version; what served before serves
    ├── Refused                       77   no    allowed by no rule: security, promotion
    │   ├── OverBudget                77   no    nothing can be started within a cap
    │   └── JobDiffers                77   no    a tuning job that is not what was asked for
    └── Cancelled                    130   no    stopped on request; the same command resumes

Exit codes follow BSD's sysexits.h, so that a shell can tell "mend your spec" (65) from "try again" (69, 75).
A usage error of the command line itself is 64, as there. Only `flows/` reads `exit_code` and `retryable`.
"""

from __future__ import annotations

from collections.abc import Sequence


class RetuneError(Exception):
    """Root of the tree. The message states the law and the value, and what to do about it."""

    exit_code = 70
    retryable = False


class InvalidInput(RetuneError):
    """Something the user wrote breaks a law."""

    exit_code = 65


class _Breaches(InvalidInput):
    """Several breaches of law in one document, told at once.

    Args:
        subject: What was read, usually a path.
        breaches: One "place: law, got value" line each, in document order.
    """

    def __init__(self, subject: str, breaches: Sequence[str]) -> None:
        self.subject = subject
        self.breaches = tuple(breaches)
        if len(self.breaches) == 1:
            text = f"{subject}: {self.breaches[0]}"
        else:
            text = f"{subject}: {len(self.breaches)} problems: " + "; ".join(self.breaches)
        super().__init__(text)

    def __reduce__(self) -> tuple[type[_Breaches], tuple[str, tuple[str, ...]]]:
        return type(self), (self.subject, self.breaches)


class InvalidSpec(_Breaches):
    """A RetrainSpec that breaks one or more laws."""


class InvalidData(_Breaches):
    """Data that must not be trained on, with every failed check."""


class NotFound(RetuneError):
    """A file, job, model or version that is not there."""

    exit_code = 66


class Unavailable(RetuneError):
    """A service that does not answer; trying again later may help."""

    exit_code = 69
    retryable = True


class TuningFailed(RetuneError):
    """The search ended without a usable model."""

    exit_code = 70


class CannotWrite(RetuneError):
    """A home, disk or port that cannot be used."""

    exit_code = 73


class Damaged(RetuneError):
    """Stored bytes that are not what was written: a checksum, an archive, a record."""

    exit_code = 74


class Busy(RetuneError):
    """Somebody else holds what this needs; trying again later may help."""

    exit_code = 75
    retryable = True


class DeploymentFailed(RetuneError):
    """An endpoint did not come to serve a version. What served before serves, or nothing when it was the first."""

    exit_code = 76


class Refused(RetuneError):
    """Not allowed: by a security rule, a budget or a promotion rule."""

    exit_code = 77


class OverBudget(Refused):
    """Nothing can be started within a cap."""


class JobDiffers(Refused):
    """A tuning job is not what was asked for; it has been stopped."""


class Cancelled(RetuneError):
    """Stopped on request. The state is resumable: the same command goes on."""

    exit_code = 130
