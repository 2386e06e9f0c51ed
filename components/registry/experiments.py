"""MLflow experiments, with their artifacts where the home is and not in the working folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import naming
from components.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient


def ensure_experiment(client: MlflowClient, name: str, artifact_root: str | None) -> str:
    """The id of an experiment, made if it is not there yet; safe when several processes do so at once.

    Args:
        client: From `connection.connect`.
        name: Experiment name.
        artifact_root: Absolute folder or URI below which the experiment's runs and models keep their files; None
            leaves it to the tracking server. With a SQLite URI MLflow itself would take `./mlruns` of the working
            folder. An experiment that exists keeps the place it was made with.

    Raises:
        InvalidInput: The experiment was deleted in MLflow (its name is taken until it is restored or purged).
    """
    from mlflow.exceptions import MlflowException

    for _ in range(2):  # the second look finds what another process made after the first
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            if experiment.lifecycle_stage != "active":
                raise InvalidInput(
                    f"MLflow experiment {name!r} is deleted: restore it with "
                    f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`, or name another one "
                    "in registry.experiment"
                )
            return str(experiment.experiment_id)
        location = None if artifact_root is None else f"{artifact_root.rstrip('/')}/{naming.experiment_folder(name)}"
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
    raise Unavailable(f"MLflow says experiment {name!r} exists, but does not return it; try again")
