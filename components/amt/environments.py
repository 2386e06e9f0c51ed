"""Environments with what a script's `requirements.txt` asks for: made once, kept, shared by jobs and processes.

An environment is a venv on top of the interpreter that runs scripts: everything installed there is seen, as in
SageMaker's images, and what pip adds comes before it. Its name is a digest of what it is made of.

environments/
  <key>.lock               held while it is made; pip holds it too, so that nobody builds over a pip that is left
  <key>.failed.json        why the last try failed, and for which tuning job: not tried again for each training job
  <key>/made.json          last: with it the environment is whole, and its time is when it was last used
  <key>/venv  <key>/source the environment; the code it was made from, where that matters
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.amt import bound_process
from components.amt.container import scrubbed_environment
from components.amt.folders import read_json, write_json
from components.amt.installation import REQUIREMENTS, Installation
from components.amt.pip_environment import pip_environment
from components.amt.pip_output import Follower, failure, say
from components.amt.trimming import drop_least_used

_LONGEST_S = 3600.0
_LOOK_S = 0.1
_FAILURE_KEPT_S = 600.0
# Longer than the 28 days a training job may take, which is how long one may be in use unnoticed.
_UNUSED_S = 30 * 86_400.0
_BASE = """
import importlib.util, json, sys
print(json.dumps({"version": sys.version, "executable": sys.executable, "prefix": sys.prefix,
    "folders": [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))],
    "pip": importlib.util.find_spec("pip") is not None}))
