"""Where the local AMT keeps its files under its home; no other module builds these paths.

home/
  amt.sqlite               the record (store)
  amt.init                 held while a process opens the record
  server.log               what a fork server says
  cache/objects/           fetched inputs, by content
  cache/environments/      what scripts' requirements.txt add to the interpreter (environments)
  cache/pip/               pip's downloads
  jobs/<tuning job>/       the name in lower case, as names are compared
    lock                   held by the one supervising process
    poke                   FIFO: "look again, somebody asked for a stop"
    watchers/              FIFOs of processes that wait for a change
    <training job>.<attempt>/
      launch.json          what the runner was told
      processes.json       pid and start time of runner and container
      log.txt              output of the container
      metrics.jsonl        every value it emitted
      runner.log           what the runner itself says; normally empty
      model.tar.gz output.tar.gz
      exit.json            last, by rename: with it the training is over and never run again
      ml/                  the container's /opt/ml
    <training job>.checkpoints/   what its container keeps from one attempt to the next
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class JobFolder:
    """The folder of one tuning job."""

    def __init__(self, home: Path, tuning_job: str) -> None:
        self.root = home / "jobs" / tuning_job.lower()
        self.lock = self.root / "lock"
        self.poke = self.root / "poke"
        self.watchers = self.root / "watchers"

    def trial(self, training_job: str, attempt: int) -> TrialFolder:
        """The folder of one attempt at one training job."""
        return TrialFolder(self.root / f"{training_job}.{attempt}")


class TrialFolder:
    """The folder of one attempt at one training job: a late process of an older attempt can touch nothing of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launch = root / "launch.json"
        self.processes = root / "processes.json"
        self.log = root / "log.txt"
        self.metrics = root / "metrics.jsonl"
        self.runner_log = root / "runner.log"
        self.model = root / "model.tar.gz"
        self.output = root / "output.tar.gz"
        self.exit = root / "exit.json"
        self.ml = root / "ml"
        # Of all attempts: `<training job>.checkpoints`.
        self.checkpoints = root.with_suffix(".checkpoints")

    def earlier_attempts(self) -> list[TrialFolder]:
        """Those that left something: ended by an interruption; one a crash ended is removed before it is run again."""
        name, _, attempt = self.root.name.rpartition(".")
        folders = [self.root.with_name(f"{name}.{number}") for number in range(1, int(attempt))]
        return [TrialFolder(folder) for folder in folders if folder.is_dir()]


def write_json(path: Path, document: Mapping[str, Any], *, durable: bool = False) -> None:
    """Write a JSON file by rename: a reader sees the whole of it or nothing.

    Args:
        path: The file; its folder exists.
        document: What to write.
        durable: Whether it must survive a power cut.
    """
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON file written by `write_json`; None when it is not there, or torn by a power cut."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None
