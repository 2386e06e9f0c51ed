"""What sources and output may hold that nobody writes in good faith: refused, or cut off in time."""

from __future__ import annotations

import gzip
import io
import resource
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end

from components.amt.client import LocalAmt
from components.amt.installation import MOST_BYTES, MOST_LINE_BYTES, wanted
from components.amt.pip_output import without_credentials
from components.amt.source_code import BadSource, unpack
from components.storage.local import FolderStore

BOMB_BYTES = 300 * 1024**2


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_that_claims_gigabytes_fills_no_memory(tmp_path: Path, kind: bytes) -> None:
    """Tarfile reads a header's content in one piece: it is refused before that."""
    archive = tmp_path / "sourcedir.tar.gz"
    header = tarfile.TarInfo("header")
    header.type, header.size = kind, BOMB_BYTES
    with gzip.open(archive, "wb", compresslevel=1) as packed:
        packed.write(header.tobuf())
        for _ in range(BOMB_BYTES // 1024**2):
            packed.write(bytes(1024**2))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(BadSource, match="a header must have at most"):
        unpack(archive, tmp_path / "code")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < BOMB_BYTES // 1024 // 4


def test_a_long_name_and_a_pax_header_of_honest_size_are_read(tmp_path: Path) -> None:
    """Deep folders and names in any alphabet are no attack."""
    name = "/".join(["größe" * 20] * 4) + "/train.py"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", format=form) as tar:
            info = tarfile.TarInfo(name)
            info.size = 2
            tar.addfile(info, io.BytesIO(b"ok"))
        archive = tmp_path / f"{form}.tar.gz"
        archive.write_bytes(content.getvalue())
        unpack(archive, tmp_path / str(form))
        assert (tmp_path / str(form) / name).read_bytes() == b"ok"


@pytest.mark.parametrize(
    "line",
    [
        "numpy" + " " * (MOST_LINE_BYTES - 10) + "x#",
        "numpy" + " " * (MOST_LINE_BYTES - 10) + "/",
        "a[" * (MOST_LINE_BYTES // 2),
    ],
)
def test_a_requirements_file_made_to_match_slowly_is_read_at_once(tmp_path: Path, line: str) -> None:
    """White space and brackets without end cost about as much as a plain line of that length, not its square."""

    def seconds(text: str) -> float:
        (tmp_path / "requirements.txt").write_text(f"{text}\n" * 20)
        began = time.thread_time()
        found = wanted(tmp_path, "train.py")
        assert found is not None
        found.digest()
        return time.thread_time() - began

    plain = seconds("numpy==" + "1" * (MOST_LINE_BYTES - 10))
    assert seconds(line) < 200 * max(plain, 1e-3)


def test_a_requirements_file_larger_than_anybody_s_is_refused(tmp_path: Path) -> None:
    """Beyond a megabyte, or a line beyond 16 kB, is no list of packages."""
    (tmp_path / "requirements.txt").write_text("numpy\n" * (MOST_BYTES // 6 + 1))
    with pytest.raises(BadSource, match="at most 1048576 bytes"):
        wanted(tmp_path, "train.py")
    (tmp_path / "requirements.txt").write_text("x" * (MOST_LINE_BYTES + 1))
    with pytest.raises(BadSource, match="a line of"):
        wanted(tmp_path, "train.py")


def test_pip_s_output_is_searched_for_credentials_in_linear_time() -> None:
    """Text without a URL, as long as pip may print it, and the credentials in one that has."""
    assert without_credentials("a.a." * 100_000)
    assert without_credentials("from ftp://me:secret@host/wheels") == "from ftp://****@host/wheels"


def test_a_regex_slow_on_every_line_is_cut_off_in_time(amt: LocalAmt, store: FolderStore) -> None:
    """A pattern below the limit on each line does not keep a training job past its MaxRuntimeInSeconds."""
    code = put_script(store, "for _ in range(1500): print('a' * 22 + 'b')\nimport time; time.sleep(600)\n")
    request = a_request("slow", code=code, jobs=1, max_runtime_s=3)
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "loss", "Regex": r"loss = (\S+)|^(?:a|a)+$"}
    ]
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "slow")
    (trial,) = trials_of(amt, "slow")
    assert trial["TrainingJobStatus"] == "Stopped"
    log = amt.log_path(trial["TrainingJobName"]).read_text()
    assert "no more metrics are read" in log


def test_two_objects_at_one_path_fail_the_training_job_and_nothing_else(amt: LocalAmt, store: FolderStore) -> None:
    """`data/train.csv` and `data/train/train.csv` below one prefix: refused, and no cached file is written to."""
    store.put_bytes(b"AAAA\n", "s3://bucket/two/train.csv")
    store.put_bytes(b"BBBB\n", "s3://bucket/two/train/train.csv")
    request = a_request("two", code=put_script(store, "print('loss = 1')"), jobs=1)
    request["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = (
        "s3://bucket/two/train"
    )
    amt.create_hyper_parameter_tuning_job(**request)
    assert wait_for_end(amt, "two")["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert "must not land at one path" in trials_of(amt, "two")[0]["FailureReason"]


def test_a_manifest_may_name_an_object_twice(amt: LocalAmt, store: FolderStore) -> None:
    """The same key again is the same file."""
    store.put_bytes(b'[{"prefix": "s3://bucket/data/train/"}, "part.csv", "part.csv"]', "s3://bucket/twice.json")
    code = put_script(store, "import os\nprint('loss =', len(os.listdir(os.environ['SM_CHANNEL_TRAIN'])))\n")
    request = a_request("twice", code=code, jobs=1)
    request["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"] |= {
        "S3DataType": "ManifestFile",
        "S3Uri": "s3://bucket/twice.json",
    }
    amt.create_hyper_parameter_tuning_job(**request)
    assert wait_for_end(amt, "twice")["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 1.0


def test_much_output_does_not_make_a_script_wait(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """A script that prints 20 MB takes a few times as long as with its output in a file, not 300 batches."""
    text = "for _ in range(200_000): print('x' * 99)\nprint('loss = 1')\n"
    (tmp_path / "train.py").write_text(text)
    began = time.monotonic()
    with (tmp_path / "output").open("wb") as output:
        subprocess.run([sys.executable, "-u", str(tmp_path / "train.py")], stdout=output, check=True)
    alone_s = time.monotonic() - began
    amt.create_hyper_parameter_tuning_job(**a_request("chatty", code=put_script(store, text), jobs=1))
    wait_for_end(amt, "chatty")
    (trial,) = trials_of(amt, "chatty")
    assert amt.log_path(trial["TrainingJobName"]).stat().st_size >= 20_000_000
    assert (trial["TrainingEndTime"] - trial["TrainingStartTime"]).total_seconds() < 12 * alone_s
