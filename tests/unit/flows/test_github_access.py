"""What a step does with the job's tokens: it becomes the AWS role, and writes one comment a model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import Refused, Unavailable
from flows.github.comment import tell_pull_request
from flows.github.identity import aws_identity
from tests.command import environment_of
from tests.github_api import BOT, TOKEN, GitHub, github

ROLE = "arn:aws:iam::123456789012:role/retune-submit"
WHO = "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()['Arn']))"


@pytest.fixture
def server() -> Iterator[GitHub]:
    """GitHub."""
    with github() as running:
        yield running


def test_the_program_is_the_role_and_holds_no_token_of_the_job(
    server: GitHub, aws_endpoint: str, tmp_path: Path
) -> None:
    """An unmodified boto3 assumes the role with the file; the job's own tokens are not in its environment."""
    given = {**environment_of(tmp_path), **server.environment(), "RETUNE_AWS_ROLE_ARN": ROLE, "GITHUB_RUN_ID": "7"}
    given |= {"AWS_ENDPOINT_URL": aws_endpoint, "AWS_DEFAULT_REGION": "us-east-1", "RUNNER_TEMP": str(tmp_path)}

    with aws_identity(given) as program:
        place = Path(program["AWS_WEB_IDENTITY_TOKEN_FILE"])
        assert (place.read_text(), place.parent.stat().st_mode & 0o77) == ("token-1", 0)
        said = subprocess.run([sys.executable, "-c", WHO], env=program, capture_output=True, text=True, check=True)

    assert json.loads(said.stdout) == "arn:aws:sts::123456789012:assumed-role/retune-submit/retune-7"
    assert TOKEN not in program.values()
    assert not place.exists()


def test_the_token_is_kept_fresh_while_a_job_waits(server: GitHub) -> None:
    """A search outlives a token; the next one replaces it, and the file is never empty."""
    with aws_identity({**server.environment(), "RETUNE_AWS_ROLE_ARN": ROLE}, fresh_s=0.01) as program:
        place = Path(program["AWS_WEB_IDENTITY_TOKEN_FILE"])
        assert server.more.wait(60)
        while place.read_text() == "token-1":
            pass
        assert place.read_text().startswith("token-")


def test_without_a_role_the_machine_s_own_credentials_are_used(server: GitHub) -> None:
    """No role, no token asked for; the program still does not get those of the job."""
    with aws_identity({**server.environment(), "AWS_PROFILE": "own"}) as program:
        assert program["AWS_PROFILE"] == "own"
        assert not {"GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_ROLE_ARN"} & program.keys()

    assert server.tokens == 0


def test_a_job_without_the_right_to_a_token_is_told_so(server: GitHub) -> None:
    """Without id-token: write GitHub sets no address, with a wrong one it refuses; no answer is another error."""
    role = {"RETUNE_AWS_ROLE_ARN": ROLE}
    with pytest.raises(Refused, match="id-token: write"), aws_identity(role):
        pass
    server.denied = True
    with pytest.raises(Refused, match="403"), aws_identity({**server.environment(), **role}):
        pass
    nowhere = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/oidc"}
    with pytest.raises(Unavailable, match="OIDC"), aws_identity({**server.environment(), **role, **nowhere}):
        pass


def test_a_model_has_one_comment_which_is_brought_up_to_date(server: GitHub) -> None:
    """A second run changes its model's comment, another model has its own, and nobody else's is touched."""
    server.pulls = [5]
    server.add("gone", "<!-- retune digits -->\nwhoever wrote this has left")["user"] = None
    for number in range(120):
        server.add("somebody", f"text {number}")
    server.add("somebody", "<!-- retune digits -->\nmine")

    first = tell_pull_request(server.environment(), model="digits", text="one")
    again = tell_pull_request(server.environment(), model="digits", text="two")
    other = tell_pull_request(server.environment(), model="flights", text="three")

    assert first == again != other
    own = [comment["body"] for comment in server.comments if comment["user"] == {"login": BOT}]
    assert own == ["<!-- retune digits -->\ntwo", "<!-- retune flights -->\nthree"]
    assert server.comments[121]["body"].endswith("mine")


def test_a_commit_without_a_pull_request_gets_no_comment(server: GitHub) -> None:
    """A push straight to the branch: the summary is all there is."""
    assert tell_pull_request(server.environment(), model="digits", text="one") is None
    assert server.comments == []


def test_a_token_that_may_not_comment_is_told_so(server: GitHub) -> None:
    """The message names the right that is missing."""
    server.denied = True

    with pytest.raises(Refused, match="pull-requests: write"):
        tell_pull_request(server.environment(), model="digits", text="one")
