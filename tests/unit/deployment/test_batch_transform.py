"""A batch on SageMaker: parts, requests and answers, against moto's SageMaker and S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.sagemaker.models import sagemaker_backends

from components.deployment.batch.batch_purse import BatchPurse
from components.deployment.batch.input_files import find_inputs
from components.deployment.batch.input_rows import Rows, Wanted
from components.deployment.batch.output_file import writing
from components.deployment.batch.transform_job import TransformBatch
from components.deployment.batch.transform_parts import PART_BYTES, parts_of, read_answers
from components.deployment.batch.transform_requests import BatchPlan, model_request, transform_request
from components.errors import Damaged, OverBudget, Unavailable
from components.project_settings import SageMakerSettings
from components.storage.s3 import S3Store
from components.tuning.ledger import SqliteLedger
from components.tuning.prices import Price

BUCKET = "ml-bucket"
WANTED = Wanted(features=("age", "job"), required=("age", "job"), keep=("id",))
PLAN = BatchPlan(
    model="late flights",
    version="7",
    image="111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    model_data=f"s3://{BUCKET}/endpoints/late/model.tar.gz",
    role_arn="arn:aws:iam::111122223333:role/retune",
    base_uri=f"s3://{BUCKET}/team",
    max_runtime_s=600,
)
CSV = "id,age,job\n" + "".join(f"c-{number},{number % 90},{'' if number % 7 else 'admin'}\n" for number in range(500))


def client_of(service: str, endpoint: str) -> Any:
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1")  # type: ignore[call-overload]


def purse_in(folder: Path, **changed: Any) -> BatchPurse:
    """A purse that pays 0.36 USD an hour."""
    purse = BatchPurse(
        model=PLAN.model,
        price=Price(instance_type="ml.m5.large", usd_per_hour=0.36, source="settings"),
        region="us-east-1",
        instances=1,
        cap_usd=1.0,
        month_cap_usd=100.0,
        ledger=SqliteLedger(folder / "ledger.sqlite"),
        clock=lambda: 1_800_000_000.0,
    )
    return replace(purse, **changed)


@pytest.fixture
def batch(aws_endpoint: str, tmp_path: Path) -> TransformBatch:
    """A batch of 500 rows in two files."""
    s3 = client_of("s3", aws_endpoint)
    s3.create_bucket(Bucket=BUCKET)
    store = S3Store(s3)
    (tmp_path / "1.csv").write_text(CSV)
    pq.write_table(pa.table({"id": ["x", "y"], "age": [1.5, None], "job": [None, "late"]}), tmp_path / "2.parquet")
    return TransformBatch(
        plan=PLAN,
        client=client_of("sagemaker", aws_endpoint),
        store=store,
        inputs=find_inputs("[12].*", base_dir=tmp_path, store=store, scratch=tmp_path / "scratch"),
        wanted=WANTED,
        types={"prediction": pa.string()},
        purse=purse_in(tmp_path),
        poll_s=1.0,
        check=lambda _: None,
        sleep=lambda _: None,
    )


@pytest.fixture
def run(tmp_path: Path) -> Callable[[TransformBatch], str]:
    """Run a batch into out.parquet."""

    def run(batch: TransformBatch) -> str:
        place = {"base_dir": tmp_path, "store": batch.store, "scratch": tmp_path / "scratch"}
        with writing("out.parquet", about={}, **place) as output:
            return batch.run(output)

    return run


def answer_parts(batch: TransformBatch) -> int:
    """Do what the hosted model does: answer every part; how many there are."""
    parts = list(batch.store.list(PLAN.uri(batch.digest, "parts/")))
    for part in parts:
        rows = json.loads(batch.store.get_bytes(part.uri))["dataframe_split"]
        assert rows["columns"] == ["age", "job"]
        answers = [{"prediction": f"{age}/{job}"} for age, job in rows["data"]]
        uri = part.uri.replace("/parts/", "/answers/") + ".out"
        batch.store.put_bytes(json.dumps({"predictions": answers, "model_version": "7"}).encode(), uri)
    return len(parts)


def jobs_of(batch: TransformBatch) -> list[str]:
    return [job["TransformJobName"] for job in batch.client.list_transform_jobs()["TransformJobSummaries"]]


def test_a_batch_is_predicted_once_and_collected(
    batch: TransformBatch, run: Callable[[TransformBatch], str], tmp_path: Path
) -> None:
    """Parts go up, one job is made; the same again attaches to it, puts nothing anew, and writes the answers beside the
    kept columns in the input's order.
    """  # noqa: D205  one paragraph
    with pytest.raises(Damaged, match=r"an answer to every part, left none at s3://.*part-000000.json.out"):
        run(batch)
    assert not (tmp_path / "out.parquet").exists()
    staged = {each.uri: each.etag for each in batch.store.list(PLAN.uri(batch.digest, ""))}
    assert answer_parts(batch) == 2
    name = run(batch)

    assert jobs_of(batch) == [name]
    after = {each.uri: each.etag for each in batch.store.list(PLAN.uri(batch.digest, ""))}
    assert staged.items() <= after.items()
    answers = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert answers["id"] == [*(f"c-{number}" for number in range(500)), "x", "y"]
    assert answers["prediction"][:2] == ["0/admin", "1/None"]
    assert answers["prediction"][-2:] == ["1.5/None", "None/late"]
    assert replace(batch, wanted=replace(WANTED, keep=())).digest != batch.digest


def test_the_requests_are_what_sagemaker_is_to_do(batch: TransformBatch) -> None:
    """A part is a request and a request an object; network, keys and tags are the project's; names fit SageMaker's."""
    laid_down = SageMakerSettings(
        subnets=("subnet-1",), security_group_ids=("sg-1",), kms_key_id="key", network_isolation=True
    )
    plan = replace(PLAN, laid_down=laid_down, tags={"team": "ml"})
    model, job = model_request(plan, batch.digest), transform_request(plan, batch.digest, 3)

    assert model["PrimaryContainer"]["ModelDataUrl"] == PLAN.model_data
    assert model["PrimaryContainer"]["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert model["EnableNetworkIsolation"]
    assert job["ModelName"] == model["ModelName"]
    assert job["TransformJobName"].endswith("-03")
    assert (job["BatchStrategy"], job["TransformInput"]["SplitType"]) == ("SingleRecord", "None")
    assert job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == PLAN.uri(batch.digest, "parts/")
    assert job["TransformResources"]["VolumeKmsKeyId"] == job["TransformOutput"]["KmsKeyId"] == "key"
    assert {"Key": "team", "Value": "ml"} in job["Tags"]
    batch.client.create_model(**model)  # botocore's model takes both
    batch.client.create_transform_job(**job)


@pytest.fixture
def told() -> Callable[[TransformBatch, str, str], None]:
    """Make moto's SageMaker say something else of the first attempt."""

    def tell(batch: TransformBatch, name: str, status: str) -> None:
        assert name in jobs_of(batch)
        job = sagemaker_backends["123456789012"]["us-east-1"].transform_jobs[name]
        job.transform_job_status, job.failure_reason = status, "ClientError: See job logs"

    return tell


