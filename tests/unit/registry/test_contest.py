from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import registry_cases
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from registry_cases import Case, packed, script_trial, serving

from components import naming
from components.errors import Refused
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.packaging import pyfunc
from components.registry.promotion import PromotionDecision
from components.registry.verification import TrialModel

Register = Callable[..., ModelVersion]
Contest = Callable[..., PromotionDecision]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def foreign(registry: Registry, mlflow_client: MlflowClient, tmp_path: Path) -> Callable[[str], None]:
    """A champion that somebody made by hand: a pyfunc from this source."""

    def register_by_hand(source: str) -> None:
        script = tmp_path / "by_hand.py"
        script.write_text(
            "import mlflow\nimport pandas as pd\nfrom mlflow.pyfunc import PythonModel\n"
            "class ByHand(PythonModel):\n"
            f"    def predict(self, context, model_input: pd.DataFrame, params=None):\n        {source}\n"
            "mlflow.models.set_model(ByHand())\n"
        )
        folder = tmp_path / "by-hand"
        schema = ModelSignature(inputs=Schema([ColSpec("double", "age")]))
        example = pd.DataFrame({"age": [40.0]})
        pyfunc().save_model(
            folder, python_model=str(script), pip_requirements=[], signature=schema, input_example=example
        )
        mlflow_client.create_registered_model(registry.model)
        made = mlflow_client.create_model_version(registry.model, source=str(folder), run_id="0" * 32)
        mlflow_client.set_registered_model_alias(registry.model, "champion", made.version)

    return register_by_hand


