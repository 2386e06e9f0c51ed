"""What somebody who means harm, or a careless client, may send to `retune amt serve`: refused, or harmless."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end
from botocore.exceptions import ClientError
from http_rig import HttpRig, http_rig
from wire import Answered, connect, exchange, signed

LIST = "ListHyperParameterTuningJobs"
SECRET = "wJalrXUtnFEMI-of-the-server-itself"
ENVIRONMENT = "import os\nfor name, value in os.environ.items(): print(name, value)\nprint('loss = 1')\n"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
    own = {"AWS_ACCESS_KEY_ID": "AKIAOFTHESERVER", "AWS_SECRET_ACCESS_KEY": SECRET, "MLFLOW_TRACKING_TOKEN": SECRET}
    with http_rig(tmp_path_factory.mktemp("served") / "home", **own) as rig:
        yield rig


def refused(rig: HttpRig, request: dict[str, Any]) -> tuple[str, str]:
    """Code and text of the refusal of a Create."""
    with pytest.raises(ClientError) as caught:
        rig.create_hyper_parameter_tuning_job(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def answer_to(rig: HttpRig, body: bytes, headers: Mapping[str, str], *, method: str = "POST") -> Answered:
    """The answer to one raw request on a connection of its own."""
    connection = connect(rig.served)
    try:
        return exchange(connection, body, headers, method=method)
    finally:
        connection.close()


def status_line(rig: HttpRig, head: bytes) -> bytes:
    """The first line of what comes back for raw bytes; empty when the connection is closed without a word."""
    address = urlsplit(rig.served.url)
    with socket.create_connection((str(address.hostname), address.port), timeout=60) as raw:
        try:
            raw.sendall(head)
            return raw.makefile("rb").readline()
        except ConnectionError:
            return b""


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    ("kind", "info", "reason"),
    [
        ("above", member("../../../../../../escaped"), "sourcedir.tar.gz"),
        ("absolute", member("/escaped-from-a-job"), "sagemaker_program"),  # unpacked below its folder
        ("link", member("link", type=tarfile.SYMTYPE, linkname="../../.."), "sourcedir.tar.gz"),
        ("hard-link", member("link", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "sourcedir.tar.gz"),
        ("device", member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "sourcedir.tar.gz"),
        ("bomb", member("zeros", size=3 * 1024**3), "sourcedir.tar.gz"),
    ],
)
def test_a_hostile_archive_fails_its_training_job_and_nothing_else(
    rig: HttpRig, kind: str, info: tarfile.TarInfo, reason: str
) -> None:
    """A sourcedir.tar.gz with paths above it, links, devices or a bomb: Failed by name, nothing written outside."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.addfile(info)  # of the bomb the header alone: what is written of it would be too much already
    uri = f"s3://bucket/hostile/{kind}/sourcedir.tar.gz"
    rig.store.put_bytes(content.getvalue(), uri)
    rig.create_hyper_parameter_tuning_job(**a_request(f"tar-{kind}", code=uri, jobs=1))
    job = wait_for_end(rig, f"tar-{kind}")
    (trial,) = trials_of(rig, f"tar-{kind}")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert trial["TrainingJobStatus"] == "Failed"
    assert reason in trial["FailureReason"]
    home = Path(rig.served.document["home"])
    assert not [path for path in home.parent.rglob("*") if path.name.startswith(("escaped", "zeros"))]
    assert not Path("/escaped-from-a-job").exists()


def test_a_catastrophic_regex_is_cut_off(rig: HttpRig) -> None:
    """A metric's regex that does not end costs its training job the metrics after it; the job ends, others go on."""
    request = a_request("regex", code=put_script(rig.store, "print('loss = 1')\nprint('a' * 60)\n"), jobs=1)
    metrics = request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    metrics.append({"Name": "bomb", "Regex": "(a+)+b"})
    rig.create_hyper_parameter_tuning_job(**request)
    assert wait_for_end(rig, "regex")["TrainingJobStatusCounters"]["Completed"] == 1


@pytest.mark.parametrize("where", ["value", "key", "environment", "tag"])
def test_values_of_a_megabyte_are_refused_by_name(rig: HttpRig, where: str) -> None:
    """A value far beyond its limit is a ValidationException that does not repeat it."""
    request = a_request("large", code=put_script(rig.store, "print('loss = 1')\n"), jobs=1)
    huge = "x" * 1_000_000
    definition = request["TrainingJobDefinition"]
    if where == "value":
        definition["StaticHyperParameters"]["a"] = huge
    elif where == "key":
        definition["StaticHyperParameters"][huge] = "1"
    elif where == "environment":
        definition["Environment"] = {"A": huge}
    else:
        request["Tags"] = [{"Key": huge, "Value": "1"}]
    code, text = refused(rig, request)
    assert code == "ValidationException"
    assert "length less than or equal to" in text
    assert len(text) < 5_000 if where != "key" else huge not in text[: len(huge)]


