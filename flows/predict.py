"""Batch inference: the rows of files answered by a registered version, as one file."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.errors import Damaged, InvalidInput, NotFound, RetuneError
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.settings import read_settings
from flows.cloud_predict import CloudOptions, open_batches
from flows.engines import ENGINES, open_store
from flows.versions import registry_of_model

_KB_IN_MB = 1024 if sys.platform == "linux" else 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What a batch is to do.

    Attributes:
        model: Registered model.
        input: Path, glob or `s3://` URI of CSV(.gz) or Parquet.
        output: Path or `s3://` URI of a Parquet or CSV file.
        version: None is the champion.
        keep: Input columns that are passed through.
        engine: Where it runs.
        cloud: What it may take there.
    """

    model: str
    input: str
    output: str
    version: int | None = None
    keep: tuple[str, ...] = ()
    engine: str = "local"
    cloud: CloudOptions = field(default_factory=CloudOptions)


def predict(
    options: PredictOptions,
    *,
    progress: Callable[[int], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Answer the input's rows; the output is there whole or not at all.

    Args:
        options: What to do.
        progress: Told the rows written so far.
        say: Told where in the cloud it is.

    Raises:
        InvalidInput: The input, the output or a row breaks a law.
        NotFound: No such file, model, version or champion.
        Damaged: The version does not load, or does not answer every row.
        RetuneError: As `CloudBatches.answer`.
    """
    began = time.monotonic()
    if options.engine not in ENGINES:
        raise InvalidInput(f"--engine is {' or '.join(ENGINES)}, got {options.engine!r}")
    from components.deployment.batch.answers import BatchModel
    from components.deployment.batch.input_files import find_inputs
    from components.deployment.batch.local_batch import predict as answer_all
    from components.deployment.batch.output_file import check_output, writing

    settings, here = read_settings(), Path.cwd()
    check_output(options.output, here)
    store = open_store(settings)
    inputs = find_inputs(options.input, base_dir=here, store=store, scratch=settings.scratch)
    if options.output in {file.name for file in inputs.files} or _is_among(here / options.output, inputs.files):
        raise InvalidInput(f"--output must not be a file of the input, got {options.output}: write elsewhere")
    registry = registry_of_model(options.model, settings)
    version = _version_of(registry, options)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    cloud = open_batches(options.model, options.cloud, settings, store) if options.engine == "sagemaker" else None
    job = None
    with TemporaryDirectory(dir=settings.scratch) as scratch:
        loaded = None if cloud else _load(registry, version, scratch)
        about = {"retune.model": options.model, "retune.version": str(version.version)}
        with writing(options.output, base_dir=here, store=store, scratch=settings.scratch, about=about) as output:
            if cloud:
                job = cloud.answer(
                    *(registry, version),
                    inputs=inputs,
                    keep=options.keep,
                    output=output,
                    scratch=Path(scratch),
                    say=say,
                )
            else:
                model = BatchModel(version=str(version.version), model=loaded, keep=options.keep)
                answer_all(model, inputs=inputs, output=output, progress=progress)
    seconds = time.monotonic() - began
    return {
        "model": options.model,
        "version": str(version.version),
        "engine": options.engine,
        "job": job,
        "input": [file.name for file in inputs.files],
        "output": options.output,
        "columns": list(output.columns),
        "rows": output.rows,
        "seconds": round(seconds, 3),
        "rows_per_s": round(output.rows / seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB_IN_MB, 1),
    }


def _version_of(registry: Registry, options: PredictOptions) -> ModelVersion:
    if options.version is not None:
        version = registry.find(options.version)
        if version is None:
            raise NotFound(
                f"there is no version {options.version} of model {options.model}; "
                f"retune lineage {options.model} lists them"
            )
        return version
    champion = registry.champion()
    if champion is None:
        raise NotFound(f"model {options.model} has no champion: name a version with --version")
    return champion


def _load(registry: Registry, version: ModelVersion, scratch: str) -> Any:
    try:
        return registry.load(version, Path(scratch))
    except RetuneError:
        raise
    except Exception as error:  # a model is somebody's code
        cause = str(error).strip().partition("\n")[0][:300]
        law = f"version {version.version} of {registry.model} must load, got {type(error).__name__}: {cause}"
        raise Damaged(law) from error


def _is_among(output: Path, files: Any) -> bool:
    return any(file.path is not None and output.exists() and output.samefile(file.path) for file in files)
