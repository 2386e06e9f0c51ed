"""The steps of `retrain.yml`: `select` reads the event, `submit` and `collect` go through the line, `tell` says so.

Each is a make target (`make github-select` and so on). What a step hands to the next of its job lies in a folder below
RETUNE_HOME, what it hands to other jobs is in GITHUB_OUTPUT: one line of JSON each, whatever names hold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import Damaged, InvalidInput, NotFound, RetuneError
from components.spec import RetrainSpec, load_spec
from flows.github import markdown
from flows.github.comment import tell_pull_request
from flows.github.event import Run, runs_of
from flows.github.identity import aws_identity
from flows.github.program import retune
from flows.github.touched import touched_specs

_PLAN, _RESULT, _TRIALS, _FAILURE = "plan.json", "result.json", "trials.json", "failure.json"
_LINEAGE, _REPORT = "lineage.mmd", "report.html"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where a step runs.

    Attributes:
        environment: GitHub's variables and the workflow's own.
        root: The clone.
        folder: What the steps of this job leave each other.
    """

    environment: Mapping[str, str]
    root: Path
    folder: Path

    def output(self, **values: Any) -> None:
        """Tell other jobs: JSON has no line breaks, so that no value can be taken for another output."""
        with self._file("GITHUB_OUTPUT").open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={_compact(value)}\n" for name, value in values.items())

    def summary(self, *sections: str) -> None:
        """Add to the job's summary."""
        with self._file("GITHUB_STEP_SUMMARY").open("a", encoding="utf-8") as file:
            file.writelines(f"{section}\n\n" for section in sections if section)

    def run(self) -> Run:
        """The run this job is for. Raises InvalidInput."""
        return Run.of(self.given("RETUNE_RUN"))

    def given(self, name: str) -> Any:
        """A variable that holds JSON; None when it is empty. Raises InvalidInput."""
        text = self.environment.get(name, "")
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise InvalidInput(f"{name} must be JSON, got {text[:100]!r}") from None

    def keep(self, name: str, content: str) -> None:
        """Leave a file for the job's next steps."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(content, encoding="utf-8")

    def kept(self, name: str) -> str:
        """What a step before left; empty for nothing."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _file(self, name: str) -> Path:
        path = self.environment.get(name)
        if not path:
            raise InvalidInput(f"{name} must name a file, as it does in GitHub's jobs, got nothing")
        return Path(path)


def select(step: Step) -> int:
    """Which runs the event asks for: output `runs`, a list for the jobs' matrix."""
    place = Path(step.environment.get("GITHUB_EVENT_PATH", ""))
    try:
        payload = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"GITHUB_EVENT_PATH must name the event's JSON, got {str(place)!r}: {error}") from None
    watched = step.environment.get("RETUNE_SPECS", "").split()
    missing = [spec for spec in watched if not (step.root / spec).is_file()]
    if missing:
        raise NotFound(f"RETUNE_SPECS must name specs of this repository, got {', '.join(missing)}")
    runs = runs_of(
        step.environment.get("GITHUB_EVENT_NAME", ""),
        payload,
        watched=watched,
        engine=step.environment.get("RETUNE_ENGINE") or "sagemaker",
        touched=lambda before, after: touched_specs(step.root, watched, before, after),
    )
    step.output(runs=[run.document() for run in runs])
    names = ", ".join(markdown.plain(run.name) for run in runs)
    step.summary(f"To retrain: {names}" if runs else "Nothing to retrain.")
    return 0


def submit(step: Step) -> int:
    """Plan the run and start it: outputs `plan` and `job`, which is empty when nothing has to be done."""
    run = step.run()
    with aws_identity(step.environment) as environment:
        arguments = _arguments(step, run)
        planned = retune("plan", *arguments, environment=environment)
        started = planned if planned.code else retune("submit", *arguments, environment=environment)
    if started.code != 0:
        step.summary(markdown.heading(run.name), markdown.failure_section(started.code, started.last))
        return started.code
    plan, document = _in_short(planned.document), started.document
    skips = document["mode"] == "skip"
    job = "" if skips else document["tuning_job"] or document["training_job"]
    step.output(plan=plan, job=job)
    verdict = "Nothing has changed, so nothing was started." if skips else f"{markdown.plain(job)} runs."
    step.summary(markdown.heading(run.name), markdown.plan_section(plan), verdict)
    return 0


