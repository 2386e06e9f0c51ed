"""`retune amt serve` as a command: keys, ports, ending and starting again."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from amt_cases import a_request, a_store, put_script, trials_of, wait_for_end, wait_until
from amt_endpoint import Serving, serving
from command import REPO, Retune, environment_of
from wire import connect, exchange, signed

from components.amt.client import LocalAmt
from components.storage.s3 import S3Store

# Waits until a file is there, which the test makes.
GATED = """
import pathlib, sys, time
gate = pathlib.Path(sys.argv[sys.argv.index('--gate') + 1])
print('waiting', flush=True)
while not gate.exists():
    time.sleep(0.02)
print('loss = 0.5')
"""


MODEL = "import os, pathlib\npathlib.Path(os.environ['SM_MODEL_DIR'], 'model').write_text('m')\nprint('loss = 0.5')\n"


def gated_job(served: Serving, name: str, gate: Path, *, parallel: int = 2) -> None:
    """Create a job whose training jobs end once `gate` is there, and wait until they run."""
    store = a_store(Path(served.document["home"]) / "store")
    request = a_request(name, code=put_script(store, GATED), jobs=3, parallel=parallel, static={"gate": str(gate)})
    served.client.create_hyper_parameter_tuning_job(**request)
    with looking(served) as look:
        wait_until(look, name, lambda job: job["TrainingJobStatusCounters"]["InProgress"] == parallel)


class looking:  # noqa: N801 - used as a function
    """A LocalAmt on the server's home that supervises nothing: what it waits for, somebody else does."""

    def __init__(self, served: Serving) -> None:
        store = a_store(Path(served.document["home"]) / "store")
        self._amt = LocalAmt(home=served.amt_home, store=store, supervise=False)

    def __enter__(self) -> LocalAmt:
        return self._amt

    def __exit__(self, *_: object) -> None:
        self._amt.close()


def errors_of(served: Serving) -> str:
    return (Path(served.document["home"]) / "serve-stderr.txt").read_text()


def test_the_printed_lines_are_all_a_client_needs(tmp_path: Path) -> None:
    """Without --json the command prints export lines; with those variables alone boto3 talks to it."""
    retune = Retune(home=tmp_path / "home", cwd=tmp_path, environment=environment_of(tmp_path / "home"))
    with retune.running("amt", "serve", "--port", "0", "--home", str(tmp_path / "elsewhere")) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines if "export" in line)
        assert set(exports) == {
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL_SAGEMAKER",
        }
        ask = (
            "import boto3; answer = boto3.client('sagemaker').list_hyper_parameter_tuning_jobs();"
            "print(answer['HyperParameterTuningJobSummaries'])"
        )
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **exports}
        asked = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
        assert asked.stdout == "[]\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == ""
    assert (tmp_path / "elsewhere" / "amt" / "endpoint.credentials").exists()
    assert not (tmp_path / "home" / "amt").exists()


