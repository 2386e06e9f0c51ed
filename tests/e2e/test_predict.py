"""`retune predict` as a user types it: files in, one file out, by the registered model."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from components.registry.packaging import pyfunc
from components.storage.local import FolderStore
from tests.command import REPO, Retune, environment_of
from tests.endpoint_rig import client_of
from tests.sagemaker_hosting import hosting_on
from tests.transform_hosting import transforming

JOBS = ("admin", "student", "retired", None)


def customers(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Rows with numbers, text, booleans, and missing values of each."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer": [f"c-{number:05d}" for number in range(rows)],
            "age": np.where(random.random(rows) < 0.1, np.nan, random.integers(18, 90, rows)),
            "job": random.choice(np.array(JOBS, dtype=object), rows),
            "sure": random.choice(np.array([True, False, None], dtype=object), rows),
        }
    )
    noise = random.random(rows) < 0.1
    frame["bought"] = np.where(((frame["age"] > 50) & (frame["job"] != "student")) ^ noise, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def retune(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Retune:
    """`retune` on a home of this file's own, with a champion over customers."""
    from ruamel.yaml import YAML

    folder = tmp_path_factory.mktemp("predict")
    customers(400).to_csv(folder / "train.csv", index=False)
    spec = {
        "name": "customers",
        "data": {"source": str(folder / "train.csv"), "target": "bought", "drop": ["customer"]},
        "training": {"hyperparameters": {"objective": "binary:logistic", "num_round": 8}},
        "tuning": {
            "objective": {"metric": "validation:logloss", "type": "minimize"},
            "strategy": "random",
            "seed": 1,
            "max_jobs": 2,
            "max_parallel_jobs": 2,
            "space": {"eta": {"continuous": [0.1, 0.5]}},
        },
    }
    with (folder / "spec.yaml").open("w") as file:
        YAML(typ="safe").dump(spec, file)
    home = folder / "home"
    command = Retune(home=home, cwd=REPO, environment=environment_of(home, PREFECT_API_URL=prefect_api))
    command.ok("run", str(folder / "spec.yaml"), "--no-deploy")
    return command


@pytest.fixture
def champion(retune: Retune) -> Any:
    """The champion as MLflow alone loads it."""
    folder = next((retune.home / "mlflow-artifacts").rglob("MLmodel")).parent
    return pyfunc().load_model(str(folder))


def test_batches_are_answered_by_the_champion(retune: Retune, champion: Any, tmp_path: Path) -> None:
    """CSV.gz and Parquet parts give what the pyfunc gives, row by row, also from and to `s3://`; a bad row is named and
    leaves no output; a version that is not there and an output among the inputs are told.
    """  # noqa: D205  one paragraph
    rows = customers(3000, seed=1).drop(columns="bought")
    expected = champion.predict(rows.drop(columns="customer"))
    parts = tmp_path / "parts"
    parts.mkdir()
    rows[:1000].to_csv(parts / "1.csv.gz", index=False)
    rows[1000:].to_parquet(parts / "2.parquet", index=False)
    batch = ("predict", "customers", "--input", str(parts / "*"))

    done = retune.ok(*batch, "--output", str(tmp_path / "out.parquet"), "--keep", "customer")
    answers = pd.read_parquet(tmp_path / "out.parquet")
    assert (done["version"], done["rows"], done["columns"]) == ("1", 3000, ["customer", "prediction", "probability"])
    assert done["rows_per_s"] == pytest.approx(3000 / done["seconds"], rel=0.01)
    assert answers["customer"].tolist() == rows["customer"].tolist()
    assert answers["prediction"].tolist() == expected["prediction"].tolist()
    assert np.array_equal(answers["probability"], expected["probability"])

    # the store of this home, where no bucket is set
    store = FolderStore(retune.home / "store")
    store.put_bytes(gzip.compress(rows[:50].to_csv(index=False).encode()), "s3://in/rows.csv.gz")
    stored = ("predict", "customers", "--input", "s3://in/rows.csv.gz", "--output", "s3://out/answers.csv")
    assert retune.ok(*stored, "--version", "1")["rows"] == 50
    text = store.get_bytes("s3://out/answers.csv").decode().splitlines()
    assert text[0] == '"prediction","probability"'
    assert [float(line.split(",")[1]) for line in text[1:]] == expected["probability"][:50].tolist()

    bad = rows.astype(object)
    bad.loc[2500, "age"] = "old"
    bad.to_csv(parts / "3.csv", index=False)
    refused = retune(*batch, "--output", str(tmp_path / "bad.csv"))
    assert refused.code == 65
    assert "3.csv: row 2,501: column 'age': a number is needed, got 'old'" in refused.err
    assert [path.name for path in tmp_path.iterdir() if "bad" in path.name] == []

    missing = retune(*batch[:-1], str(parts / "2.parquet"), "--output", str(tmp_path / "x.csv"), "--version", "9")
    assert missing.code == 66
    assert "there is no version 9 of model customers; retune lineage customers lists them" in missing.err
    itself = retune(*batch, "--output", str(parts / "2.parquet"))
    assert (itself.code, "must not be a file of the input" in itself.err) == (65, True)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(retune: Retune, tmp_path: Path) -> None:
    """Ten times the rows, each a new text of its own, take at most 150 MB more (held whole, they would take 600)."""
    peaks = []
    for rows in (130_000, 1_300_000):
        with gzip.open(tmp_path / "rows.csv.gz", "wt", compresslevel=1) as file:
            file.write("note,age,job,sure\n")
            file.writelines(
                f"note number {number} of many that are alike,{number % 90},student,true\n" for number in range(rows)
            )
        done = retune.ok(
            *("predict", "customers", "--input", str(tmp_path / "rows.csv.gz")),
            *("--output", str(tmp_path / "out.parquet"), "--keep", "note"),
        )
        assert done["rows"] == rows
        peaks.append(done["peak_memory_mb"])

    assert peaks[1] - peaks[0] < 150, json.dumps(peaks)


