"""One run's inputs: options and settings resolved into a spec, a store, an engine.

This is the one place that turns settings into engines and stores; `flows.tasks` hands them down to the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import naming
from components.decision import Fingerprint
from components.errors import InvalidInput
from components.settings import Settings, quiet_libraries, read_settings
from components.spec import RetrainSpec, load_spec
from components.storage import ObjectStore
from components.tuning.attempts import Attempt, Search
from components.tuning.budget import LEAST_RUNTIME_S
from components.tuning.engine import Engine
from components.tuning.images import knows
from components.tuning.request import RequestPlaces, build_request, training_image
from components.tuning.source_code import SourceCode, code_archive_uri, pack, publish

MODES = ("auto", "skip", "tune")
_LATER_MODES = ("refit",)
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
        if self.engine != "local":
            raise InvalidInput(f"--engine must be local in this version, got {self.engine}")
        if self.mode in _LATER_MODES:
            raise InvalidInput(f"--mode {self.mode} is not available in this version; choose one of {', '.join(MODES)}")
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
        store: Where objects are kept.
        code: One's own training script, packed; None for the built-in algorithm.
    """

    settings: Settings
    options: RunOptions
    spec: RetrainSpec
    root: Path
    store: ObjectStore
    code: SourceCode | None = field(repr=False)

    @property
    def image(self) -> str:
        """Training image."""
        return training_image(self.spec.training, self.region)

    @property
    def region(self) -> str:
        """Region of the images; the local engine pulls none, so one without images will do there."""
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


def _refuse_project_settings(root: Path) -> None:
    # A guard that is written down and not kept would be worse than none.
    path = root / "retune.toml"
    if path.is_file() and path.read_text(encoding="utf-8").strip():
        raise InvalidInput(f"{path}: settings in retune.toml are not available in this version; leave the file empty")


def open_line(options: RunOptions, settings: Settings | None = None) -> Line:
    """Resolve a run's inputs. Reads only; raises what the spec, the options or the code break."""
    quiet_libraries()  # before mlflow is imported: it reads its variables then
    settings = settings or read_settings()
    path = Path(options.spec)
    spec = resolve_spec(path, options)
    root = project_root(path)
    _refuse_project_settings(root)
    code = None
    if spec.training.is_script and spec.training.source_dir is not None and spec.training.entry_point is not None:
        code = pack(root / spec.training.source_dir, spec.training.entry_point)
    return Line(settings=settings, options=options, spec=spec, root=root, store=open_store(settings), code=code)


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


def open_store(settings: Settings) -> ObjectStore:
    """The folder store under home, or S3 where a bucket is set."""
    if settings.on_s3:
        from components.aws import client
        from components.storage.s3 import S3Store

        return S3Store(client("s3", region=settings.region))
    from components.storage.local import FolderStore

    return FolderStore(settings.store_root)


def open_engine(settings: Settings, store: ObjectStore, *, supervise: bool, warm_for: str | None = None) -> Engine:
    """The local engine; `supervise` says whether this process runs jobs or only looks at them."""
    from components.tuning.engines.local import connect

    return connect(home=settings.amt_home, store=store, region=settings.region, supervise=supervise, warm_for=warm_for)


def identify(line: Line, *, snapshot_digest: str, generation: int) -> RunIdentity:
    """The identity of a run on this data."""
    digest = naming.run_digest(
        model=line.spec.model,
        snapshot_digest=snapshot_digest,
        engine=line.options.engine,
        spec_digest=line.spec_digest,
        code_digest=line.code_digest,
        generation=generation,
    )
    return RunIdentity(digest=digest, generation=generation)


def search_of(
    line: Line,
    identity: RunIdentity,
    *,
    channels: Mapping[str, str],
    snapshot_digest: str,
    publish_code: bool = True,
) -> Search:
    """The search of this run: names and requests of its attempts.

    Args:
        line: Inputs.
        identity: Which run it is.
        channels: Channel name to `s3://` prefix.
        snapshot_digest: Of the data.
        publish_code: Whether one's own code is uploaded now, or only named as it would be.
    """
    settings, spec = line.settings, line.spec
    code_uri = None
    if line.code is not None:
        code_uri = code_archive_uri(line.code, settings.base_uri)
        if publish_code:
            publish(line.code, store=line.store, base_uri=settings.base_uri)
    places = RequestPlaces(
        channels=channels,
        output_uri=f"{settings.base_uri}/{naming.output_prefix(spec.model)}",
        code_uri=code_uri,
        role_arn=settings.role_arn,
        region=line.region,
    )
    tags = {
        naming.TAG_MODEL: spec.model,
        naming.TAG_RUN_KEY: identity.key,
        naming.TAG_RUN_DIGEST: identity.digest,
        naming.TAG_SNAPSHOT: snapshot_digest,
    }

    def name_of(attempt: int) -> str:
        return naming.tuning_job_name(model=spec.model, key=identity.key, attempt=attempt)

    def request_for(attempt: Attempt) -> Mapping[str, Any]:
        seed, budget_s = spec.tuning.seed, spec.budget.max_runtime_s - attempt.used_s
        return build_request(
            name=name_of(attempt.number),
            training=spec.training,
            # The same seed again would propose what the attempt before has trained.
            tuning=spec.tuning.model_copy(
                update={"seed": None if seed is None else (seed + attempt.number - 1) % 2**31}
            ),
            budget=spec.budget.model_copy(update={"max_runtime_s": max(LEAST_RUNTIME_S, budget_s)}),
            places=places,
            tags=tags,
            max_jobs=attempt.jobs,
            parents=attempt.parents,
        )

    return Search(
        name_of=name_of,
        request_for=request_for,
        digest=identity.digest,
        max_jobs=spec.tuning.max_jobs,
        maximize=spec.tuning.objective.type == "maximize",
    )
