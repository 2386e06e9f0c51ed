"""Checks of what a run starts from: settings, spec, code, data, and the request that follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from components import naming
from components.data import sample
from components.data.data_spec import ChannelsSpec, DataSpec
from components.data.held_out import check_columns, held_out_part
from components.data.identifiers import warnings_of
from components.data.in_place import survey
from components.data.prepare import Prepared, prepare
from components.deployment import ports
from components.errors import InvalidData
from components.project_settings import FILE_NAME
from components.tuning.attempts import Attempt
from components.tuning.budget import Limits
from flows.checkup.case import Case
from flows.checkup.finding import Check, Verdict, ok, warning
from flows.cloud_endpoint import refuse_endpoint
from flows.data import described, drafted_channels, refuse_slices
from flows.line import identify
from flows.local_services import refuse_busy_port
from flows.money import purse_of
from flows.promotion_rules import refuse_metrics
from flows.tuning_requests import search_of


@dataclass(frozen=True, kw_only=True)
class Data:
    """The rows of a case.

    Attributes:
        case: Which.
    """

    case: Case

    @cached_property
    def in_place(self) -> ChannelsSpec | None:
        """Channels that are used where they are; None of rows."""
        spec = self.case.spec.data
        return spec if isinstance(spec, ChannelsSpec) else None

    @cached_property
    def rows(self) -> DataSpec:
        """Where rows come from; asked for where there are some."""
        spec = self.case.spec.data
        assert isinstance(spec, DataSpec)  # noqa: S101  the same
        return spec

    @cached_property
    def fetched(self) -> sample.Sample:
        """Of a stored source the first bytes."""
        return sample.fetch(self.rows, self.case.store)

    @cached_property
    def prepared(self) -> Prepared | InvalidData:
        """The rows as they would be trained on; the refusal of a sample that need not be one of the whole.

        Raises:
            RetuneError: The data cannot be read, or must not be trained on.
        """
        spec, case = self.rows, self.case
        try:
            table = sample.parse(
                self.fetched,
                spec,
                base_dir=case.root,
                store=case.store,
                scratch=case.scratch / "prepare",
                allow=case.project.allow.check_source,
            )
        except InvalidData as error:
            if self.fetched.is_whole:
                raise
            return error  # its last row may have been cut in two
        try:
            return prepare(table, spec)
        except InvalidData as error:
            if self.fetched.is_whole or spec.target not in table.frame:
                raise
            return error  # such as a class that the first rows do not have

    def look(self) -> Verdict:
        """Whether the data can be read and trained on."""
        if self.in_place is not None:
            return self._surveyed(self.in_place)
        prepared = self.prepared
        if isinstance(prepared, InvalidData):
            return warning(f"looked at the first rows of {self.fetched.words} only, which say: {prepared}")
        refuse_slices(self.case.spec.promotion, prepared.columns)
        parts = ", ".join(f"{len(places):,} {part}" for part, places in prepared.places.items() if len(places))
        rows = f"{parts} rows, {len(prepared.columns)} columns, target {self.rows.target}"
        told = rows if self.fetched.is_whole else f"in the first rows of {self.fetched.words}: {rows}"
        doubts = warnings_of(prepared.identifiers, self.rows.keep)
        return warning("; ".join((told, *doubts))) if doubts else ok(told)

    def _surveyed(self, spec: ChannelsSpec) -> Verdict:
        listed = survey(spec, self.case.store)
        if spec.held_out is not None:
            part, _ = held_out_part(spec, self.case.store)
            if not self.case.spec.training.is_script:
                check_columns(spec, part, self.case.store)
        return ok(described(listed))


def checks(case: Case, data: Data) -> Iterator[Check]:
    """In the order a reader would ask."""
    yield Check(name="settings", target=lambda: "environment", look=lambda: _settings(case))
    yield Check(name="home", target=lambda: str(case.settings.home), look=lambda: _home(case), needs=("settings",))
    yield Check(name="project", target=lambda: _project_place(case), look=lambda: _project(case))
    yield Check(name="spec", target=lambda: case.options.spec, look=lambda: _spec(case))
    if case.on_cloud:
        yield Check(
            name="cloud", target=lambda: "environment", look=lambda: _cloud(case), needs=("settings", "project")
        )
    yield Check(
        name="data", target=lambda: _place(case.spec.data), look=data.look, needs=("settings", "project", "spec")
    )
    yield Check(name="port", target=lambda: _port(case), look=lambda: _busy(case), needs=("settings", "spec"))
    yield Check(
        name="endpoint",
        target=lambda: _endpoint(case),
        look=lambda: _hosted(case),
        needs=("settings", "project", "spec"),
    )


def request_checks(case: Case) -> Iterator[Check]:
    """The request, which stands on nearly all else: its caps on prices and on what the ledger holds."""
    yield Check(
        name="request",
        target=lambda: "CreateHyperParameterTuningJob",
        look=lambda: _request(case),
        needs=("settings", "project", "spec", *(("cloud", "ledger") if case.on_cloud else ())),
    )


def _place(spec: DataSpec | ChannelsSpec) -> str:
    if isinstance(spec, ChannelsSpec):
        return ", ".join(spec.channels)
    return spec.source or f"{spec.prepare}"


def _settings(case: Case) -> Verdict:
    return ok(f"region {case.settings.region}, objects in {case.settings.base_uri}")


def _home(case: Case) -> Verdict:
    case.settings.check_home()
    return ok("can be written")


def _has_project_file(case: Case) -> bool:
    return (case.root / FILE_NAME).exists()


def _project_place(case: Case) -> str:
    return str(case.root / FILE_NAME if _has_project_file(case) else case.root)


def _project(case: Case) -> Verdict:
    if not _has_project_file(case):
        return ok(f"no {FILE_NAME}: nothing is laid down")
    laid_down = sorted(case.project.model_dump(exclude_defaults=True))
    return ok(f"lays down {', '.join(laid_down)}" if laid_down else "lays nothing down")


def _spec(case: Case) -> Verdict:
    spec = case.spec
    refuse_metrics(spec, case.root)
    trained = spec.training.entry_point or spec.training.algorithm or "xgboost"
    tuning = spec.tuning
    return ok(
        f"{spec.model}: {trained}, {tuning.strategy}, {tuning.max_jobs} training jobs, "
        f"{tuning.max_parallel_jobs} at a time, {tuning.objective.type} {tuning.objective.metric}"
    )


def _cloud(case: Case) -> Verdict:
    case.settings.require_cloud()
    case.project.allow.check_account(case.settings.role_arn.split(":")[4])
    return ok(f"bucket {case.settings.bucket}, role {case.settings.role_arn}")


def _request(case: Case) -> Verdict:
    """The request as the run would send it, but for the data's digest, which changes no law."""
    line = case.line
    purse = purse_of(line, cache=case.scratch / "prices.json")
    search = search_of(
        line,
        identify(line, snapshot_digest="", generation=0),
        channels=drafted_channels(line),
        snapshot_digest="0",
        purse=purse,
        draft=True,
    )
    request = search.request_for(Attempt(number=1, jobs=line.spec.tuning.max_jobs, used_s=0))
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    lawful = f"the API's laws hold; at most {limits['MaxRuntimeInSeconds']} s"
    if purse is None:
        return ok(lawful)
    worst = Limits(
        jobs=limits["MaxNumberOfTrainingJobs"],
        parallel=limits["MaxParallelTrainingJobs"],
        job_runtime_s=line.spec.training.max_runtime_s,
        runtime_s=limits["MaxRuntimeInSeconds"],
    ).worst_case_usd(purse.usd_per_s)
    price = f"{purse.price.instance_type} at {purse.price.usd_per_hour} USD an hour ({purse.price.source})"
    return ok(f"{lawful} and {worst:.2f} USD; {price}")


def _port(case: Case) -> str:
    target, port = case.spec.deployment.target, case.spec.deployment.port
    return f"{port}" if target == "local" else "none"


def _busy(case: Case) -> Verdict:
    refuse_busy_port(case.settings, case.spec)
    if case.spec.deployment.target != "local":
        return ok("nothing is served on this machine")
    port = case.spec.deployment.port
    return ok("any free one" if port == "auto" else "free" if ports.is_free(int(port)) else "the model's own server")


def _endpoint(case: Case) -> str:
    return naming.endpoint_name(case.model) if case.spec.deployment.target == "sagemaker" else "none"


def _hosted(case: Case) -> Verdict:
    price = refuse_endpoint(case.line, cache=case.scratch / "prices.json")
    if price is None:
        return ok("nothing is served on SageMaker")
    return ok(f"{price.usd_per_month:.2f} USD a month at the most: {price.made_of} ({price.source})")
