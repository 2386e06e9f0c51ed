"""Amazon's own clients as processes: the SageMaker SDK and the AWS CLI, in `.venv-clients` (`make clients`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-clients"
ROLE = "arn:aws:iam::111122223333:role/Tuning"
DEADLINE_S = 180


@dataclass(frozen=True, kw_only=True)
class AmazonClients:
    """Clients that know nothing of us but where to send their requests, and with which key.

    Attributes:
        folder: Their working folder and home.
        exports: The variables that `retune amt serve` tells users to export.
        s3_endpoint: URL of what speaks S3.
    """

    folder: Path
    exports: Mapping[str, str]
    s3_endpoint: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What a user has exported; other services are asked for at the local AMT, so nothing leaves the machine."""
        return {
            **os.environ,
            **self.exports,
            "AWS_ENDPOINT_URL": self.exports["AWS_ENDPOINT_URL_SAGEMAKER"],
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_PAGER": "",
            "HOME": str(self.folder),
            "SAGEMAKER_VALIDATE_ROLE": "false",
        }

    def python(self, script: Path, *arguments: str) -> str:
        """Run a script that imports the SageMaker SDK; its stdout."""
        return self._run([str(ENVIRONMENT / "bin" / "python"), "-I", str(script), *arguments]).stdout

    def aws(self, *arguments: str) -> Any:
        """Run `aws sagemaker ...`; the JSON it prints, None for nothing."""
        out = self._run(self._aws(arguments)).stdout
        return json.loads(out) if out.strip() else None

    def aws_refused(self, *arguments: str) -> str:
        """Run `aws sagemaker ...`, which must fail as a refused call; what it tells."""
        finished = self._run(self._aws(arguments), code=255)
        return finished.stderr.strip()

    def _aws(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(ENVIRONMENT / "bin" / "aws"), "sagemaker", *arguments, "--output", "json"]

    def _run(self, command: list[str], *, code: int = 0) -> subprocess.CompletedProcess[str]:
        assert (ENVIRONMENT / ".made-from-requirements-clients").exists(), "run `make clients` first: .venv-clients"
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )
        assert finished.returncode == code, f"{command}: {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
        return finished
