"""A model that is not registered is told with those that are."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from components.errors import NotFound
from components.settings import read_settings
from flows.versions import registry_of_model


def test_a_model_that_is_not_there_names_those_that_are(
    mlflow_client: MlflowClient, registry_uri: str, tmp_path: Path
) -> None:
    """A typo costs one look in `lineage`, `rollback`, `promote` and `predict`; what is like none lists some."""
    settings = read_settings({"RETUNE_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": registry_uri}, cwd=tmp_path)
    mlflow_client.create_registered_model("churn-monthly")

    with pytest.raises(NotFound, match=r"there is no model churn-montly in MLflow at .*; did you mean churn-monthly\?"):
        registry_of_model("churn-montly", settings)
    with pytest.raises(NotFound, match="; there are "):
        registry_of_model("zzzz", settings)
