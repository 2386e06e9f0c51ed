"""Every name, key and tag the pipeline writes: deterministic, and within AWS's limits.

No other module builds one from strings, so that two stages cannot disagree and one place shows what retune leaves
behind.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

RUN_KEY_DIGITS = 10
_LONGEST_SERVED_NAME = 150
MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")

# Tags on tuning jobs, MLflow runs and model versions: the lineage, and its only database.
TAG_MODEL = "retune.model"
TAG_RUN_KEY = "retune.run_key"
TAG_RUN_DIGEST = "retune.run_digest"
TAG_SNAPSHOT = "retune.snapshot"
TAG_ENGINE = "retune.engine"
TAG_TUNING_JOB = "retune.tuning_job"
TAG_TRAINING_JOB = "retune.training_job"
TAG_TRIAL = "retune.trial"
TAG_WARM_START = "retune.warm_start"
TAG_REQUEST = "retune.request"
TAG_MODE = "retune.mode"
TAG_REASON = "retune.reason"
TAG_SPEC_DIGEST = "retune.spec_digest"
TAG_CODE_DIGEST = "retune.code_digest"
TAG_GENERATION = "retune.generation"
TAG_REFIT_OF = "retune.refit_of"
TAG_FINISHED = "retune.finished"
TAG_PROMOTABLE = "retune.promotable"
TAG_RESULT = "retune.result"
# On model versions: what the registry found out about them.
TAG_MODEL_KIND = "retune.model_kind"
TAG_REFUSAL = "retune.refusal"
TAG_OBJECTIVE_METRIC = "retune.objective_metric"
TAG_OBJECTIVE = "retune.objective"
TAG_VALIDATION_SCORE = "retune.validation_score"
TAG_SCORE_CHECK = "retune.score_check"
TAG_TEST_SCORE = "retune.test_score"
TAG_PROMOTED = "retune.promoted"
TAG_PROMOTION_REASON = "retune.promotion_reason"
TAG_TRAINING_SECONDS = "retune.training_seconds"
TAG_MODEL_SIZE = "retune.model_size_bytes"
TAG_PREDICTION_MS = "retune.prediction_ms"
TAG_APPROVAL = "retune.approval"
TAG_SPEC = "retune.spec"
TAG_PROMOTIONS_DONE = "retune.promotions_done"
TAG_PREVIOUS_CHAMPION = "retune.previous_champion"
# `<region>/<endpoint config>` that last served a version on SageMaker.
TAG_ENDPOINT_CONFIG = "retune.endpoint_config"
# On endpoints: what an update that was cut off is finished or taken back by.
TAG_FORMER_CONFIG = "retune.former_config"
TAG_PROVEN_CONFIG = "retune.proven_config"
TAG_AUTOSCALING = "retune.autoscaling"
# On SageMaker's models and endpoint configurations.
TAG_VERSION = "retune.version"

_ENDPOINT_STEM = 32
_TRANSFORM_JOB = re.compile(r"[a-zA-Z0-9-]+-batch-[0-9a-f]{12}-[0-9]{2,}")
_REFIT_JOB = re.compile(r"[a-zA-Z0-9-]+-[0-9a-f]{10}-refit-[0-9]{2,}")
_CONFIG = re.compile(r"(?P<endpoint>.+)-(?P<version>[0-9]+)-[0-9a-f]{8}")


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of a JSON document, the same whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_digest(
    *,
    model: str,
    snapshot_digest: str,
    engine: str,
    spec_digest: str,
    code_digest: str,
    generation: int,
    refit: Mapping[str, str] | None = None,
) -> str:
    """What makes two runs the same run (design, Identity), as 64 hex digits.

    Args:
        model: Name of the model.
        snapshot_digest: Content digest of the data.
        engine: `local` or `sagemaker`.
        spec_digest: Digest of the resolved spec without budget, deployment, promotion and parallelism.
        code_digest: Digest of `source_dir`, or the training image.
        generation: Number of this model's finished versions.
        refit: Hyperparameters that are trained again; None for a search.
    """
    return digest_of(
        {
            "model": model,
            "snapshot": snapshot_digest,
            "engine": engine,
            "spec": spec_digest,
            "code": code_digest,
            "generation": generation,
            **({} if refit is None else {"refit": dict(refit)}),
        }
    )


def run_key(digest: str) -> str:
    """The short form of a run digest that names carry."""
    return digest[:RUN_KEY_DIGITS]


def job_stem(model: str) -> str:
    """A model's name as tuning-job names carry it: at most 17 characters of `[a-zA-Z0-9-]`, no outer hyphen."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", model)[:17].strip("-") or "model"


def tuning_job_name(*, model: str, key: str, attempt: int) -> str:
    """`<model>-<key>-<attempt>`, at most 31 of AMT's 32 characters.

    Args:
        model: Name of the model.
        key: Run key.
        attempt: From 1; a failed or stopped search is followed by the next attempt under the same key.
    """
    return f"{job_stem(model)}-{key}-{attempt:02d}"


# In the name of every refit's training job, and of whatever a model called so has: `is_refit_job` tells them apart.
REFIT_MARK = "-refit-"


def refit_job_name(*, model: str, key: str, attempt: int) -> str:
    """`<model>-<key>-refit-<attempt>`, at most 37 of SageMaker's 63 characters. Arguments as `tuning_job_name`."""
    return f"{job_stem(model)}-{key}{REFIT_MARK}{attempt:02d}"