def test_sagemaker_answers_as_this_machine_does(retune: Retune, aws_endpoint: str, tmp_path: Path) -> None:
    """Batch Transform with the version's own container gives the local answers, kept columns and types, once, for what
    it is charged; a bad row and a cap that is too low are refused before a model or job is made.
    """  # noqa: D205  one paragraph
    account = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "RETUNE_BUCKET": "ml-bucket",
        "RETUNE_ROLE_ARN": "arn:aws:iam::123456789012:role/retune",
        "RETUNE_POLL_S": "0.2",
    }
    rows = customers(3000, seed=2).drop(columns="bought")
    parts = tmp_path / "parts"
    parts.mkdir()
    rows[:1000].to_csv(parts / "1.csv.gz", index=False)
    rows[1000:].to_parquet(parts / "2.parquet", index=False)
    batch = ("predict", "customers", "--input", str(parts / "*"), "--keep", "customer", "--output")
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    cloud = (*batch, str(there), "--engine", "sagemaker")
    with hosting_on(aws_endpoint) as hosting, transforming(hosting):
        s3, sagemaker = client_of(hosting, "s3"), client_of(hosting, "sagemaker")
        s3.create_bucket(Bucket="ml-bucket")
        poor = retune(*cloud, "--max-cost-usd", "0.001", **account)
        assert (poor.code, "must be within --max-cost-usd of 0.0010 USD" in poor.err) == (77, True), poor.err
        odd = retune(*cloud, "--max-cost-usd", "inf", **account)
        assert (odd.code, "--max-cost-usd must be a finite number, got inf" in odd.err) == (65, True), odd.err
        (parts / "3.csv").write_text("customer,age,job,sure\nc,1,admin,true\nd,old,admin,true\n")
        bad = retune(*cloud, **account)
        assert (bad.code, "3.csv: row 2: column 'age': a number is needed, got 'old'" in bad.err) == (65, True), bad.err
        (parts / "3.csv").unlink()
        assert sagemaker.list_transform_jobs()["TransformJobSummaries"] == sagemaker.list_models()["Models"] == []

        done, again = (retune.ok(*cloud, **account) for _ in range(2))
        (job,) = sagemaker.list_transform_jobs()["TransformJobSummaries"]
        assert job["TransformJobName"] == done["job"] == again["job"]
        assert sagemaker.list_models()["Models"] == [], "what a batch made for itself is gone"
        (spent,) = retune.ok("spend", **account)["models"]

    local = retune.ok(*batch, str(here))
    assert (local["rows"], local["columns"]) == (done["rows"], done["columns"])
    assert pq.read_table(there).equals(pq.read_table(here))
    # a tenth of an hour of one ml.m5.large
    assert (spent["jobs"], spent["reserved_usd"], spent["spent_usd"]) == (1, 0, 0.0115)
