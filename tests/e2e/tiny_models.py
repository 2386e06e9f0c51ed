"""Models in miniature for the model server, and a client: a version answers with its own number, some are broken."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAME = "tiny model"
ROW_BODY = json.dumps({"dataframe_records": [{"age": 41, "job": "admin"}]}).encode()
PATIENCE_S = 120
_CODE = """
import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class Tiny(PythonModel):
    def load_context(self, context):
        if {fault!r} == "load":
            raise RuntimeError("the cog is missing")

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        if {fault!r} == "answer":
            raise RuntimeError("the cog is stuck")
        for age, job in zip(model_input["age"], model_input["job"]):
            if age == -1:
                raise ValueError("column 'age': a finite number is needed")
            if age == -2:
                raise RuntimeError("a secret of the house")
            if isinstance(job, str) and job.startswith("wait "):
                _, started, go = job.split()
                open(started, "w").close()  # waits for the test, then tells it
                open(go).read()
        return pd.DataFrame({{"prediction": [{number}] * len(model_input), "job": model_input["job"]}})


mlflow.models.set_model(Tiny())
"""


@dataclass(frozen=True, kw_only=True)
class TinyRegistry:
    """A registered model in a SQLite MLflow.

    Attributes:
        uri: Tracking URI.
        folder: Where the models' files are.
        client: MLflow's.
    """

    uri: str
    folder: Path
    client: Any

    @classmethod
    def create(cls, folder: Path) -> TinyRegistry:
        """A fresh MLflow with the registered model, no version yet."""
        from components.registry.connection import connect

        uri = f"sqlite:///{folder / 'mlflow.db'}"
        client = connect(uri)
        client.create_registered_model(NAME)
        return cls(uri=uri, folder=folder, client=client)

    def add(self, number: int, *, fault: str = "") -> str:
        """Register the next version; it answers `number`, or fails to `load` or to `answer`."""
        import pandas as pd
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        from components.registry.packaging import pyfunc

        code = self.folder / f"tiny_{number}.py"
        code.write_text(_CODE.format(number=number, fault=fault))
        model = self.folder / f"model-{number}"
        signature = ModelSignature(inputs=Schema([ColSpec("double", "age"), ColSpec("string", "job")]))
        pyfunc().save_model(
            str(model),
            python_model=str(code),
            signature=signature,
            input_example=pd.DataFrame({"age": [1.0, None], "job": ["a", "b"]}),
            pip_requirements=["mlflow"],
        )
        return str(self.client.create_model_version(NAME, source=str(model)).version)

    def point(self, version: str) -> None:
        """Move the alias."""
        self.client.set_registered_model_alias(NAME, "champion", version)


def ask(
    url: str, body: bytes | None = None, *, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, JSON or text, and headers."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE_S)
    given = {"Content-Type": "application/json", **(headers or {})}
    with contextlib.closing(connection):
        connection.request(method, place.path, ROW_BODY if body is None and method == "POST" else body, given)
        answer = connection.getresponse()
        text = answer.read()
    try:
        return answer.status, json.loads(text), answer.headers
    except ValueError:
        return answer.status, text.decode(), answer.headers
