"""Input channels through the engine with the built-in XGBoost: every content type, mode and layout SageMaker takes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from amt_cases import a_request, trials_of, wait_for_end
from botocore.exceptions import ClientError
from pyarrow import parquet

from components.amt.client import LocalAmt
from components.storage.local import FolderStore

ROWS = np.column_stack([np.arange(120) % 2, np.arange(120), np.arange(120) % 7, (np.arange(120) % 2) * 3.5])

Files = Mapping[str, bytes]


def as_csv(rows: np.ndarray[Any, Any], mark: str = ",") -> bytes:
    """Rows as CSV: no header, the label first."""
    return "".join(mark.join(f"{value:g}" for value in row) + "\n" for row in rows).encode()


def as_libsvm(rows: np.ndarray[Any, Any]) -> bytes:
    """Rows as libsvm lines; zeros are left out."""
    lines = []
    for label, *features in rows:
        shown = [f"{index}:{value:g}" for index, value in enumerate(features) if value]
        lines.append(" ".join([f"{label:g}", *shown]) + "\n")
    return "".join(lines).encode()


def as_parquet(rows: np.ndarray[Any, Any]) -> bytes:
    """Rows as a Parquet file, the label in its first column."""
    content = io.BytesIO()
    parquet.write_table(pa.table({f"c{column}": rows[:, column] for column in range(rows.shape[1])}), content)
    return content.getvalue()


def weighted(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows with a weight in column 1."""
    return np.insert(rows, 1, 1 + np.arange(len(rows)) % 3, axis=1)


def whole(encode: Callable[[np.ndarray[Any, Any]], bytes], name: str = "part-0") -> Files:
    """All rows in one file."""
    return {name: encode(ROWS)}


def in_parts(encode: Callable[[np.ndarray[Any, Any]], bytes]) -> Files:
    """Three files at two depths, beside what Spark and Hadoop leave there and an empty one."""
    return {
        "part-0": encode(ROWS[:40]),
        "more/part-1": encode(ROWS[40:80]),
        "more/part-2": encode(ROWS[80:]),
        "part-3": b"",
        "_SUCCESS": b"not data",
        ".part-0.crc": b"not data",
        "_temporary/part-9": b"not data",
    }