def test_the_boto3_example_runs_as_it_is(tmp_path: Path) -> None:
    """`examples/boto3_search`, with nothing but the printed variables, ends in a best training job."""
    with serving(tmp_path / "home") as served:
        done = subprocess.run(
            [sys.executable, str(REPO / "examples" / "boto3_search" / "search.py"), str(tmp_path / "home" / "store")],
            env={**environment_of(tmp_path / "client"), **served.exports},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Completed: validation:auc 0.9")


def test_the_key_pair_stays_and_is_the_owners_alone(tmp_path: Path) -> None:
    """The key file has mode 0600, survives a restart, is no part of the JSON document, and --new-keys replaces it."""
    with serving(tmp_path / "home") as first:
        path = Path(first.document["credentials_file"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert first.secret_key not in str(first.document)
    with serving(tmp_path / "home") as second:
        assert (second.access_key, second.secret_key) == (first.access_key, first.secret_key)
    with serving(tmp_path / "home", "local", "--new-keys") as third:
        assert third.access_key != first.access_key
        assert third.secret_key != first.secret_key
        third.client.list_hyper_parameter_tuning_jobs()


def test_a_taken_port_is_refused_with_its_holder(tmp_path: Path) -> None:
    """A second server on the same port ends with exit code 75 and says who holds it."""
    with serving(tmp_path / "home") as served:
        port = served.url.rpartition(":")[2]
        retune = Retune(home=tmp_path / "other", cwd=tmp_path, environment=environment_of(tmp_path / "other"))
        finished = retune("amt", "serve", "--port", port)
        assert finished.code == 75
        assert finished.out == ""
        assert f"port {port} must be free, held by pid {served.process.pid}" in finished.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--host", "no.such.host.invalid"), "--host is an address of this machine"),
        (("--host", "203.0.113.7"), "--host is an address of this machine"),
        (("--spot-discount", "nan"), "0 <= discount < 1 must hold, got nan"),
        (("--spot-interruption-mean-s", "0"), "mean_s > 0 and notice_s >= 0 must hold"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """An address this machine lacks, or an impossible number: exit code 65 and one line."""
    retune = Retune(home=tmp_path / "home", cwd=tmp_path, environment=environment_of(tmp_path / "home"))
    finished = retune("amt", "serve", "--port", "0", *arguments)
    assert finished.code == 65
    assert told in finished.err
    assert len(finished.err.splitlines()) == 1


def test_an_open_address_is_warned_of(tmp_path: Path) -> None:
    """Listening beyond loopback takes --host and says on stderr what that means; --allow-host adds names."""
    with serving(tmp_path / "home", "local", "--host", "0.0.0.0", "--allow-host", "tuner.example") as served:
        assert "beyond this machine" in errors_of(served)
        for host, status in (("tuner.example:99", 200), ("127.0.0.1", 200), ("evil.example", 403)):
            connection = connect(served)
            named = {**signed(served, "ListHyperParameterTuningJobs", b"{}", {"Host": host}), "Host": host}
            assert exchange(connection, b"{}", named).status == status
            connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_go_on_at_the_next_start_without_being_asked_for(tmp_path: Path, number: signal.Signals) -> None:
    """A server that is told to end, or is killed, loses nothing: the next one takes up what is unfinished by itself."""
    gate = tmp_path / "gate"
    with serving(tmp_path / "home") as first:
        gated_job(first, "resumed", gate)
        names = [row["TrainingJobName"] for row in trials_of(first.client, "resumed")]
        first.process.send_signal(number)
        code = first.process.wait(60)
    assert code == (0 if number == signal.SIGTERM else -number)
    gate.touch()
    with serving(tmp_path / "home") as second, looking(second) as look:
        job = wait_for_end(look, "resumed")  # from the record alone: nobody asks the server
        assert job["TrainingJobStatusCounters"]["Completed"] == 3
        assert [row["TrainingJobName"] for row in trials_of(second.client, "resumed")][:2] == names
        assert "Traceback" not in errors_of(second)


def test_two_servers_share_a_home_and_one_takes_over(tmp_path: Path) -> None:
    """Two servers on one home know the same jobs under the same keys; when one ends, the other trains on."""
    gate = tmp_path / "gate"
    with serving(tmp_path / "home") as first:
        gated_job(first, "shared", gate)
        with serving(tmp_path / "home") as second:
            assert second.access_key == first.access_key
            told: Any = second.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="shared")
            assert told["TrainingJobStatusCounters"]["InProgress"] == 2
            assert first.stop() == 0
            gate.touch()
            with looking(second) as look:
                assert wait_for_end(look, "shared")["TrainingJobStatusCounters"]["Completed"] == 3


def test_jobs_on_s3_use_the_servers_own_credentials(tmp_path: Path, aws_endpoint: str) -> None:
    """With an S3 endpoint in the environment s3:// leads there, by AWS's credentials and not by the key pair."""
    own = {
        "AWS_ENDPOINT_URL_S3": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "of-the-server",
        "AWS_SECRET_ACCESS_KEY": "of-the-server",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    s3 = boto3.client("s3", endpoint_url=aws_endpoint, region_name="us-east-1")
    s3.create_bucket(Bucket="bucket")
    local = a_store(tmp_path / "local")
    uri = put_script(local, MODEL)
    for found in local.list("s3://bucket/"):
        s3.put_object(Bucket="bucket", Key=found.uri.removeprefix("s3://bucket/"), Body=local.get_bytes(found.uri))
    with serving(tmp_path / "home", None, **own) as served:
        assert served.document["store"] == "s3"
        served.client.create_hyper_parameter_tuning_job(**a_request("on-s3", code=uri, jobs=1))
        with looking(served) as look:
            assert wait_for_end(look, "on-s3")["TrainingJobStatusCounters"]["Completed"] == 1
        (trial,) = trials_of(served.client, "on-s3")
        assert S3Store(s3).exists(f"s3://bucket/out/{trial['TrainingJobName']}/output/model.tar.gz")
        request = a_request("elsewhere", code=uri, jobs=1)
        request["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://none/x"
        with pytest.raises(served.client.exceptions.ClientError, match="No S3 objects found"):
            served.client.create_hyper_parameter_tuning_job(**request)
    s3.close()


def test_a_store_that_is_out_is_told_as_503_and_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """While S3 does not answer, creates get ServiceUnavailable, which clients try again, and other calls an answer."""
    own = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "of-the-server",
        "AWS_SECRET_ACCESS_KEY": "of-the-server",
    }
    with serving(tmp_path / "home", None, **own) as served:
        assert served.document["store"] == "s3"
        creating, asking = connect(served), connect(served)
        body = json.dumps(a_request("out", code="s3://bucket/code/sourcedir.tar.gz", jobs=1)).encode()
        headers = signed(served, "CreateHyperParameterTuningJob", body)
        creating.request("POST", "/", body, headers)
        assert exchange(asking, b"{}", signed(served, "ListHyperParameterTuningJobs", b"{}")).status == 200
        answer = creating.getresponse()
        assert answer.status == 503
        assert json.loads(answer.read())["__type"] == "ServiceUnavailable"
        creating.close()
        asking.close()
        assert "Traceback" not in errors_of(served)


def test_other_commands_do_not_pay_for_the_server() -> None:
    """The command line imports no web server until one is asked for."""
    code = "import sys, flows.cli; assert not {'uvicorn', 'starlette', 'components.amt.client'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPO, check=True)