"""


class NotInstalled(Exception):
    """What a script wants could not be installed; the message is worded as the training toolkit's failure file."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """For whom an environment is made.

    Attributes:
        job: The tuning job: what failed for it is not tried again at once.
        log: Log of the training job; pip's output is added to it.
        base: The training job's /opt/ml: what is left of its processes after a crash is known by it.
        most_s: Seconds it may take.
        called_off: Whether nobody waits for it any more.
    """

    job: str
    log: Path
    base: Path
    most_s: float
    called_off: Callable[[], bool]


class Environments:
    """Environments on top of one interpreter.

    Args:
        cache: Folder of all caches: environments are below `environments/`, pip's downloads below `pip/`.
        python: The interpreter they stand on.
    """

    def __init__(self, cache: Path, *, python: str) -> None:
        self._folder = cache / "environments"
        self._downloads = cache / "pip"
        self._python = python
        self._lock = threading.Lock()
        self._base: dict[str, Any] | None = None

    def python_for(self, wanted: Installation, order: Order) -> str:
        """The interpreter of the environment that has what is wanted; it is made when it is not there.

        Training jobs and processes that want the same one at the same moment wait for the one that makes it.

        Raises:
            NotInstalled: pip could not install it, now or minutes ago for the same tuning job.
            CalledOff: `order.called_off()`.
            OSError: The disk cannot be used.
        """
        until_s = time.monotonic() + min(order.most_s, _LONGEST_S)
        base = self._base_interpreter()
        key = _key(base, wanted)
        root = self._folder / key
        python = str(root / "venv" / "bin" / "python")
        if _use(root, order.log):
            return python
        self._folder.mkdir(parents=True, exist_ok=True)
        failed = self._folder / f"{key}.failed.json"
        try:
            with _locked(self._folder / f"{key}.lock", until_s, order.called_off) as lock:
                if _use(root, order.log):
                    return python
                before = read_json(failed)
                # A clock that was set back gives a negative age: tried again.
                if before and before["job"] == order.job and 0 <= time.time() - before["at_s"] < _FAILURE_KEPT_S:
                    say(order.log, f"not tried again for this tuning job: {before['reason']}")
                    raise NotInstalled(before["reason"])
                try:
                    self._make(root, base, wanted, order, until_s, lock)
                except BaseException as error:
                    shutil.rmtree(root, ignore_errors=True)
                    if isinstance(error, NotInstalled):
                        write_json(failed, {"job": order.job, "at_s": time.time(), "reason": str(error)})
                    raise
        except bound_process.TookTooLong:
            seconds = f"{min(order.most_s, _LONGEST_S):.0f}"
            raise NotInstalled(failure(wanted, 1, f"it took longer than the {seconds} s there are for it")) from None
        return python

    def trim(self) -> None:
        """Drop environments that have not been used for 30 days, and what pip keeps beyond 10 GiB.

        Raises:
            OSError: Something cannot be deleted.
        """
        now_s = time.time()
        drop_least_used(self._downloads, now_s=now_s)
        for lock in self._folder.glob("*.lock"):
            root = lock.with_suffix("")
            if _last_sign_s(root) > now_s - _UNUSED_S:
                continue
            with suppress(bound_process.CalledOff), _locked(lock, now_s, lambda: True):  # not while one makes it
                if _last_sign_s(root) <= now_s - _UNUSED_S:
                    (root / "made.json").unlink(missing_ok=True)
                    shutil.rmtree(root, ignore_errors=True)
                    lock.with_suffix(".failed.json").unlink(missing_ok=True)

    def _base_interpreter(self) -> dict[str, Any]:
        with self._lock:
            if self._base is None:
                try:
                    answer = subprocess.run(
                        [self._python, "-c", _BASE],
                        capture_output=True,
                        check=True,
                        env=scrubbed_environment(self._folder),
                        stdin=subprocess.DEVNULL,
                        timeout=_LONGEST_S,
                    )
                    self._base = dict(json.loads(answer.stdout))
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    raise NotInstalled(f"the interpreter for scripts must run, got {self._python}: {error}") from error
            return self._base

    def _make(
        self, root: Path, base: Mapping[str, Any], wanted: Installation, order: Order, until_s: float, lock: int
    ) -> None:
        shutil.rmtree(root, ignore_errors=True)  # what a try that was ended left
        home, scratch, output = root / "home", root / "tmp", root / "pip.log"
        for made in (home, scratch):
            made.mkdir(parents=True)
        source = _source(wanted, root / "source")
        environment = {
            **pip_environment(home, scratch=scratch, cache=self._downloads),
            "SAGEMAKER_BASE_DIR": str(order.base),
        }
        follow = Follower(output, order.log)
        say(order.log, f"pip install {' '.join(wanted.words)}, once, into {root}")

        def run(*command: str) -> int:
            return bound_process.run(
                command,
                folder=source,
                environment=environment,
                output=output,
                until_s=until_s,
                called_off=order.called_off,
                heard=follow.take,
                keep=lock,
            )

        venv = root / "venv"
        code = run(base["executable"], "-m", "venv", "--without-pip", str(venv))
        python = str(venv / "bin" / "python")
        if code == 0:
            _stand_on(venv, base)
        if code == 0 and not base["pip"]:
            code = run(python, "-m", "ensurepip")
        if code == 0:
            code = run(python, "-m", "pip", "install", "--no-warn-script-location", *wanted.words)
        follow.take(rest=True)
        if code != 0:
            raise NotInstalled(failure(wanted, code, output.read_text(encoding="utf-8", errors="replace")))
        for done in (home, scratch):
            shutil.rmtree(done, ignore_errors=True)
        output.unlink()
        write_json(root / "made.json", {"words": wanted.words}, durable=True)


def _key(base: Mapping[str, Any], wanted: Installation) -> str:
    """Of what an environment is made: interpreter, what is installed there, and what is wanted."""
    installed = sorted(
        path.name for folder in base["folders"] for path in Path(folder).glob("*.*-info") if path.is_dir()
    )
    parts = [base["version"], base["executable"], base["folders"], installed, wanted.digest()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _use(root: Path, log: Path) -> bool:
    """Whether an environment is whole; if so it is used now."""
    try:
        os.utime(root / "made.json")
    except FileNotFoundError:
        return False
    say(log, f"what the source directory asks for is installed in {root}")
    return True


def _last_sign_s(root: Path) -> float:
    """When an environment was last used, or began to be made; 0 when there is none."""
    for path in (root / "made.json", root):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0


@contextmanager
def _locked(path: Path, until_s: float, called_off: Callable[[], bool]) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if called_off():
                    raise bound_process.CalledOff from None
                if time.monotonic() >= until_s:
                    raise bound_process.TookTooLong from None
                time.sleep(_LOOK_S)  # a lock that is waited for cannot be called off
        yield descriptor
    finally:
        os.close(descriptor)


def _source(wanted: Installation, folder: Path) -> Path:
    """Where pip runs: a copy of what it needs, which stays, for it may install links to it (`-e ./package`)."""
    if wanted.needs_code:
        shutil.copytree(wanted.code, folder)
    else:
        folder.mkdir()
        (folder / REQUIREMENTS).write_bytes(wanted.requirements or b"")
    return folder


def _stand_on(venv: Path, base: Mapping[str, Any]) -> None:
    """Have an environment see what is installed in the interpreter it stands on, after its own.

    `--system-site-packages` would show the packages of the Python that is below both, if that one is a venv itself.
    """
    (packages,) = (venv / "lib").glob("*/site-packages")
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in base["folders"]]
    (packages / "_below.pth").write_text("".join(lines), encoding="utf-8")
    pip_conf = Path(base["prefix"]) / "pip.conf"
    if pip_conf.exists():
        (venv / "pip.conf").symlink_to(pip_conf)
