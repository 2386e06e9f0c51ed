"""Before and after the container: everything it needs is put into place, everything it left is uploaded."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.amt import checkpoints, container, installation, script_mode, sdk_driver, source_code
from components.amt.algorithms import algorithm_of
from components.amt.bound_process import CalledOff
from components.amt.channels import Cache, place_channel
from components.amt.environments import Environments, NotInstalled, Order
from components.amt.folders import TrialFolder, write_json
from components.amt.records import TrainingJob, TuningJob
from components.amt.spot import Interruptions
from components.amt.training_job import algorithm_error, arn_of, artifact_uri, hyperparameters
from components.errors import CannotWrite, RetuneError
from components.storage.store import ObjectStore

# The container may train as long as the request allows; AWS's own default is a day (amt.md 1.4).
_DEFAULT_MAX_RUNTIME_S = 86_400


class CannotStart(Exception):
    """The training job fails before its container starts; the message is its FailureReason."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What every training job on this machine is run with.

    Attributes:
        store: Where inputs come from and artifacts go.
        cache: Fetched inputs.
        python: Interpreter for one's own scripts.
        environments: What scripts' `requirements.txt` add to it.
        stop_grace_s: Seconds between SIGTERM and SIGKILL; AWS waits 120.
        fork: Whether built-in trainers are forked from a fork server.
        interruptions: How often Spot instances are taken away; None for never.
        store_pauses_s: Pauses between tries while the store does not answer.
    """

    store: ObjectStore
    cache: Cache
    python: str
    environments: Environments
    stop_grace_s: float
    fork: bool
    interruptions: Interruptions | None = None
    store_pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)

    def trim(self) -> None:
        """Keep the caches within bounds. What cannot be deleted stays: it is no training job's fault."""
        with suppress(OSError):
            self.cache.trim()
        with suppress(OSError):
            self.environments.trim()


@dataclass(frozen=True, kw_only=True)
class _Script:
    """How an entry point is run."""

    program: str
    python: str
    package: bool = False
    driver: sdk_driver.Driver | None = None


def is_final(error: Exception | None) -> bool:
    """Whether an error is the training job's own: neither time nor room on this machine mends it."""
    return isinstance(error, RetuneError) and not error.retryable and not isinstance(error, CannotWrite)


def preloaded(job: TuningJob) -> tuple[str, ...]:
    """Libraries the fork server imports for a job; none for one's own script."""
    algorithm = algorithm_of(job.image)
    if algorithm is None or script_mode.program_of(job.definition.get("StaticHyperParameters", {})) is not None:
        return ()
    return algorithm.preload


def prepare(
    job: TuningJob,
    trial: TrainingJob,
    folder: TrialFolder,
    workshop: Workshop,
    called_off: Callable[[], bool] = lambda: False,
) -> None:
    """Make the container's /opt/ml with its data, code and what the code wants installed, and last the launch file.

    Args:
        job: The tuning job.
        trial: The training job.
        folder: Of its attempt.
        workshop: What it is run with.
        called_off: Whether nobody waits for it any more; what takes long (pip) is ended then.

    Raises:
        CannotStart: The request is at fault: data or code that is not there or not usable.
        Unavailable: The store does not answer.
        CannotWrite: Disk or home cannot be used.
    """
    definition = job.definition
    values = hyperparameters(job, trial)
    shutil.rmtree(folder.root, ignore_errors=True)  # what an earlier try left
    folder.root.mkdir(parents=True)
    container.lay_out(
        folder,
        hyperparameters=values,
        channels=container.input_data_config(definition),
        instance_type=container.instance_type_of(definition),
    )
    try:
        for channel in definition.get("InputDataConfig", ()):
            target = folder.ml / "input" / "data" / channel["ChannelName"]
            mode = definition["AlgorithmSpecification"]["TrainingInputMode"]
            place_channel(channel, folder=target, store=workshop.store, cache=workshop.cache, mode=mode)
        checkpoints.place(job, trial, folder, workshop.store)
        script = _script(job, values, folder, workshop, called_off)
    except source_code.BadSource as error:
        raise CannotStart(f"ClientError: {error}") from error
    except RetuneError as error:
        if not is_final(error):
            raise
        raise CannotStart(f"ClientError: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:  # objects `a` and `a/b`
        raise CannotStart(f"ClientError: an object's key is another one's folder: {error}") from error
    write_json(folder.launch, _launch(job, trial, folder, workshop, script))


def _script(
    job: TuningJob,
    values: Mapping[str, str],
    folder: TrialFolder,
    workshop: Workshop,
    called_off: Callable[[], bool],
) -> _Script | None:
    """Put one's own code into place, with what it wants installed; None for a built-in algorithm."""
    if sdk_driver.is_asked_for(job.definition):
        driver = sdk_driver.place(folder.ml)
        script = _Script(program=driver.program, python=workshop.python)
        if driver.requirements is not None:
            script = _install(job, driver.program, folder, workshop, called_off)
        return replace(script, driver=driver)
    program = script_mode.program_of(values)
    if program is None:
        return None
    _place_code(values, program, folder.ml / "code", workshop)
    return _install(job, program, folder, workshop, called_off)


def _place_code(values: Mapping[str, str], program: str, code: Path, workshop: Workshop) -> None:
    uri = str(script_mode.decoded(values).get(script_mode.SUBMIT_DIRECTORY, ""))
    found = next((entry for entry in workshop.store.list(uri) if entry.uri == uri), None) if uri else None
    if found is None:
        raise source_code.BadSource(f"sagemaker_submit_directory must name an s3:// archive that exists, got {uri!r}")
    source_code.unpack(workshop.cache.file(found), code)
    source_code.check_entry_point(code, program).chmod(0o755)  # the shell runs it, as the toolkit makes it


def _install(
    job: TuningJob, program: str, folder: TrialFolder, workshop: Workshop, called_off: Callable[[], bool]
) -> _Script:
    wanted = installation.wanted(folder.ml / "code", program)
    if wanted is None:
        return _Script(program=program, python=workshop.python)
    order = Order(
        job=job.arn,
        log=folder.log,
        base=folder.ml,
        # On AWS pip runs inside the container, on the training job's time.
        most_s=job.definition["StoppingCondition"].get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME_S),
        called_off=called_off,
    )
    try:
        python = workshop.environments.python_for(wanted, order)
    except NotInstalled as error:
        raise CannotStart(algorithm_error(str(error), exit_code=1)) from error
    except CalledOff as error:
        raise CannotStart("ClientError: the training job was stopped while it was prepared") from error
    return _Script(program=program, python=python, package=wanted.package)


