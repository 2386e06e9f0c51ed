"""One call, one redacted JSON document in a folder: written whole and never twice, so a killed scenario goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.aws import translate
from components.errors import Refused, Unavailable
from tests.aws.redaction import Redactor

_IN_USE = "ResourceInUse"


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Calls a client and keeps what it answered.

    Attributes:
        folder: Of the documents; made when needed.
        client: boto3's SageMaker client.
        redactor: Of the account it is for.
    """

    folder: Path
    client: Any
    redactor: Redactor

    def has(self, *documents: str) -> bool:
        """Whether all these documents are written."""
        return all(self._path(document).exists() for document in documents)

    def answered(self, document: str, method: str, **request: Any) -> None:
        """Keep the answer of a call that has one.

        Raises:
            RetuneError: The call was refused; nothing is written.
        """
        if self.has(document):
            return
        try:
            answer = getattr(self.client, method)(**request)
        except (ClientError, BotoCoreError) as error:
            raise translate(error) from error
        self.write(document, {"operation": method, "request": request, **_told(answer)})

    def asked(self, document: str, method: str, **request: Any) -> bool:
        """Keep the answer or the refusal of a call, whichever it is; whether it was taken now.

        Raises:
            RetuneError: Neither: no credentials, no permission, throttled, no network. Nothing is written.
        """
        if self.has(document):
            return False
        try:
            told, taken = _told(getattr(self.client, method)(**request)), True
        except ClientError as error:
            told, taken = self._refusal(error), False
        except BotoCoreError as error:
            raise translate(error) from error
        self.write(document, {"operation": method, "request": request, **told})
        return taken

    def created(self, document: str, request: Mapping[str, Any]) -> None:
        """Keep the answer of a Create; of a job that was created before a kill, what Create must have answered.

        Raises:
            RetuneError: It was refused.
        """
        if self.has(document):
            return
        name = request["HyperParameterTuningJobName"]
        try:
            answer = self.client.create_hyper_parameter_tuning_job(**request)
        except (ClientError, BotoCoreError) as error:
            if not isinstance(error, ClientError) or error.response["Error"]["Code"] != _IN_USE:
                raise translate(error) from error
            there = self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            answer = {
                "HyperParameterTuningJobArn": there["HyperParameterTuningJobArn"],
                "ResponseMetadata": {"HTTPStatusCode": 200},
            }
        self.write(document, {"operation": "create_hyper_parameter_tuning_job", "request": request, **_told(answer)})

    def write(self, document: str, content: Mapping[str, Any]) -> None:
        """Write a document, redacted.

        Raises:
            Refused: It would name the account.
        """
        text = json.dumps(self.redactor.document(content), indent=1, ensure_ascii=False) + "\n"
        self.redactor.check(text)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._path(document).with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self._path(document))

    def read(self, document: str) -> dict[str, Any]:
        """A document that is written."""
        return dict(json.loads(self._path(document).read_text(encoding="utf-8")))

    def _path(self, document: str) -> Path:
        return self.folder / f"{document}.json"

    def _refusal(self, error: ClientError) -> dict[str, Any]:
        ours = translate(error)
        if isinstance(ours, Unavailable | Refused):
            raise ours from error
        told = error.response["Error"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return {"http_status": status, "error": {"code": told.get("Code"), "message": told.get("Message")}}


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    body = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    return {"http_status": answer["ResponseMetadata"]["HTTPStatusCode"], "answer": body}