def is_refit_job(job: str) -> bool:
    """Whether a name is one of `refit_job_name`, and not of a tuning job or of one of its training jobs."""
    return _REFIT_JOB.fullmatch(job) is not None


def snapshot_prefix(digest: str) -> str:
    """Key prefix of a data snapshot, below the settings' own prefix."""
    return f"snapshots/{digest[:16]}"


def output_prefix(model: str) -> str:
    """Key prefix of the training jobs' artifacts of a model."""
    return f"output/{job_stem(model)}"


def checkpoint_prefix(tuning_job: str) -> str:
    """Key prefix of the checkpoints of a tuning job's training jobs."""
    return f"checkpoints/{tuning_job}"


def refit_checkpoint_prefix(*, model: str, key: str) -> str:
    """Key prefix of a refit's checkpoints, the same for all attempts: the next one goes on where the last one was."""
    return f"checkpoints/{job_stem(model)}-{key}{REFIT_MARK}".rstrip("-")


def submission_key(tuning_job: str) -> str:
    """Key of what `retune submit` leaves for `retune collect`."""
    return f"submissions/{tuning_job}.json"


def follower_key(tuning_job: str) -> str:
    """Key of the sign of life of who follows a tuning job."""
    return f"followers/{tuning_job}.json"


def probe_key(mark: str) -> str:
    """Key of the tiny object that `retune doctor` writes and removes."""
    return f"doctor/{mark}"


def code_prefix(digest: str) -> str:
    """Key prefix of a packed `source_dir`."""
    return f"code/{digest[:16]}"


def experiment_folder(name: str) -> str:
    """Folder of an MLflow experiment's artifacts: its name where that is a safe one, else marked by a digest."""
    safe = re.sub(r"[^a-zA-Z0-9_.-]+", "-", name).strip(".-")[:64]
    if safe == name:
        return safe
    return f"{safe or 'experiment'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def mlflow_key(name: str) -> str:
    """A metric, parameter or tag name as MLflow takes it: word characters and `/ . - :` and space, at most 250.

    `validation:accuracy` stays as it is, `f1 (macro)` becomes `f1 _macro_`, and no name is a path that leads elsewhere.
    """
    safe = re.sub(r"[^/\w.\- :]", "_", name)
    if posixpath.normpath(safe) != safe or safe[0] in "./":
        safe = "_" + safe.replace("/", "_")
    return safe[:250]


def promotion_tag(number: int) -> str:
    """Tag of the registered model that holds the n-th change of its champion, from 1; they sort by name."""
    return f"retune.promotion.{number:05d}"


def batch_prefix(model: str, digest: str) -> str:
    """Key prefix of a batch that SageMaker predicts: its parts, their answers, and what they are."""
    return f"batches/{job_stem(model)}/{digest[:16]}"


def transform_job_name(model: str, digest: str, attempt: int) -> str:
    """`<model>-batch-<digest>-<attempt>`; also, without the attempt, its SageMaker model. At most 39 characters."""
    return f"{job_stem(model)}-batch-{digest[:12]}-{attempt:02d}"


def is_transform_job(job: str) -> bool:
    """Whether a name is one of `transform_job_name`: a tuning job's key is two digits shorter."""
    return _TRANSFORM_JOB.fullmatch(job) is not None


def transform_model_name(model: str, digest: str) -> str:
    """SageMaker's model that a batch asks."""
    return f"{job_stem(model)}-batch-{digest[:12]}"


def model_service(model: str) -> str:
    """Name of the background service that serves a model: a safe file name, and no two models' the same."""
    safe = quote(model, safe="")
    if len(safe) > _LONGEST_SERVED_NAME:
        safe = f"{safe[:_LONGEST_SERVED_NAME]}~{hashlib.sha256(model.encode()).hexdigest()[:8]}"
    return f"model-{safe}"


def endpoint_name(model: str) -> str:
    """A model's SageMaker endpoint: at most 41 characters of `[a-z0-9-]`, and no two models' the same."""
    safe = re.sub(r"[^a-z0-9]+", "-", model.lower())[:_ENDPOINT_STEM].strip("-")  # AWS tells no upper case apart
    return safe if safe == model else f"{safe or 'model'}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def endpoint_resource(model: str, version: str, request: Mapping[str, Any]) -> str:
    """`<endpoint>-<version>-<digest>`, a SageMaker model's or endpoint configuration's name, at most 63 characters.

    Both can be made and not changed, so what they are is in their name: the same request is the same resource.
    """
    return f"{endpoint_name(model)}-{version}-{digest_of(request)[:8]}"


def version_of_config(config: str, model: str) -> str | None:
    """The version in a name of `endpoint_resource`; None when retune did not make it for this model."""
    found = _CONFIG.fullmatch(config)
    return found["version"] if found is not None and found["endpoint"] == endpoint_name(model) else None


def hosted_model_prefix(model: str, version: str, digest: str) -> str:
    """Key prefix of what SageMaker hosts of a version: its archive, and what it must answer."""
    return f"endpoints/{endpoint_name(model)}/{version}-{digest[:16]}"


def endpoint_alarm(endpoint: str) -> str:
    """The alarm that takes an update of an endpoint back."""
    return f"{endpoint}-server-errors"
