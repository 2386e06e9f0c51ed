"""Errors of the libraries and the machine -> our tree, at the edge where a command ends."""

from __future__ import annotations

import errno

from components.errors import Busy, CannotWrite, RetuneError, Unavailable

_CANNOT_WRITE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
}


def translate(error: BaseException) -> RetuneError | None:
    """The error of our tree that this one, or one it came from, stands for; None when it is a bug."""
    seen: BaseException | None = error
    while seen is not None:
        known = _translate_one(seen)
        if known is not None:
            return known
        seen = seen.__cause__ or seen.__context__
    return None


def _translate_one(error: BaseException) -> RetuneError | None:  # noqa: PLR0911  one per kind of error
    if isinstance(error, RetuneError):
        return error
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        place = f" at {error.filename}" if error.filename else ""
        return CannotWrite(f"{_CANNOT_WRITE[error.errno]}{place}; make room or set RETUNE_HOME elsewhere")
    text = str(error)
    kind = f"{type(error).__module__}.{type(error).__name__}"
    if kind.startswith("sqlite3.") or "OperationalError" in kind:
        if "disk is full" in text:
            return CannotWrite("the disk is full under RETUNE_HOME; make room or set RETUNE_HOME elsewhere")
        if "readonly" in text or "unable to open" in text:
            return CannotWrite(f"a database under RETUNE_HOME cannot be written ({text.splitlines()[0]})")
        if "locked" in text:
            return Busy("a database under RETUNE_HOME stayed locked; is another run stuck? try again")
    if kind.startswith("botocore."):
        from components.aws import translate as translate_aws

        return translate_aws(error)
    if kind.startswith(("httpx.", "requests.")) and ("Connect" in kind or "Timeout" in kind):
        return Unavailable(f"a service did not answer: {text.splitlines()[0] if text else kind}")
    return None