def request_for(
    store: FolderStore,
    name: str,
    files: Files,
    *,
    kind: str | None = "text/csv",
    channel: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A request for two training jobs on the same files in both channels.

    Args:
        store: Where the files are put.
        name: Of the tuning job.
        files: Name below the channel's prefix to content.
        kind: ContentType; None for none.
        channel: More members of each channel.
        source: More members of each channel's S3DataSource.
    """
    request = a_request(name, code=None, jobs=2, metric="validation:logloss")
    for entry in request["TrainingJobDefinition"]["InputDataConfig"]:
        prefix = f"s3://bucket/{name}/{entry['ChannelName']}/"
        for path, content in files.items():
            store.put_bytes(content, prefix + path)
        entry["DataSource"]["S3DataSource"] |= {"S3Uri": prefix, **(source or {})}
        entry.update(channel or {}, ContentType=kind)
    return request


def objectives(amt: LocalAmt, request: Mapping[str, Any]) -> list[float]:
    """Run a request; the objective of each training job."""
    amt.create_hyper_parameter_tuning_job(**request)
    name = request["HyperParameterTuningJobName"]
    job = wait_for_end(amt, name)
    rows = trials_of(amt, name)
    assert job["TrainingJobStatusCounters"]["Completed"] == 2, [row.get("FailureReason") for row in rows]
    return [row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in rows]


def test_every_content_type_trains_the_same(store: FolderStore, amt: LocalAmt) -> None:
    """CSV and Parquet, or libsvm (also by default), of the same rows give one result, in one file or several."""
    cases: dict[str, tuple[str | None, Files]] = {
        "csv": ("text/csv", whole(as_csv, "train.csv")),
        "csv-parts": ("CSV", in_parts(as_csv)),
        "csv-label": ("Text/CSV; label_size=1", whole(lambda rows: as_csv(rows, ";"))),
        "parquet": ("application/x-parquet", whole(as_parquet)),
        "parquet-parts": ("parquet", in_parts(as_parquet)),
    }
    found = {name: objectives(amt, request_for(store, name, files, kind=kind)) for name, (kind, files) in cases.items()}
    assert len({tuple(values) for values in found.values()}) == 1, found
    sparse = {
        name: objectives(amt, request_for(store, name, files, kind=kind))
        for name, (kind, files) in {
            "libsvm": ("text/libsvm", whole(as_libsvm)),
            "libsvm-x": ("text/x-libsvm", in_parts(as_libsvm)),
            "libsvm-unset": (None, whole(as_libsvm)),
        }.items()
    }
    # What libsvm leaves out is missing, not 0, so its trees may differ from those of the dense kinds.
    assert len({tuple(values) for values in sparse.values()}) == 1, sparse


def test_weights_of_csv_count(store: FolderStore, amt: LocalAmt) -> None:
    """With csv_weights=1 column 1 weighs the rows: other numbers than without weights, or than as a feature."""
    files = whole(lambda rows: as_csv(weighted(rows)))
    request = request_for(store, "weights", files)
    request["TrainingJobDefinition"]["StaticHyperParameters"]["csv_weights"] = "1"
    found = objectives(amt, request)
    assert found != objectives(amt, request_for(store, "as-feature", files))
    assert found != objectives(amt, request_for(store, "without", whole(as_csv)))


@pytest.mark.parametrize(
    ("channel", "source"),
    [
        ({"InputMode": "FastFile"}, {}),
        ({"InputMode": "File", "CompressionType": "None", "RecordWrapperType": "None"}, {}),
        ({}, {"S3DataDistributionType": "ShardedByS3Key"}),
    ],
    ids=["FastFile", "File", "ShardedByS3Key"],
)
def test_modes_of_one_host_read_the_same_files(
    store: FolderStore, amt: LocalAmt, channel: dict[str, Any], source: dict[str, Any]
) -> None:
    """FastFile reads what File does, and one host's shard is everything."""
    request = request_for(store, "kind", in_parts(as_csv), channel=channel, source=source)
    assert objectives(amt, request) == objectives(amt, request_for(store, "plain", whole(as_csv)))


def manifest(request: dict[str, Any], store: FolderStore, content: Any) -> dict[str, Any]:
    """The request with a manifest in place of each channel's prefix; `{prefix}` in it is the channel's."""
    for entry in request["TrainingJobDefinition"]["InputDataConfig"]:
        source = entry["DataSource"]["S3DataSource"]
        uri = f"{source['S3Uri'].rstrip('/')}.manifest"
        store.put_bytes(json.dumps(content).replace("{prefix}", source["S3Uri"]).encode(), uri)
        source |= {"S3DataType": "ManifestFile", "S3Uri": uri}
    return request


def test_a_manifest_names_the_files(store: FolderStore, amt: LocalAmt) -> None:
    """A ManifestFile channel has the objects it names, below the channel's folder, and no others."""
    request = request_for(store, "named", in_parts(as_csv))
    names = ["part-0", "more/part-1", "more/part-2"]
    found = objectives(amt, manifest(request, store, [{"prefix": "{prefix}"}, *names]))
    assert found == objectives(amt, request_for(store, "plain", whole(as_csv)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"prefix": "{prefix}"}, "ClientError: a manifest is a JSON array"),
        ([{"prefix": "{prefix}"}, 3], "ClientError: a manifest is a JSON array"),
        ([{"prefix": "{prefix}"}, "../../code"], "ClientError: a key has no '.' or '..' part"),
        ([{"prefix": "{prefix}"}, "gone.csv"], "ClientError: No S3 object found at 's3://bucket/bad/train/gone.csv'"),
        ([{"prefix": "{prefix}"}], "ClientError: No S3 objects found under S3 URL"),
    ],
)
def test_a_manifest_that_is_none_fails_the_training_job(
    store: FolderStore, amt: LocalAmt, content: Any, said: str
) -> None:
    """A manifest that cannot be used, leaves its bucket's keys or names what is not there fails the job by name."""
    request = manifest(request_for(store, "bad", whole(as_csv)), store, content)
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "bad")
    assert trials_of(amt, "bad")[0]["FailureReason"].startswith(said)


@pytest.mark.parametrize(
    ("channel", "source", "said"),
    [
        ({"CompressionType": "Gzip"}, {}, "CompressionType Gzip"),
        ({"RecordWrapperType": "RecordIO"}, {}, "RecordWrapperType RecordIO"),
        ({"InputMode": "Pipe"}, {}, "TrainingInputMode Pipe"),
        ({}, {"S3DataType": "AugmentedManifestFile"}, "S3DataType AugmentedManifestFile"),
    ],
)
def test_what_is_not_read_here_is_refused_by_name(
    store: FolderStore, amt: LocalAmt, channel: dict[str, Any], source: dict[str, Any], said: str
) -> None:
    """What a channel asks for that this machine does not do is refused at Create, by its name."""
    request = request_for(store, "not", whole(as_csv), channel=channel, source=source)
    with pytest.raises(ClientError, match=said):
        amt.create_hyper_parameter_tuning_job(**request)
