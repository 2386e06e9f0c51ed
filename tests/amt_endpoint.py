"""`retune amt serve` as a process of its own, for tests that talk to it over HTTP."""

from __future__ import annotations

import configparser
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from components.storage.local import FolderStore
from tests.command import REPO, environment_of

START_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A running endpoint.

    Attributes:
        url: Where it listens.
        access_key: Of the key pair it made.
        secret_key: Of the same.
        region: Its region.
        document: What it printed.
        process: It.
        client: boto3's SageMaker client, as it is.
    """

    url: str
    access_key: str
    secret_key: str
    region: str
    document: Mapping[str, Any]
    process: subprocess.Popen[str]
    client: Any

    @property
    def amt_home(self) -> Path:
        """Home of its local AMT."""
        return Path(self.document["home"]) / "amt"

    @property
    def exports(self) -> dict[str, str]:
        """The variables it tells users to export: the environment of an unmodified client."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.url,
        }

    def stop(self) -> int:
        """End it as Ctrl-C's sibling SIGTERM does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(home: Path, store: str | None = "local", *arguments: str, **variables: str) -> Iterator[Serving]:
    """Serve a home on a free loopback port until the block ends.

    Args:
        home: RETUNE_HOME of the server. With the local store, `FolderStore(home / "store")` is what `s3://` means.
        store: `local` or `s3`; None leaves it to the environment.
        arguments: Further options of the command.
        variables: Further environment of the server, such as AWS_ENDPOINT_URL_S3.
    """
    home.mkdir(parents=True, exist_ok=True)
    errors = home / "serve-stderr.txt"
    options = ["--port", "0", "--json", *(() if store is None else ("--store", store)), *arguments]
    with errors.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "amt", "serve", *options],
            cwd=home,
            env={**environment_of(home), "PYTHONPATH": str(REPO), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        document = _document(process, errors)
        credentials = configparser.ConfigParser(interpolation=None)
        credentials.read(document["credentials_file"])
        access_key = credentials["default"]["aws_access_key_id"]
        secret_key = credentials["default"]["aws_secret_access_key"]
        client = boto3.client(
            "sagemaker",
            region_name=document["region"],
            endpoint_url=document["url"],
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )
        yield Serving(
            url=document["url"],
            access_key=access_key,
            secret_key=secret_key,
            region=document["region"],
            document=document,
            process=process,
            client=client,
        )
        client.close()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def store_of(serving: Serving) -> FolderStore:
    """What `s3://` means to a server with the local store."""
    return FolderStore(Path(serving.document["home"]) / "store")


def _document(process: subprocess.Popen[str], errors: Path) -> dict[str, Any]:
    assert process.stdout is not None
    guard = threading.Timer(START_S, process.kill)
    guard.start()
    text = ""
    try:
        for line in process.stdout:
            text += line
            if line.rstrip() == "}":
                return dict(json.loads(text))
    finally:
        guard.cancel()
    raise AssertionError(f"the server must say where it is, said {text!r} and: {errors.read_text()[-2000:]}")
