"""CheckpointConfig: a folder that outlives its container, kept in the store of objects (amt.md 1.4, 4.1).

The folder stands beside a training job's attempts, and each container sees it as its `checkpoints`; so neither an
interruption nor a kill -9 loses what is in it. It is filled from S3Uri before the first attempt and written there after
each; AWS also copies while the container runs, and propagates deletions. For the training jobs of a tuning job the
prefix gets the training job's name: AWS does not say whether it adds one, and parallel training jobs must never read
each other's.
"""

from __future__ import annotations

import shutil

from components.amt.channels import relative_key
from components.amt.checkpoint_paths import below_opt_ml
from components.amt.folders import TrialFolder, write_json
from components.amt.records import TrainingJob, TuningJob
from components.amt.single_jobs import is_single
from components.storage.store import ObjectStore, parse_uri


def uri_of(job: TuningJob, trial: TrainingJob) -> str:
    """The prefix of a training job's checkpoints."""
    prefix = str(job.definition["CheckpointConfig"]["S3Uri"]).rstrip("/")
    return f"{prefix}/" if is_single(job) else f"{prefix}/{trial.name}/"


def place(job: TuningJob, trial: TrainingJob, folder: TrialFolder, store: ObjectStore) -> None:
    """Give a container its checkpoints; nothing without CheckpointConfig.

    Raises:
        Unavailable: The store does not answer.
    """
    wanted = job.definition.get("CheckpointConfig")
    if not wanted:
        return
    kept = folder.checkpoints
    if not kept.is_dir():
        fresh = kept.with_name(kept.name + ".part")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        prefix = uri_of(job, trial)
        for found in store.list(prefix):
            relative = relative_key(parse_uri(prefix)[1], parse_uri(found.uri)[1])
            if relative is not None:
                target = fresh / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                store.get(found.uri, target)
        fresh.replace(kept)
    seen = folder.ml / below_opt_ml(wanted.get("LocalPath"))
    seen.parent.mkdir(parents=True, exist_ok=True)
    seen.symlink_to(kept, target_is_directory=True)
    config = {"LocalPath": str(seen), "S3Uri": str(wanted["S3Uri"])}
    write_json(folder.ml / "input" / "config" / "checkpointconfig.json", config)


def keep(job: TuningJob, trial: TrainingJob, folder: TrialFolder, store: ObjectStore) -> None:
    """Write a training job's checkpoints to the store; nothing without CheckpointConfig. Safe to repeat.

    Raises:
        Unavailable: The store does not answer.
        CannotWrite: The store cannot be written.
    """
    if not job.definition.get("CheckpointConfig") or not folder.checkpoints.is_dir():
        return
    for path in sorted(folder.checkpoints.rglob("*")):
        if path.is_file() and not path.is_symlink():
            store.put(path, uri_of(job, trial) + path.relative_to(folder.checkpoints).as_posix())


def drop(folder: TrialFolder) -> None:
    """Remove what a training job that has ended needs no more here; the store has it."""
    shutil.rmtree(folder.checkpoints, ignore_errors=True)
