"""What belongs to one account, replaced by placeholders that are the same in every account; credentials never kept."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import Refused
from components.tuning.images import registry_accounts

_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_PRINCIPAL = re.compile(r":(user|role|assumed-role|federated-user|group)/[\w+=,.@/-]+")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")
_NETWORK = re.compile(r"\b(subnet|sg|vpc|eni)-[0-9a-f]{8,17}\b")
# Training jobs end in eight random digits.
_RANDOM = re.compile(r"(-[0-9]{3,})-[0-9a-f]{8}\b")


@dataclass(frozen=True, kw_only=True)
class Redactor:
    """Replaces what is known of an account, then what looks like belonging to one.

    Attributes:
        known: Text to placeholder: bucket, bucket and prefix, account. Roles and prefixes may be ordinary words: they
            go where they stand in an ARN or behind the bucket.
        role: Path and name of the execution role.
        tags: Values of the project's own tags.
        keys: Credentials. They are in no answer; a document that has one is not written.
    """

    known: Mapping[str, str]
    role: str
    tags: frozenset[str]
    keys: Sequence[str] = field(repr=False)

    def document(self, value: Any) -> Any:
        """A JSON document without what belongs to the account; times as ISO 8601 in UTC."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._member(str(key), part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(part) for part in value]
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
        return self.text(value) if isinstance(value, str) else value

    def _member(self, name: str, value: Any) -> Any:
        # nobody knows what is in a token
        if name == "NextToken":
            return "<token>"
        return "<tag>" if name == "Value" and value in self.tags else self.document(value)

    def text(self, text: str) -> str:
        """A text without it."""
        for known in sorted(self.known, key=len, reverse=True):
            text = _as_word(known).sub(self.known[known], text)
        text = _PRINCIPAL.sub(r":\1/<\1>", text)
        text = _ACCESS_KEY.sub("<key id>", text)
        text = _UUID.sub("<uuid>", text)
        text = _NETWORK.sub(r"<\1>", text)
        text = _RANDOM.sub(r"\1-<random>", text)
        registries = registry_accounts()
        return _ACCOUNT.sub(lambda found: found[0] if found[0] in registries else "<account>", text)

    def check(self, text: str) -> None:
        """The last look at what is about to be written.

        Raises:
            Refused: Something of the account is still in it.
        """
        named = f"role/{self.role}" in text or any(_as_word(known).search(text) for known in self.known)
        if named or _ACCESS_KEY.search(text) or any(key in text for key in self.keys):
            raise Refused("a document must not name the account, bucket, role or a key, and this one does: not written")


def redactor_of(
    *,
    bucket: str,
    prefix: str,
    role_arn: str,
    accounts: Iterable[str],
    keys: Iterable[str],
    tags: Iterable[str] = (),
) -> Redactor:
    """The redactor of one account.

    Args:
        bucket: Of the project.
        prefix: Key prefix of the project; empty for none.
        role_arn: Execution role.
        accounts: Account ids, 12 digits.
        keys: Access key, secret key, session token.
        tags: Values of the project's own tags.
    """
    known = {bucket: "<bucket>"} | dict.fromkeys(accounts, "<account>")
    if prefix:
        known |= {f"{bucket}/{prefix}": "<bucket>"}
    return Redactor(
        known=known,
        role=role_arn.partition(":role/")[2],
        tags=frozenset(tags),
        keys=[key for key in keys if key],
    )


def _as_word(text: str) -> re.Pattern[str]:
    """A name where it stands alone: `bucket` in `s3://bucket/key`, and not in `my-bucket`."""
    return re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-])")