def test_a_failed_attempt_is_followed_by_the_next(
    batch: TransformBatch, run: Callable[[TransformBatch], str], told: Callable[[TransformBatch, str, str], None]
) -> None:
    """The failure is told with SageMaker's reason; the same again is another job over the same parts."""
    batch.stage()
    first = batch.start()
    told(batch, first, "Failed")
    with pytest.raises(Unavailable, match="must complete, Failed: ClientError: See job logs; the same again"):
        batch.wait(first)
    answer_parts(batch)
    second = run(batch)

    assert (first[-3:], second[-3:]) == ("-01", "-02")
    assert sorted(jobs_of(batch)) == [first, second]


def test_what_is_paid_is_collected_whatever_the_caps_say(
    batch: TransformBatch, run: Callable[[TransformBatch], str], tmp_path: Path
) -> None:
    """A cap that allows no attempt refuses a batch before its parts go up, and not the answers of one that was made."""
    poor = replace(batch, purse=purse_in(tmp_path, month_cap_usd=0.001))
    with pytest.raises(OverBudget, match="what is left of this month's"):
        run(poor)
    assert list(batch.store.list(PLAN.uri(batch.digest, ""))) == []

    batch.stage()
    made = batch.start()
    answer_parts(batch)
    assert run(poor) == made
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 502


def test_a_job_that_runs_is_attached_to_and_bounded(
    batch: TransformBatch, told: Callable[[TransformBatch, str, str], None], stoppable: list[str]
) -> None:
    """No second job beside it; once it has taken what it may since it was made, it is stopped."""
    first = batch.start()
    told(batch, first, "InProgress")
    assert batch.start() == first
    waited: list[float] = []
    late = replace(batch, sleep=waited.append, now=lambda: datetime.now(UTC) + timedelta(seconds=300 * len(waited)))
    with pytest.raises(OverBudget, match="may take 600 s, took longer and is stopped"):
        late.wait(first)

    assert 2 <= len(waited) <= 3
    assert stoppable == [first]
    assert jobs_of(batch) == [first]


@pytest.fixture
def stoppable() -> Iterator[list[str]]:
    """Moto's SageMaker has no StopTransformJob (5.2): here it notes what it is asked to stop."""
    from moto.sagemaker.responses import SageMakerResponse

    stopped: list[str] = []

    def stop_transform_job(self: Any) -> str:
        stopped.append(self._get_param("TransformJobName"))
        return "{}"

    SageMakerResponse.stop_transform_job = stop_transform_job  # type: ignore[attr-defined]
    yield stopped
    del SageMakerResponse.stop_transform_job  # type: ignore[attr-defined]


def test_parts_are_below_the_payload_limit_and_lose_no_row() -> None:
    """Rows are halved until a request fits; a row that is larger alone is a part of its own."""
    texts = ["a" * 700_000] * 20 + ["b" * (PART_BYTES + 1)]
    rows = Rows(file="f", first=11, batch=pa.RecordBatch.from_pydict({"age": texts, "id": texts}), is_text=True)
    parts = list(parts_of(rows, ("age",)))

    assert all(len(body) <= PART_BYTES for _, body in parts[:-1])
    assert [part.first for part, _ in parts] == [
        11 + sum(p.batch.num_rows for p, _ in parts[:n]) for n in range(len(parts))
    ]
    sent = [row[0] for _, body in parts for row in json.loads(body)["dataframe_split"]["data"]]
    assert sent == texts


@pytest.mark.parametrize(
    "content",
    [
        b"no JSON",
        b"[]",
        b'{"error": "x"}',
        b'{"predictions": []}',
        b'{"predictions": [{"a": 1}, {"b": 2}]}',
        b'{"predictions": [{"a": 1}]}',
    ],
)
def test_an_answer_that_is_none_is_told(content: bytes) -> None:
    """An error document, other columns, or fewer rows."""
    with pytest.raises(Damaged, match="part-1: "):
        read_answers(content, name="part-1", rows=2)