def test_a_list_without_end_is_refused_in_few_words(rig: HttpRig) -> None:
    """A hundred thousand broken tags or breaches are one ValidationException of modest size."""
    request = a_request("endless", code=put_script(rig.store, "print('loss = 1')\n"), jobs=1)
    for tags in ([{}] * 200_000, [{"Key": "a", "Value": "b"}] * 50_000):
        body = json.dumps({**request, "Tags": tags}).encode()
        answer = answer_to(rig, body, signed(rig.served, "CreateHyperParameterTuningJob", body))
        assert answer.code == "ValidationException"
        assert len(answer.document["message"]) < 100_000
    body = json.dumps({"CreationTimeAfter": "1" * 1_000_000}).encode()
    assert answer_to(rig, body, signed(rig.served, LIST, body)).code == "ValidationException"


@pytest.mark.parametrize("name", ["a/b", "../../x", "/etc/passwd", "a\0b", "..", "a b", "ä", "%2e%2e%2fx"])
def test_names_that_are_paths_are_refused_everywhere(rig: HttpRig, name: str) -> None:
    """A name with slashes, dots or NUL is refused by the model's pattern, on every operation that takes one."""
    request = a_request(name, code=put_script(rig.store, "print('loss = 1')\n"), jobs=1)
    assert refused(rig, request)[0] == "ValidationException"
    for operation, key in (
        ("DescribeHyperParameterTuningJob", "HyperParameterTuningJobName"),
        ("StopHyperParameterTuningJob", "HyperParameterTuningJobName"),
        ("DeleteHyperParameterTuningJob", "HyperParameterTuningJobName"),
        ("ListTrainingJobsForHyperParameterTuningJob", "HyperParameterTuningJobName"),
        ("DescribeTrainingJob", "TrainingJobName"),
        ("StopTrainingJob", "TrainingJobName"),
    ):
        body = json.dumps({key: name}).encode()
        assert answer_to(rig, body, signed(rig.served, operation, body)).code == "ValidationException"
    request = a_request("channel", code=put_script(rig.store, "print('loss = 1')\n"), jobs=1)
    request["TrainingJobDefinition"]["InputDataConfig"][0]["ChannelName"] = name
    assert refused(rig, request)[0] == "ValidationException"


def test_of_100_creates_of_one_name_exactly_one_wins(rig: HttpRig) -> None:
    """100 creates at the same time: one job, 99 times ResourceInUse, and the server answers others meanwhile."""
    body = json.dumps(a_request("hundred", code=put_script(rig.store, "print('loss = 1')\n"), jobs=1)).encode()
    start = threading.Barrier(101)
    answers: list[Answered] = []

    def create() -> None:
        connection = connect(rig.served)
        connection.connect()
        start.wait(60)
        answers.append(exchange(connection, body, signed(rig.served, "CreateHyperParameterTuningJob", body)))
        connection.close()

    threads = [threading.Thread(target=create) for _ in range(100)]
    for thread in threads:
        thread.start()
    start.wait(60)
    assert answer_to(rig, b"{}", signed(rig.served, LIST, b"{}")).status == 200
    for thread in threads:
        thread.join(120)
    assert sorted(answer.code for answer in answers) == [""] + ["ResourceInUse"] * 99
    assert wait_for_end(rig, "hundred")["TrainingJobStatusCounters"]["Completed"] == 1


def test_training_jobs_see_no_secret_of_the_server(rig: HttpRig) -> None:
    """A training job's environment holds neither the server's AWS keys, nor its key pair, nor other tokens."""
    rig.create_hyper_parameter_tuning_job(**a_request("spy", code=put_script(rig.store, ENVIRONMENT), jobs=1))
    wait_for_end(rig, "spy")
    (trial,) = trials_of(rig, "spy")
    log = rig.log_path(trial["TrainingJobName"]).read_text()
    assert "TRAINING_JOB_NAME" in log
    for hidden in ("AWS_", "MLFLOW", "AKIAOFTHESERVER", SECRET, rig.served.access_key, rig.served.secret_key):
        assert hidden not in log


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1@x", ""]
)
def test_a_foreign_host_is_refused_before_anything_else(rig: HttpRig, host: str) -> None:
    """A Host header that is no name of this machine gets 403, signed or not: DNS rebinding ends here."""
    headers = {**signed(rig.served, LIST, b"{}", {"Host": host}), "Host": host}
    answer = answer_to(rig, b"{}", headers)
    assert answer.status == 403
    assert answer.code == "AccessDeniedException"


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:8765", "LOCALHOST:80"])
def test_this_machines_own_names_are_answered(rig: HttpRig, host: str) -> None:
    """Every loopback name is, whatever port a tunnel or a container gives it."""
    headers = {**signed(rig.served, LIST, b"{}", {"Host": host}), "Host": host}
    assert answer_to(rig, b"{}", headers).status == 200


