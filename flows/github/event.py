"""Which runs an event asks for. What an event may set is an allow-list; all it says is hostile until it has matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from components.errors import InvalidInput

ENGINES = ("local", "sagemaker")
_SPEC = re.compile(r"flows/specs/[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}\.yaml")
_JOB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_USD = re.compile(r"[0-9]{1,5}(\.[0-9]{1,4})?")
_PARENTS = re.compile(rf"auto|off|{_JOB.pattern}(,{_JOB.pattern}){{0,4}}")
_MODE = re.compile("auto|skip|refit|tune")
# What `workflow_dispatch` may set beside spec and engine; each is an option of `retune run` with hyphens.
_OPTIONS: Mapping[str, re.Pattern[str]] = {
    "mode": _MODE,
    "max_jobs": _COUNT,
    "max_parallel_jobs": _COUNT,
    "max_runtime_s": _COUNT,
    "max_cost_usd": _USD,
    "warm_start": _PARENTS,
}

Touched = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One model to retrain, or one submitted job to go on with.

    Attributes:
        spec: Path of the spec; empty with `job`.
        engine: Where.
        job: A submitted job to collect; empty for a run from its start.
        options: Of `retune run`, by their names with underscores.
    """

    spec: str = ""
    engine: str = "sagemaker"
    job: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What runs of the same model have in common: the workflow runs one of a name at a time."""
        return PurePosixPath(self.spec).stem or self.job

    @property
    def arguments(self) -> list[str]:
        """Of `retune run`, `plan` and `submit`."""
        options = [
            text for name, value in self.options.items() for text in (f"--{name.replace('_', '-')}={value}",) if value
        ]
        return [self.spec, f"--engine={self.engine}", *options]

    def document(self) -> dict[str, Any]:
        """As a job of the workflow is given it."""
        options = dict(self.options)
        return {"name": self.name, "spec": self.spec, "engine": self.engine, "job": self.job, "options": options}

    @classmethod
    def of(cls, document: Any) -> Run:
        """What `document` gave, checked again.

        Raises:
            InvalidInput: It is something else.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("options"), Mapping):
            raise InvalidInput(f"a run is what select wrote, got {document!r}")
        run = cls(
            spec=_matching(_SPEC, document.get("spec") or "", "spec", optional=True),
            engine=_engine(document.get("engine")),
            job=_matching(_JOB, document.get("job") or "", "job", optional=True),
            options=_options(document["options"]),
        )
        if bool(run.spec) == bool(run.job):
            raise InvalidInput(f"a run has a spec or a job, got {run.spec!r} and {run.job!r}")
        return run


def runs_of(
    event: str, payload: Mapping[str, Any], *, watched: Sequence[str], engine: str, touched: Touched
) -> tuple[Run, ...]:
    """The runs an event asks for, each spec once.

    Args:
        event: Its name: push, schedule, workflow_dispatch or repository_dispatch.
        payload: What GitHub says of it.
        watched: Specs that are retrained without a person asking for it.
        engine: Where those are.
        touched: Two commits to those of the watched specs whose data changed between them.

    Raises:
        InvalidInput: The event is another one, or sets something it may not.
    """
    specs = tuple(dict.fromkeys(_matching(_SPEC, spec, "RETUNE_SPECS") for spec in watched))
    match event:
        case "push":
            changed = touched(str(payload.get("before", "")), str(payload.get("after", "")))
            return tuple(Run(spec=spec, engine=_engine(engine)) for spec in specs if spec in changed)
        case "schedule":
            return tuple(Run(spec=spec, engine=_engine(engine)) for spec in specs)
        case "workflow_dispatch":
            return (_asked_for(payload.get("inputs") or {}),)
        case "repository_dispatch":
            return (_dispatched(payload, specs, engine),)
        case _:
            raise InvalidInput(f"runs come of push, schedule, workflow_dispatch and repository_dispatch, got {event!r}")


def _asked_for(inputs: Mapping[str, Any]) -> Run:
    """A person with write access says what and how."""
    given = {name: str(value) for name, value in inputs.items() if value not in (None, "")}
    options = {name: value for name, value in given.items() if name not in ("spec", "engine")}
    spec = _matching(_SPEC, given.get("spec", ""), "spec")
    return Run(spec=spec, engine=_engine(given.get("engine", "sagemaker")), options=_options(options))


def _dispatched(payload: Mapping[str, Any], watched: Sequence[str], engine: str) -> Run:
    """Another system says that data have come, or that a job has ended, and nothing else."""
    action, given = payload.get("action"), payload.get("client_payload") or {}
    wanted = {"retune-data": "spec", "retune-collect": "job"}.get(str(action))
    if wanted is None or not isinstance(given, Mapping) or set(given) != {wanted}:
        raise InvalidInput(
            f"repository_dispatch is retune-data with a spec or retune-collect with a job, got {action!r} with "
            f"{sorted(map(str, given)) if isinstance(given, Mapping) else given!r}"
        )
    if wanted == "job":
        return Run(job=_matching(_JOB, given["job"], "client_payload.job"))
    spec = _matching(_SPEC, given["spec"], "client_payload.spec")
    if spec not in watched:
        raise InvalidInput(f"client_payload.spec is one of RETUNE_SPECS ({', '.join(watched) or 'none'}), got {spec}")
    return Run(spec=spec, engine=_engine(engine))


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    unknown = sorted(str(name) for name in given if name not in _OPTIONS)
    if unknown:
        raise InvalidInput(f"an event may set {', '.join(_OPTIONS)}, got {', '.join(unknown)}")
    return {name: _matching(_OPTIONS[name], value, name) for name, value in given.items()}


def _engine(value: Any) -> str:
    if value not in ENGINES:
        raise InvalidInput(f"engine is {' or '.join(ENGINES)}, got {value!r}")
    return str(value)


def _matching(pattern: re.Pattern[str], value: Any, name: str, *, optional: bool = False) -> str:
    if optional and value == "":
        return ""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidInput(f"{name} must match {pattern.pattern}, got {value!r}")
    return value
