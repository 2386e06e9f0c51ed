"""One run's inputs: options and settings resolved into a spec, a project, a store, and which run this is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import naming
from components.data.data_spec import named_sources
from components.decision import Fingerprint
from components.errors import InvalidInput
from components.project_settings import ProjectSettings, read_project_settings
from components.settings import Settings, quiet_libraries, read_settings
from components.spec import RetrainSpec, load_spec
from components.storage import ObjectStore
from components.tuning.definition import training_image
from components.tuning.images import knows
from components.tuning.source_code import SourceCode, pack
from flows.engines import ENGINES, open_store

MODES = ("auto", "skip", "refit", "tune")
_ROOT_MARKS = ("pyproject.toml", ".git", "retune.toml")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The flat parameters of a run; None is what the spec says."""

    spec: str
    engine: str = "local"
    max_jobs: int | None = None
    max_parallel_jobs: int | None = None
    max_runtime_s: int | None = None
    max_cost_usd: float | None = None
    warm_start: str | None = None
    mode: str = "auto"
    deploy: bool = True
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what this version cannot do, by name."""
        if self.engine not in ENGINES:
            raise InvalidInput(f"--engine must be one of {', '.join(ENGINES)}, got {self.engine}")
        if self.mode not in MODES:
            raise InvalidInput(f"--mode must be one of {', '.join(MODES)}, got {self.mode}")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A run's inputs, resolved.

    Attributes:
        settings: Where.
        options: As asked.
        spec: What, with the options applied.
        root: Folder that the spec's relative paths start from.
        project: What its `retune.toml` lays down.
        store: Where objects are kept.
        code: One's own training script, packed; None for the built-in algorithm.
    """

    settings: Settings
    options: RunOptions
    spec: RetrainSpec
    root: Path
    project: ProjectSettings
    store: ObjectStore
    code: SourceCode | None = field(repr=False)

    @property
    def image(self) -> str:
        """Training image."""
        return training_image(self.spec.training, self.region)

    @property
    def region(self) -> str:
        """Region of the images; the local engine pulls none, so one without images will do there."""
        if self.options.engine == "sagemaker":
            return self.settings.region
        return self.settings.region if knows(self.settings.region) else "us-east-1"

    @property
    def code_digest(self) -> str:
        """Digest of one's own code, else the training image without its registry: a region changes no model."""
        return self.code.digest if self.code is not None else self.image.rpartition("/")[2]

    @property
    def spec_digest(self) -> str:
        """Digest of the spec's identity part."""
        return naming.digest_of(self.spec.identity())

    def fingerprint(self, snapshot_digest: str) -> Fingerprint:
        """What this run would rest on, with this data."""
        return Fingerprint(snapshot=snapshot_digest, spec=self.spec_digest, code=self.code_digest)


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """Which run this is: the same inputs give the same identity, and so the same jobs, runs and versions."""

    digest: str
    generation: int

    @property
    def key(self) -> str:
        """The short form that names carry."""
        return naming.run_key(self.digest)


def open_line(options: RunOptions, settings: Settings | None = None) -> Line:
    """Resolve a run's inputs. Reads only; raises what the spec, the options or the code break."""
    quiet_libraries()  # before mlflow is imported: it reads its variables then
    settings = settings or read_settings()
    path = Path(options.spec)
    spec = resolve_spec(path, options)
    root = project_root(path)
    project = read_project_settings(root)
    if options.engine == "sagemaker":
        settings.require_cloud()
        project.allow.check_account(settings.role_arn.split(":")[4])
        if spec.warm_start.beyond_amt:
            raise InvalidInput("warm_start.beyond_amt must be false on engine sagemaker, which is AMT itself, got true")
    elif spec.training.instance.count > 1:
        raise InvalidInput(f"training.instance.count must be 1 on engine local, got {spec.training.instance.count}")
    _refuse_disallowed(spec, project)
    code = None
    if spec.training.is_script and spec.training.source_dir is not None and spec.training.entry_point is not None:
        code = pack(root / spec.training.source_dir, spec.training.entry_point)
    return Line(
        settings=settings,
        options=options,
        spec=spec,
        root=root,
        project=project,
        store=open_store(settings),
        code=code,
    )


def _refuse_disallowed(spec: RetrainSpec, project: ProjectSettings) -> None:
    if spec.training.image is not None:
        project.allow.check_image(spec.training.image)
    for source in named_sources(spec.data):
        project.allow.check_source(source)


def resolve_spec(path: Path, options: RunOptions) -> RetrainSpec:
    """The spec with the flat options applied; fewer jobs than parallel ones lowers the latter too."""
    spec = load_spec(path, options.overrides)
    flat: dict[str, Any] = {
        "tuning.max_jobs": options.max_jobs,
        "tuning.max_parallel_jobs": options.max_parallel_jobs,
        "budget.max_runtime_s": options.max_runtime_s,
        "budget.max_cost_usd": options.max_cost_usd,
        "warm_start.mode": options.warm_start,
        "deployment.target": None if options.deploy else "none",
    }
    given = {name: value for name, value in flat.items() if value is not None}
    if options.max_jobs is not None and options.max_parallel_jobs is None:
        given["tuning.max_parallel_jobs"] = max(1, min(spec.tuning.max_parallel_jobs, options.max_jobs))
    return load_spec(path, [*options.overrides, *(f"{name}={value}" for name, value in given.items())])


def project_root(spec: Path) -> Path:
    """The spec's nearest ancestor that is a project (`pyproject.toml`, `.git`, `retune.toml`), else its own folder."""
    folder = spec.resolve().parent
    return next((f for f in (folder, *folder.parents) if any((f / mark).exists() for mark in _ROOT_MARKS)), folder)


def identify(
    line: Line, *, snapshot_digest: str, generation: int, refit: Mapping[str, str] | None = None
) -> RunIdentity:
    """The identity of a run on this data; of one that trains these hyperparameters again, of a search without them."""
    digest = naming.run_digest(
        model=line.spec.model,
        snapshot_digest=snapshot_digest,
        engine=line.options.engine,
        spec_digest=line.spec_digest,
        code_digest=line.code_digest,
        generation=generation,
        refit=refit,
    )
    return RunIdentity(digest=digest, generation=generation)
