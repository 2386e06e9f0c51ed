"""GitHub's OIDC token, in a file, as AWS's clients take it: they assume the role themselves and again before it ends.

A token lives for minutes and the credentials for an hour at most. While a job waits the file is kept fresh, so that no
long-lived secret is needed for a long search.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from components.errors import Refused, Unavailable

AUDIENCE = "sts.amazonaws.com"
_FRESH_S = 120.0
_PATIENCE_S = 30.0
# What a step knows and no program it starts is to know.
_OWN = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_TOKEN")


@contextmanager
def aws_identity(environment: Mapping[str, str], *, fresh_s: float = _FRESH_S) -> Iterator[dict[str, str]]:
    """The environment of a program that is to act as the role in RETUNE_AWS_ROLE_ARN; without one, as the machine is.

    Args:
        environment: Of this step.
        fresh_s: Seconds between two tokens.

    Raises:
        Refused: GitHub gives this job no token.
        Unavailable: It does not answer.
    """
    program = {name: value for name, value in environment.items() if name not in _OWN}
    role = environment.get("RETUNE_AWS_ROLE_ARN")
    if not role:
        yield program
        return
    with TemporaryDirectory(prefix="retune-identity-", dir=environment.get("RUNNER_TEMP")) as folder:
        place = Path(folder) / "token"  # in a folder that nobody else may read
        _write(place, _token(environment))
        ended = threading.Event()
        keeper = threading.Thread(target=_keep_fresh, args=(environment, place, ended, fresh_s), daemon=True)
        keeper.start()
        session = f"retune-{environment.get('GITHUB_RUN_ID', 'run')}"
        try:
            yield program | {
                "AWS_ROLE_ARN": role,
                "AWS_ROLE_SESSION_NAME": session,
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(place),
            }
        finally:
            ended.set()
            keeper.join()


def _keep_fresh(environment: Mapping[str, str], place: Path, ended: threading.Event, fresh_s: float) -> None:
    while not ended.wait(fresh_s):
        try:
            _write(place, _token(environment))
        except (Refused, Unavailable) as error:  # the next one comes before the credentials end
            sys.stderr.write(f"{error}\n")


def _write(place: Path, token: str) -> None:
    temporary = place.with_name("next")
    temporary.touch(mode=0o600)
    temporary.write_text(token)
    os.replace(temporary, place)  # noqa: PTH105  a reader sees one or the other


def _token(environment: Mapping[str, str]) -> str:
    import httpx

    url, bearer = (environment.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}") for name in ("URL", "TOKEN"))
    if not url or not bearer:
        raise Refused("RETUNE_AWS_ROLE_ARN is assumed with GitHub's token: the job needs permissions: id-token: write")
    try:
        address = httpx.URL(url).copy_merge_params({"audience": AUDIENCE})
        answer = httpx.get(address, headers={"Authorization": f"bearer {bearer}"}, timeout=_PATIENCE_S)
        return str(answer.raise_for_status().json()["value"])
    except httpx.HTTPStatusError as error:
        raise Refused(f"GitHub gives this job no OIDC token: {error.response.status_code}") from None
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Unavailable(f"GitHub's OIDC token cannot be had: {type(error).__name__}") from None
