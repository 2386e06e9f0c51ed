"""A training job's `model.tar.gz`: unpacked without trusting it, and told apart by what it holds."""

from __future__ import annotations

import ast
import errno
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.errors import CannotWrite, Damaged, NotFound

MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 8 * 1024**3

Kind = Literal["xgboost", "mlflow", "inference", "unknown"]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What a training job left behind.

    Attributes:
        kind: `xgboost` (SageMaker's built-in: a Booster), `mlflow` (an MLflow model), `inference` (SageMaker's
            `model_fn` and `predict_fn`) or `unknown`.
        folder: All of it, unpacked.
        path: The Booster file, the folder with `MLmodel`, `inference.py`, or `folder` itself.
        refusal: Why it cannot serve; None unless `unknown`.
    """

    kind: Kind
    folder: Path
    path: Path
    refusal: str | None = None


def open_archive(
    model_tar_gz: Path,
    into: Path,
    *,
    max_members: int = MAX_MEMBERS,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> TrainedModel:
    """Unpack a model archive into a new folder and say what it is.

    Files and folders only: a training script, maybe somebody else's, wrote the archive, and links and devices are how
    archives reach out of their folder. Nothing in it is run.

    Args:
        model_tar_gz: As SageMaker stores it.
        into: Folder to make; what was there is replaced. On an error it is gone.
        max_members: Most files and folders.
        max_unpacked_bytes: Most bytes of all files together.

    Raises:
        NotFound: No such file.
        Damaged: No gzip'd tar, cut short, too large, or a member that is neither file nor folder or leaves `into`.
        CannotWrite: The disk is full, or `into` cannot be made.
    """
    if not model_tar_gz.is_file():
        raise NotFound(f"a model archive must be a file, got {model_tar_gz}")
    try:
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        with tarfile.open(model_tar_gz, "r:gz") as archive:
            for member in _checked(archive, max_members, max_unpacked_bytes):
                archive.extract(member, into, filter="data")
            _read_to_its_end(archive, max_unpacked_bytes)
        return _told_apart(into)
    except (tarfile.TarError, EOFError, zlib.error, _BoundsError, UnicodeError) as error:
        shutil.rmtree(into, ignore_errors=True)
        raise Damaged(f"model archive {model_tar_gz.name} must be an intact model.tar.gz: {error}") from None
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        if error.errno is None or error.errno == errno.EINVAL:  # gzip's own: bad header, wrong checksum
            raise Damaged(f"model archive {model_tar_gz.name} must be an intact model.tar.gz: {error}") from None
        raise CannotWrite(f"model archive cannot be unpacked into {into} ({error.strerror})") from None


class _BoundsError(Exception):
    """A member or the whole breaks a limit."""


def _checked(archive: tarfile.TarFile, max_members: int, max_bytes: int) -> Iterator[tarfile.TarInfo]:
    size = 0
    for number, member in enumerate(archive, start=1):
        size += member.size
        if number > max_members:
            raise _BoundsError(f"at most {max_members} members, got more")
        if size > max_bytes:
            raise _BoundsError(f"at most {max_bytes} bytes unpacked, got more (at {member.name[:200]!r})")
        if not (member.isfile() or member.isdir()):
            raise _BoundsError(f"files and folders only, got a link or device at {member.name[:200]!r}")
        yield member


def _read_to_its_end(archive: tarfile.TarFile, max_bytes: int) -> None:
    """Tar stops reading at its own end mark; gzip compares its checksum at the file's."""
    left = max_bytes
    while rest := archive.fileobj.read(1 << 20):
        left -= len(rest)
        if left < 0:
            raise _BoundsError(f"at most {max_bytes} bytes unpacked, got more after the last member")


def _told_apart(folder: Path) -> TrainedModel:
    """The most explicit of what a folder holds: MLmodel, then inference.py, then xgboost-model."""
    described = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
    for place in described:
        if (place / "MLmodel").is_file():
            return TrainedModel(kind="mlflow", folder=folder, path=place)
    reason = "model.tar.gz holds neither xgboost-model nor MLmodel nor inference.py, so nobody knows how to ask it"
    for place in (folder, folder / "code"):
        script = place / "inference.py"
        if script.is_file():
            lacking = _lacking(script)
            if not lacking:
                return TrainedModel(kind="inference", folder=folder, path=script)
            reason = f"inference.py must define model_fn and predict_fn, {lacking}"
    if (folder / "xgboost-model").is_file():
        return TrainedModel(kind="xgboost", folder=folder, path=folder / "xgboost-model")
    return TrainedModel(kind="unknown", folder=folder, path=folder, refusal=reason)


def _lacking(script: Path) -> str:
    """What of SageMaker's inference contract a script does not define, read without running it."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError) as error:
        return f"got no Python ({error})"
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    lacking = [name for name in ("model_fn", "predict_fn") if name not in names]
    return f"got no {' and no '.join(lacking)}" if lacking else ""