def _launch(
    job: TuningJob, trial: TrainingJob, folder: TrialFolder, workshop: Workshop, script: _Script | None
) -> dict[str, Any]:
    definition = job.definition
    values = hyperparameters(job, trial)
    threads = container.threads_per_job(job.limits["MaxParallelTrainingJobs"])
    environment = container.environment(
        definition,
        folder=folder,
        name=trial.name,
        arn=arn_of(job, trial.name),
        hyperparameters=values if script is None else {**values, script_mode.PROGRAM: json.dumps(script.program)},
        threads=threads,
    )
    algorithm = algorithm_of(job.image)
    trainer = algorithm.trainer_module if algorithm is not None and script is None else None
    command: list[str] | None = None
    scrubbed = container.scrubbed_environment(folder.ml)
    if script is not None:
        words = script_mode.arguments(script_mode.user_hyperparameters(values))
        if script.driver is not None:
            words = sdk_driver.arguments(values)
            environment |= sdk_driver.environment(script.driver, folder.ml)
        command = script_mode.command(script.python, script.program, words, package=script.package)
        if script.python != workshop.python:  # programs that come with what was installed are found first
            programs = Path(script.python).parent
            scrubbed |= {"VIRTUAL_ENV": str(programs.parent), "PATH": f"{programs}{os.pathsep}{scrubbed['PATH']}"}
    elif not workshop.fork:
        command = [
            workshop.python,
            "-c",
            "import importlib, sys; sys.exit(importlib.import_module(sys.argv[1]).main())",
        ]
        command.append(str(trainer))
    max_runtime_s = definition["StoppingCondition"].get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME_S)
    return {
        "job": trial.name,
        "attempt": trial.attempt,
        "folder": str(folder.root),
        "script": script is not None,
        "command": command,
        "trainer_module": trainer,
        "working_folder": str(folder.ml / "code"),
        "environment": {**scrubbed, **environment},
        "threads": threads,
        "metric_definitions": definition["AlgorithmSpecification"].get("MetricDefinitions", []),
        "max_runtime_s": max(0.0, max_runtime_s - trial.interrupted_s),
        "stop_grace_s": workshop.stop_grace_s,
        **_spot(definition, trial, workshop.interruptions),
    }


def _spot(definition: Mapping[str, Any], trial: TrainingJob, interruptions: Interruptions | None) -> dict[str, Any]:
    if not definition["EnableManagedSpotTraining"]:
        return {}
    left_s = definition["StoppingCondition"]["MaxWaitTimeInSeconds"] - (time.time() - trial.created_s)
    if interruptions is None:
        return {"max_wait_s": max(0.0, left_s)}
    return {
        "max_wait_s": max(0.0, left_s),
        "interrupt_after_s": interruptions.after_s(trial.name, trial.attempt),
        "notice_s": interruptions.notice_s,
    }


def upload(
    job: TuningJob, trial: TrainingJob, folder: TrialFolder, record: Mapping[str, Any], store: ObjectStore
) -> None:
    """Put what the container left where AWS puts it. Safe to repeat: same names, same bytes.

    Raises:
        Unavailable: The store does not answer.
        CannotWrite: The store cannot be written.
    """
    checkpoints.keep(job, trial, folder, store)
    for what, path in (("model", folder.model), ("output", folder.output)):
        if record["artifacts"].get(what) and path.is_file():
            store.put(path, artifact_uri(job, trial, f"{what}.tar.gz"))


def clear(folder: TrialFolder) -> None:
    """Drop what a finished training job needs no more; log, metrics and records stay."""
    shutil.rmtree(folder.ml, ignore_errors=True)
    folder.model.unlink(missing_ok=True)
    folder.output.unlink(missing_ok=True)