def collect(step: Step) -> int:
    """Go on with the submitted job, or go through the whole line on this machine, and leave what `tell` says."""
    run = step.run()
    job = step.given("RETUNE_JOB") or run.job
    with aws_identity(step.environment) as environment:
        if job:
            ended = retune("collect", job, "--json", environment=environment)
        else:
            arguments = _arguments(step, run)
            ended = retune("plan", *arguments, environment=environment)
            if ended.code == 0:
                step.keep(_PLAN, json.dumps(_in_short(ended.document)))
                ended = retune("run", *arguments, environment=environment)
        if ended.code == 0:
            step.keep(_RESULT, ended.out)
            _look_back(step, ended.document, environment)
            return 0
    if run.job and ended.code == NotFound.exit_code:
        step.summary(f"{markdown.plain(run.job)} is no job of this project: nothing to collect.")
        return 0
    step.keep(_FAILURE, json.dumps({"code": ended.code, "last": ended.last}))
    return ended.code


def tell(step: Step) -> int:
    """Write the job's summary, and after a push the comment on its pull request."""
    run, text = step.run(), step.kept(_RESULT)
    plan = step.given("RETUNE_PLAN") or _json(step.kept(_PLAN))
    sections = [markdown.plan_section(plan)] if plan else []
    model = run.name
    if text:
        result = _json(text)
        model = str(result["model"])
        trials = _json(step.kept(_TRIALS)) or {"trials": []}
        sections += [
            markdown.result_section(result, report=step.environment.get("RETUNE_REPORT_URL", "")),
            markdown.trials_section(trials["trials"], _type_of(step, run)),
            markdown.lineage_section(step.kept(_LINEAGE).strip()),
        ]
    elif failure := _json(step.kept(_FAILURE)):
        sections.append(markdown.failure_section(failure["code"], failure["last"]))
    said = [section for section in sections if section]
    if not said:
        return 0
    step.summary(markdown.heading(model), *said)
    if step.environment.get("GITHUB_EVENT_NAME") == "push" and step.environment.get("GITHUB_TOKEN"):
        text = "\n\n".join([markdown.heading(model), *said])
        url = tell_pull_request(step.environment, model=run.name, text=text)
        sys.stdout.write(f"{url or 'the commit came with no pull request'}\n")
    return 0


def _arguments(step: Step, run: Run) -> list[str]:
    """Of plan, submit and run. A server on a runner goes away with it, so none is started there."""
    spec = _spec(step, run)
    return [*run.arguments, *(["--no-deploy"] if spec and spec.deployment.target == "local" else []), "--json"]


def _in_short(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of a plan; the request itself is long, and `retune plan` tells it again."""
    wanted = ("model", "mode", "reason", "tuning_job", "training_job", "warm_start", "cost")
    return {name: plan.get(name) for name in wanted}


def _look_back(step: Step, result: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Trials, lineage and report: extras, without which a run is still what it is."""
    job = result["tuning_job"]
    wanted: list[tuple[str, list[str]]] = [(_LINEAGE, ["lineage", str(result["model"]), "--mermaid"])]
    if job:
        wanted.append((_TRIALS, ["trials", job, f"--engine={result['engine']}", "--json"]))
    for name, arguments in wanted:
        ended = retune(*arguments, environment=environment)
        if ended.code == 0:
            step.keep(name, ended.out)
    if job:
        retune("report", job, "-o", str(step.folder / _REPORT), environment=environment)


def _type_of(step: Step, run: Run) -> str:
    """Whether larger is better, as the spec says; of a job whose spec was not told, larger is."""
    spec = _spec(step, run)
    return spec.tuning.objective.type if spec else "maximize"


def _spec(step: Step, run: Run) -> RetrainSpec | None:
    """The run's spec; None where it cannot be read, which `retune` says in its own words."""
    try:
        return load_spec(step.root / run.spec) if run.spec else None
    except RetuneError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise Damaged(f"what a step before left must be JSON: {error}") from None


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
