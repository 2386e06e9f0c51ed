"""Options and settings resolved into a run's inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import InvalidInput, InvalidSpec
from components.settings import read_settings
from components.tuning.attempts import Attempt
from components.tuning.definition import Channel
from flows.line import RunOptions, identify, open_line, project_root, resolve_spec
from flows.tuning_requests import search_of

SPEC = """
name: digits
data: {source: "sklearn://digits", target: target}
training: {hyperparameters: {num_round: 3}}
tuning:
  objective: {metric: "validation:rmse", type: minimize}
  max_parallel_jobs: 3
  space: {eta: {continuous: [0.1, 0.5]}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec in a folder of its own."""
    path = tmp_path / "digits.yaml"
    path.write_text(SPEC)
    return path


def test_flat_options_change_the_spec(spec: Path) -> None:
    """Every flat option has its field; None leaves the field alone."""
    resolved = resolve_spec(spec, RunOptions(spec=str(spec), max_jobs=9, max_runtime_s=300, deploy=False))

    assert (resolved.tuning.max_jobs, resolved.budget.max_runtime_s) == (9, 300)
    assert (resolved.deployment.target, resolved.tuning.max_parallel_jobs) == ("none", 3)


def test_fewer_jobs_than_parallel_ones_lower_both(spec: Path) -> None:
    """`--max-jobs 2` alone is no contradiction."""
    resolved = resolve_spec(spec, RunOptions(spec=str(spec), max_jobs=2))

    assert (resolved.tuning.max_jobs, resolved.tuning.max_parallel_jobs) == (2, 2)
    with pytest.raises(InvalidSpec, match="max_parallel_jobs <= max_jobs must hold, got 8 > 2"):
        resolve_spec(spec, RunOptions(spec=str(spec), max_jobs=2, max_parallel_jobs=8))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "azure"}, "--engine must be one of local, sagemaker"),
        ({"mode": "x"}, "one of auto, skip, refit, tune"),
    ],
)
def test_what_this_version_cannot_do_is_refused_by_name(options: dict[str, str], says: str) -> None:
    """Nothing is silently ignored."""
    with pytest.raises(InvalidInput, match=says):
        RunOptions(spec="x.yaml", **options)  # type: ignore[arg-type]  all of these are text


def test_the_flat_options_are_the_spec_s_fields(spec: Path) -> None:
    """A cap, parents and modes given on the command line are those of the spec, and checked like them."""
    line = resolve_spec(spec, RunOptions(spec=str(spec), warm_start="a-1,b-2", max_cost_usd=2.5))
    assert (line.warm_start.named, line.budget.max_cost_usd) == (("a-1", "b-2"), 2.5)
    assert resolve_spec(spec, RunOptions(spec=str(spec), warm_start="off")).warm_start.named == ()
    with pytest.raises(InvalidSpec, match="names of tuning jobs"):
        resolve_spec(spec, RunOptions(spec=str(spec), warm_start="a/b"))


def test_parents_beyond_amt_are_for_the_local_engine(spec: Path) -> None:
    """AWS would refuse them; so does retune, before it starts anything."""
    beyond = ("warm_start.beyond_amt=true",)
    cloud = read_settings(
        {"RETUNE_BUCKET": "b", "RETUNE_ROLE_ARN": "arn:aws:iam::111122223333:role/r", "AWS_REGION": "eu-west-1"}
    )
    assert open_line(RunOptions(spec=str(spec), overrides=beyond)).spec.warm_start.beyond_amt
    assert open_line(RunOptions(spec=str(spec), engine="sagemaker"), cloud).options.engine == "sagemaker"
    with pytest.raises(InvalidInput, match=r"warm_start\.beyond_amt must be false on engine sagemaker"):
        open_line(RunOptions(spec=str(spec), engine="sagemaker", overrides=beyond), cloud)


def test_a_flow_deployment_refuses_before_it_trains(home: Path, spec: Path) -> None:
    """A worker runs no command: the flow's first stage looks up what a promotion goes by."""
    from flows.tasks import take_snapshot

    line = open_line(RunOptions(spec=str(spec), overrides=("promotion.metric=beauty",)))

    with pytest.raises(InvalidInput, match="beauty cannot be recomputed"):
        take_snapshot.fn(line)
    assert list(home.rglob("*.parquet")) == []


def test_the_project_s_root_is_the_nearest_marked_folder(tmp_path: Path, spec: Path) -> None:
    """Relative paths of a spec start at its project, or at its own folder."""
    (tmp_path / "project" / "flows").mkdir(parents=True)
    (tmp_path / "project" / "retune.toml").touch()

    assert project_root(tmp_path / "project" / "flows" / "x.yaml") == tmp_path / "project"
    assert project_root(spec) == spec.parent


def test_a_run_s_identity_is_that_of_its_inputs(spec: Path) -> None:
    """The same inputs give the same key; other data, spec or generation give another."""
    line = open_line(RunOptions(spec=str(spec)))
    other = open_line(RunOptions(spec=str(spec), overrides=("tuning.seed=1",)))
    budget = open_line(RunOptions(spec=str(spec), max_runtime_s=200, max_parallel_jobs=1, deploy=False))

    key = identify(line, snapshot_digest="a", generation=0).key

    assert identify(budget, snapshot_digest="a", generation=0).key == key
    assert len({key, identify(other, snapshot_digest="a", generation=0).key}) == 2
    assert len({key, identify(line, snapshot_digest="b", generation=0).key}) == 2
    assert len({key, identify(line, snapshot_digest="a", generation=1).key}) == 2


def test_a_region_changes_no_model(spec: Path) -> None:
    """Where an image is pulled from is no part of a run's identity, and the local engine needs no region's images."""
    near = open_line(RunOptions(spec=str(spec)), read_settings({"AWS_REGION": "eu-west-1"}))
    far = open_line(RunOptions(spec=str(spec)), read_settings({"AWS_REGION": "af-south-1"}))

    assert near.code_digest == far.code_digest == "sagemaker-xgboost:3.2-0"


def test_each_attempt_has_its_own_seed_and_the_time_that_is_left(spec: Path) -> None:
    """A resumed search must not propose again what the attempt before has trained, nor run longer in all."""
    line = open_line(RunOptions(spec=str(spec), overrides=("tuning.seed=7", "budget.max_runtime_s=600")))
    identity = identify(line, snapshot_digest="a", generation=0)
    search = search_of(line, identity, channels={"train": Channel(uri="s3://b/t/")}, snapshot_digest="a", purse=None)

    first = search.request_for(Attempt(number=1, jobs=50, used_s=0))["HyperParameterTuningJobConfig"]
    third = search.request_for(Attempt(number=3, jobs=20, used_s=500))["HyperParameterTuningJobConfig"]

    assert (first["RandomSeed"], first["ResourceLimits"]["MaxRuntimeInSeconds"]) == (7, 600)
    assert (third["RandomSeed"], third["ResourceLimits"]["MaxRuntimeInSeconds"]) == (9, 120)


def test_a_settings_file_with_an_unknown_part_is_refused(tmp_path: Path, spec: Path) -> None:
    """A guard that is written down and not kept would be worse than none."""
    (tmp_path / "retune.toml").write_text("[network]\nsubnets = ['a']\n")

    with pytest.raises(InvalidInput, match=r"retune\.toml"):
        open_line(RunOptions(spec=str(spec)))