def test_no_host_and_two_hosts_are_refused(rig: HttpRig) -> None:
    """A request says once where it goes, or is not answered."""
    assert b" 4" in status_line(rig, b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
    assert b" 4" in status_line(rig, b"POST / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nContent-Length: 0\r\n\r\n")


def test_who_has_no_key_or_another_is_refused_with_awss_codes(rig: HttpRig) -> None:
    """No Authorization, an unknown access key, a wrong secret: 400 with the code and text AWS gives."""
    plain = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{LIST}"}
    answers = {
        "none": answer_to(rig, b"{}", plain),
        "other": answer_to(rig, b"{}", signed(rig.served, LIST, b"{}", access_key="AKIAOTHER")),
        "secret": answer_to(rig, b"{}", signed(rig.served, LIST, b"{}", secret_key="guessed")),
        "scheme": answer_to(rig, b"{}", {**plain, "Authorization": f"Bearer {rig.served.access_key}"}),
        "garbage": answer_to(rig, b"{}", {**plain, "Authorization": "AWS4-HMAC-SHA256 Credential=\xff, ,=,Signature"}),
    }
    assert {name: answer.code for name, answer in answers.items()} == {
        "none": "MissingAuthenticationTokenException",
        "other": "UnrecognizedClientException",
        "secret": "InvalidSignatureException",
        "scheme": "IncompleteSignatureException",
        "garbage": "IncompleteSignatureException",
    }
    assert {answer.status for answer in answers.values()} == {400}
    assert answers["other"].document["message"] == "The security token included in the request is invalid."


def test_a_signature_covers_body_target_and_time(rig: HttpRig) -> None:
    """A signed request whose body, operation or date is changed on the way is refused."""
    headers = signed(rig.served, LIST, b"{}")
    stop = {**headers, "X-Amz-Target": "SageMaker.StopHyperParameterTuningJob"}
    unsigned = {**headers, "Authorization": headers["Authorization"].replace(";x-amz-target", "")}
    old = {**headers, "X-Amz-Date": "20200101T000000Z"}
    hashed = {**signed(rig.served, LIST, b"{}", {"X-Amz-Content-SHA256": "0" * 64})}
    assert answer_to(rig, b'{"MaxResults": 1}', headers).code == "InvalidSignatureException"
    assert answer_to(rig, b"{}", stop).code == "InvalidSignatureException"
    assert answer_to(rig, b"{}", unsigned).code == "InvalidSignatureException"
    assert answer_to(rig, b"{}", old).code == "IncompleteSignatureException"
    assert answer_to(rig, b"{}", hashed).code == "InvalidSignatureException"
    assert answer_to(rig, b"{}", headers).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_another_method_is_no_operation(rig: HttpRig, method: str) -> None:
    """What is not POST is refused, with or without a key, and a browser gets no leave to come across origins."""
    answer = answer_to(rig, b"{}", {**signed(rig.served, LIST, b"{}"), "Origin": "http://evil.example"}, method=method)
    assert 400 <= answer.status < 500
    assert "access-control-allow-origin" not in {name.lower() for name in answer.headers}


def test_another_content_type_is_no_operation(rig: HttpRig) -> None:
    """A body that is not JSON 1.1, which a web page could send without asking, is refused."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/x-amz-json-1.0", ""):
        headers = signed(rig.served, LIST, b"{}", {"Content-Type": kind})
        assert answer_to(rig, b"{}", headers).code == "UnknownOperationException"


def test_what_is_too_large_or_no_http_ends_with_a_refusal(rig: HttpRig) -> None:
    """Huge headers, a huge body and no HTTP at all are refused; the next request is answered."""
    assert b" 5" not in status_line(rig, b"POST / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n")
    assert b" 5" not in status_line(rig, b"\x16\x03\x01" + b"\0" * 100 + b"\r\n\r\n")
    assert b" 5" not in status_line(rig, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")
    body = b'{"NameContains": "' + b"x" * 3_000_000 + b'"}'
    answer = answer_to(rig, body, signed(rig.served, LIST, body))
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
    assert answer_to(rig, body, {}).status == 400
    assert answer_to(rig, b"{}", signed(rig.served, LIST, b"{}")).status == 200


def test_nothing_of_this_was_a_fault_of_the_server(rig: HttpRig) -> None:
    """The server has no traceback to show."""
    errors = (Path(rig.served.document["home"]) / "serve-stderr.txt").read_text()
    assert "Traceback" not in errors, errors[-3000:]
