"""Where things are: the only reader of the environment.

The spec says what to retrain; settings say where its bytes, runs and services live on this machine. Nothing below
this module looks at `os.environ`; `flows.tasks` turns settings into engines, stores and targets and hands them down.
"""

from __future__ import annotations

import math
import os
import pwd
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from components.errors import CannotWrite, InvalidInput

LOCAL_BUCKET = "retune-local"
# AWS's own SDK looks every 30 s; a stop asked for should be carried out sooner.
_CLOUD_POLL_S = 15.0
_LONGEST_POLL_S = 300.0
# Databases of the servers, a snapshot, models: a run that starts with less ends half-way.
_NEEDED_BYTES = 100 * 10**6
# What the runners of CI services set: GitHub, GitLab, AWS CodeBuild, Buildkite, CircleCI, Azure, and nearly all.
_CI = ("GITHUB_ACTIONS", "GITLAB_CI", "CODEBUILD_BUILD_ID", "BUILDKITE", "CIRCLECI", "TF_BUILD", "CI")
# A role for engines that check its form only; AWS's own documentation account.
_DOCUMENTATION_ROLE = "arn:aws:iam::111122223333:role/retune-local"
# RFC 6750's bearer token, long enough not to be guessed
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}")
_OWN_PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One reading of the environment.

    Attributes:
        home: `$RETUNE_HOME`, default `.retune` in the working folder; deleting it is a clean start.
        bucket: Bucket of every URI retune writes.
        on_s3: Whether that bucket is on S3 and not a folder under `home`.
        prefix: Key prefix inside the bucket, without slashes at its ends.
        role_arn: Execution role named in requests.
        region: AWS region named in requests.
        tracking_uri: MLflow's.
        owns_tracking: Whether retune chose the tracking URI (SQLite under `home`).
        prefect_api_url: A Prefect server given from outside, or None: then retune keeps one of its own.
        poll_s: Seconds between two looks at a job in the cloud.
        on_crash: What a run that is ended by SIGTERM or an error does with its tuning job: `keep` leaves it to the next
            run, `stop` stops it. Nothing is done on SIGKILL.
        user: Who runs this, for the record.
        serving_token: What clients of model servers must bear: a token, `auto` (one is made per
            model), `off`, or None: as it is.
        environment: The process environment at the time of reading, for child processes. It holds secrets.
    """

    home: Path
    bucket: str
    on_s3: bool
    prefix: str
    role_arn: str
    region: str
    tracking_uri: str
    owns_tracking: bool
    prefect_api_url: str | None
    poll_s: float
    on_crash: Literal["keep", "stop"]
    user: str
    environment: Mapping[str, str] = field(repr=False)
    serving_token: str | None = field(default=None, repr=False)

    @property
    def base_uri(self) -> str:
        """`s3://bucket/prefix`, the root of everything retune stores."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"

    @property
    def amt_home(self) -> Path:
        """Home of the local AMT."""
        return self.home / "amt"

    @property
    def store_root(self) -> Path:
        """Root of the folder store."""
        return self.home / "store"

    @property
    def scratch(self) -> Path:
        """Caches and temporary files; losing them costs time only."""
        return self.home / "scratch"

    @property
    def services(self) -> Path:
        """Records and logs of background services."""
        return self.home / "services"

    @property
    def prefect_home(self) -> Path:
        """State of the Prefect server that retune keeps."""
        return self.home / "prefect"

    @property
    def tracking_database(self) -> Path:
        """MLflow's SQLite file, where retune owns it."""
        return self.home / "mlflow.db"

    @property
    def artifact_root(self) -> str | None:
        """Where MLflow's artifacts go; None leaves it to a tracking server given from outside."""
        return str(self.home / "mlflow-artifacts") if self.owns_tracking else None

    @property
    def ephemeral(self) -> str | None:
        """Variable that says this machine is a CI runner, gone with its home after the job; None elsewhere."""
        return next((name for name in _CI if self.environment.get(name, "").lower() not in ("", "false", "0")), None)

    def require_cloud(self, what: str = "engine sagemaker") -> None:
        """Refuse to go to the cloud without what only its owner can say.

        Args:
            what: Wants to go there.

        Raises:
            InvalidInput: RETUNE_BUCKET or RETUNE_ROLE_ARN is not set.
        """
        missing = [] if self.on_s3 else ["RETUNE_BUCKET (a bucket for data and models)"]
        if self.role_arn == _DOCUMENTATION_ROLE:
            missing.append("RETUNE_ROLE_ARN (the execution role of training jobs and endpoints)")
        if missing:
            raise InvalidInput(f"{what} needs {' and '.join(missing)}, got none")

    def check_home(self) -> None:
        """Look, without writing, whether the home can hold what a run writes.

        Raises:
            CannotWrite: It is no folder, may not be written, or its disk has less than 100 MB left.
        """
        place = next(path for path in (self.home, *self.home.parents) if path.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise CannotWrite(f"RETUNE_HOME must be a writable folder, got {self.home}; set it elsewhere")
        free = shutil.disk_usage(place).free
        if free < _NEEDED_BYTES:
            raise CannotWrite(
                f"RETUNE_HOME needs {_NEEDED_BYTES // 10**6} MB of free disk, got {free / 10**6:.1f} MB "
                f"at {self.home}: make room or set RETUNE_HOME elsewhere"
            )

    def writable_home(self) -> Path:
        """The home, made if need be and proven writable.

        Raises:
            CannotWrite: It is not a folder, or nothing can be written there.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            probe = self.home / f".writable-{os.getpid()}"
            probe.write_bytes(b"retune")
            probe.unlink()
        except OSError as error:
            raise CannotWrite(
                f"RETUNE_HOME must be a writable folder, got {self.home} ({error.strerror}); set RETUNE_HOME elsewhere"
            ) from None
        return self.home


def read_settings(environment: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Settings:
    """Read the environment once.

    Args:
        environment: In place of the process's own.
        cwd: In place of the working folder.

    Raises:
        InvalidInput: A variable breaks a law.
    """
    env = dict(os.environ if environment is None else environment)  # noqa: TID251  here only
    folder = cwd or Path.cwd()
    try:
        home = (folder / Path(env.get("RETUNE_HOME") or ".retune").expanduser()).resolve()
    except RuntimeError:
        raise InvalidInput(f"RETUNE_HOME names a home that nobody has, got {env['RETUNE_HOME']}") from None
    tracking_uri = env.get("MLFLOW_TRACKING_URI") or ""
    bucket = env.get("RETUNE_BUCKET") or ""
    prefix = (env.get("RETUNE_PREFIX") or "").strip("/")
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise InvalidInput(f"RETUNE_PREFIX is a key prefix such as team/retune, got {prefix!r}")
    if "/" in bucket:
        raise InvalidInput(f"RETUNE_BUCKET is a bucket's name without a path, got {bucket!r}; use RETUNE_PREFIX")
    return Settings(
        home=home,
        bucket=bucket or LOCAL_BUCKET,
        on_s3=bool(bucket),
        prefix=prefix,
        role_arn=env.get("RETUNE_ROLE_ARN") or _DOCUMENTATION_ROLE,
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        tracking_uri=tracking_uri or f"sqlite:///{home / 'mlflow.db'}",
        owns_tracking=not tracking_uri,
        prefect_api_url=_prefect_api_url(env),
        poll_s=_poll_s(env),
        on_crash=_on_crash(env),
        user=_user(env),
        environment=env,
        serving_token=_serving_token(env),
    )


def _serving_token(env: Mapping[str, str]) -> str | None:
    token = env.get("RETUNE_SERVING_TOKEN") or None
    if token not in (None, "auto", "off") and not _TOKEN.fullmatch(token):
        raise InvalidInput(
            f"RETUNE_SERVING_TOKEN is auto, off, or 16 to 256 characters of A-Z a-z 0-9 - . _ ~ + / =, "
            f"got {len(token)} characters that are not all so"
        )
    return token


def _poll_s(env: Mapping[str, str]) -> float:
    text = env.get("RETUNE_POLL_S") or str(_CLOUD_POLL_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_POLL_S:
        raise InvalidInput(f"RETUNE_POLL_S is seconds between two looks at a job, at most 300, got {text!r}")
    return seconds


def _on_crash(env: Mapping[str, str]) -> Literal["keep", "stop"]:
    match env.get("RETUNE_ON_CRASH") or "keep":
        case "keep":
            return "keep"
        case "stop":
            return "stop"
        case other:
            raise InvalidInput(f"RETUNE_ON_CRASH is keep or stop, got {other!r}")


def _user(env: Mapping[str, str]) -> str:
    """Name of the user; a container may run as a number that has none."""
    try:
        return env.get("LOGNAME") or env.get("USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def _prefect_api_url(env: Mapping[str, str]) -> str | None:
    """The server an active Prefect profile or the environment names; read from the file because prefect is slow."""
    if env.get("PREFECT_API_URL"):
        return env["PREFECT_API_URL"]
    prefect_home = Path(env.get("PREFECT_HOME") or Path(env.get("HOME") or Path.home()) / ".prefect")
    profiles = Path(env.get("PREFECT_PROFILES_PATH") or prefect_home / "profiles.toml")
    try:
        document = tomllib.loads(profiles.read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return None
    profile = document.get("profiles", {}).get(env.get("PREFECT_PROFILE") or document.get("active", ""), {})
    url = profile.get("PREFECT_API_URL")
    return str(url) if url else None


def prefect_environment(settings: Settings, api_url: str) -> dict[str, str]:
    """What a process that runs the flow needs to reach the server at `api_url`."""
    given = {"PREFECT_API_URL": api_url}
    if settings.prefect_api_url is None:
        given |= {**_OWN_PREFECT, "PREFECT_HOME": str(settings.prefect_home)}
    return given


def apply_environment(variables: Mapping[str, str]) -> None:
    """Set variables of this process for libraries that read them at import: prefect and mlflow."""
    os.environ.update(variables)  # noqa: TID251  here only


def quiet_libraries() -> None:
    """Keep the libraries' telemetry and progress bars out, where the user has not chosen otherwise."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)  # noqa: TID251  here only