def test_the_first_serves_and_the_better_one_follows(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """First version, better version: each becomes the champion, its reason and its test score are tags."""
    first = compete(register(weak_trial, key="0000000001"))
    second = compete(register(trial, key="0000000002"))

    assert (first.promote, second.promote, serving(registry)) == (True, True, 2)
    assert first.reason.startswith("there was no champion before: ")
    assert " beats champion version 1 at " in second.reason
    assert second.champion == first.challenger
    tags = registry.version(2).tags
    assert second.challenger is not None
    assert tags[naming.TAG_TEST_SCORE] == repr(second.challenger.value)
    assert tags[naming.TAG_PROMOTION_REASON] == second.reason
    assert tags[naming.TAG_PREVIOUS_CHAMPION] == "1"


def test_the_worse_and_the_equal_one_stay_challengers(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, weak_trial: TrialModel
) -> None:
    """The champion stays, the newest candidate has its alias and the reason."""
    compete(register(trial, key="0000000001"))
    worse = compete(register(weak_trial, key="0000000002"))
    equal = compete(register(trial, key="0000000003"))

    challenger = registry.challenger()
    assert (worse.promote, equal.promote, serving(registry)) == (False, False, 1)
    assert " does not beat champion version 1 " in worse.reason
    assert " only equals champion version 1 " in equal.reason
    assert challenger is not None
    assert challenger.version == 3
    assert challenger.tags[naming.TAG_PROMOTED] == "no"


def test_without_a_test_part_the_reason_says_so(
    register: Register, compete: Contest, trial: TrialModel, binary: Case
) -> None:
    """Validation rows decide where nothing else is held out, and no test score is recorded."""
    version = register(trial)
    decision = compete(version, rows=binary.validation)

    assert decision.reason.endswith("compared on validation, which the search has seen")
    assert naming.TAG_TEST_SCORE not in version.tags


def test_deciding_again_changes_nothing(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel
) -> None:
    """A run taken up again after it promoted finds the same decision, and the history has one entry."""
    first = compete(register(trial))
    again = compete(register(trial))

    assert again == first
    assert [entry.version for entry in registry.history()] == [1]


def test_a_refused_version_never_serves(
    register: Register, compete: Contest, registry: Registry, tmp_path: Path
) -> None:
    """What was refused at registration is not promoted, not even as the first, and not by hand."""
    archive = packed(tmp_path / "model.tar.gz", {"model.joblib": b"pickled"})
    version = register(TrialModel(archive=archive, metric="PR-AUC", objective=0.5))

    decision = compete(version)

    assert (decision.promote, serving(registry), registry.challenger()) == (False, None, None)
    assert "holds neither xgboost-model" in decision.reason
    with pytest.raises(Refused, match=r"must not be promoted: .* holds neither"):
        registry.promote(version.version, by="me", reason="I insist", now=NOW)


def test_an_unknown_metric_promotes_nothing(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel
) -> None:
    """A metric that cannot be recomputed cannot decide; the reason says what to name instead."""
    decision = compete(register(trial), metric="profit")

    assert (decision.promote, serving(registry)) == (False, None)
    assert decision.reason.startswith("not promoted: profit cannot be recomputed; name a metric in promotion.metric")


def test_a_metric_the_answers_do_not_hold_promotes_nothing(
    register: Register, compete: Contest, trial: TrialModel, tmp_path: Path
) -> None:
    """A script that answers labels only has no auc."""
    script = script_trial(trial, tmp_path / "s.tar.gz", answer="(model.inplace_predict(matrix) > 0.5) * 1")

    decision = compete(register(script), metric="auc")

    assert decision.reason == (
        "not promoted: version 1 has no auc: this metric needs probabilities, and the model answers without them"
    )


@pytest.mark.parametrize(
    ("source", "promote", "reason"),
    [
        ("return ['yes'] * len(model_input)", True, " beats champion version 1 at 0."),
        ("return [1] * len(model_input)", True, " beats champion version 1 at 0."),
        ("return ['maybe'] * len(model_input)", False, "an answer is one of no, yes, got 'maybe'"),
        ("return model_input['no_such_column']", False, "the model does not answer these rows: 'no_such_column'"),
    ],
)
def test_a_champion_retune_did_not_make_is_scored_or_left_alone(
    *,
    register: Register,
    compete: Contest,
    registry: Registry,
    trial: TrialModel,
    foreign: Callable[[str], None],
    source: str,
    promote: bool,
    reason: str,
) -> None:
    """It is asked like any other; if it cannot be, it keeps its alias and the reason says so."""
    foreign(source)

    decision = compete(register(trial))

    assert (decision.promote, serving(registry)) == (promote, 2 if promote else 1)
    assert reason in decision.reason
    assert ("champion version 1, which retune did not make, cannot be scored" in decision.reason) != promote


def test_a_champion_of_another_schema_stays(
    register: Register, compete: Contest, registry: Registry, trial: TrialModel, run_id: str, tmp_path: Path
) -> None:
    """When the champion does not take the new rows nobody can tell which is better: it stays, with the reason."""
    compete(register(trial, key="0000000001"))
    narrow = registry_cases.case(drop=("housing",))
    other = registry_cases.trial(narrow, tmp_path / "job", metric="validation:auc")
    version = registry_cases.registrar(registry, narrow, run_id, tmp_path)(other, key="0000000002")

    decision = compete(version, rows=narrow.test)

    assert (decision.promote, serving(registry)) == (False, 1)
    assert decision.reason == (
        "not promoted: champion version 1 cannot be scored on these rows (the model does not answer these rows: "
        f"Model is missing inputs ['housing'].); retune promote {registry.model} 2 --reason TEXT, if it is to serve"
    )


def test_a_champion_whose_files_are_gone_stays(
    register: Register, compete: Contest, registry: Registry, mlflow_client: MlflowClient, trial: TrialModel
) -> None:
    """A champion that does not load is not silently replaced."""
    compete(register(trial, key="0000000001"))
    folder = Path(mlflow_client.get_model_version_download_uri(registry.model, "1"))
    folder.rename(folder.with_name("elsewhere"))

    decision = compete(register(trial, key="0000000002"))

    assert not decision.promote
    assert decision.reason.startswith(
        "not promoted: champion version 1 cannot be scored on these rows (it does not load: "
    )
    assert serving(registry) == 1


def test_the_tracking_uri_of_the_process_is_left_alone(register: Register, trial: TrialModel) -> None:
    """Registering needs no process-wide tracking URI and sets none."""
    before = mlflow.get_tracking_uri()

    register(trial)

    assert mlflow.get_tracking_uri() == before
