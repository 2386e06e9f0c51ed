"""What a record must not say: whose account it was made in."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from components.errors import Refused
from tests.aws.redaction import Redactor, redactor_of

ACCOUNT, OTHER = "444455556666", "777788889999"
KEY, SECRET = "AKIA" + "ABCDEFGHIJKLMNOP", "wJalr/XUtnFEMI+K7MDENG"


@pytest.fixture
def redactor() -> Redactor:
    """Of a made-up account."""
    return redactor_of(
        bucket="our-models",
        prefix="team/retune",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/service-role/Tuning",
        accounts=(ACCOUNT,),
        keys=(KEY, SECRET),
        tags=("jane.doe@our.example",),
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/service-role/Tuning", "arn:aws:iam::<account>:role/<role>"),
        (f"arn:aws:iam::{OTHER}:role/another", "arn:aws:iam::<account>:role/<role>"),
        (
            f"User: arn:aws:sts::{OTHER}:assumed-role/Admin/jane@x.org is not",
            "User: arn:aws:sts::<account>:assumed-role/<assumed-role> is not",
        ),
        ("s3://our-models/team/retune/out", "s3://<bucket>/out"),
        ("permissions on bucket our-models.", "permissions on bucket <bucket>."),
        ("s3://our-models-2/x", "s3://our-models-2/x"),
        ("request 0b1c2d3e-0000-4000-8000-000000000000 failed", "request <uuid> failed"),
        (f"the key {KEY} is unknown", "the key <key id> is unknown"),
        ("subnet-0a1b2c3d, sg-0a1b2c3d4e5f6a7b8", "<subnet>, <sg>"),
        ("parity-1-first-001-0e830ada", "parity-1-first-001-<random>"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/x", "683313688378.dkr.ecr.us-east-1.amazonaws.com/x"),
        (f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com/x", "<account>.dkr.ecr.us-east-1.amazonaws.com/x"),
        ("Preparing the instances for training", "Preparing the instances for training"),
    ],
)
def test_what_belongs_to_an_account_becomes_a_placeholder(redactor: Redactor, said: str, kept: str) -> None:
    """Accounts, principals, bucket, prefix, ids and random digits are replaced; Amazon's own registries are not."""
    assert redactor.text(said) == kept


def test_a_document_is_redacted_in_its_depth(redactor: Redactor) -> None:
    """Keys, lists and times of a document are seen to, and a paging token is not kept: nobody knows what is in it."""
    when = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    document = redactor.document(
        {
            ACCOUNT: [{"At": when, "Uri": "s3://our-models/x"}],
            "NextToken": "b3Vy",
            "Spot": True,
            "Tags": [{"Key": "owner", "Value": "jane.doe@our.example"}],
        }
    )
    assert document == {
        "<account>": [{"At": "2026-01-02T02:04:05.678+00:00", "Uri": "s3://<bucket>/x"}],
        "NextToken": "<token>",
        "Spot": True,
        "Tags": [{"Key": "owner", "Value": "<tag>"}],
    }


def test_ordinary_words_as_names_change_no_other_text() -> None:
    """A role called `role` and a prefix called `train` are replaced where they are a role and a prefix, only."""
    plain = redactor_of(
        bucket="our-models",
        prefix="train",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/role",
        accounts=(ACCOUNT,),
        keys=(),
    )
    said = (
        f'{{"RoleArn": "arn:aws:iam::{ACCOUNT}:role/role", "ChannelName": "train", "S3Uri": "s3://our-models/train/x"}}'
    )
    kept = '{"RoleArn": "arn:aws:iam::<account>:role/<role>", "ChannelName": "train", "S3Uri": "s3://<bucket>/x"}'
    assert plain.text(said) == kept
    plain.check(kept)


@pytest.mark.parametrize("said", [ACCOUNT, "our-models", "role/service-role/Tuning", KEY, SECRET, "ASIA" + "Z" * 16])
def test_what_is_left_of_an_account_is_not_written(redactor: Redactor, said: str) -> None:
    """The last look before writing refuses a text that still names the account, and does not repeat it."""
    with pytest.raises(Refused, match="not written") as caught:
        redactor.check(json.dumps({"x": f"a {said} b"}))
    assert said not in str(caught.value)
    redactor.check(
        json.dumps({"x": redactor.text(f"a {said} b".replace(SECRET, "").replace("role/serv", ":role/serv"))})
    )
