"""The model server as its clients see it: real processes, real HTTP, a real SQLite MLflow."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from components.deployment.services import Services
from components.deployment.targets.local_server import LocalServer
from components.errors import Busy, Damaged
from components.naming import model_service
from tests.e2e.tiny_models import NAME, PATIENCE_S, ROW_BODY, TinyRegistry, ask


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> TinyRegistry:
    """Versions 1 to 3 are well, 4 does not load, 5 does not answer."""
    registry = TinyRegistry.create(tmp_path_factory.mktemp("mlflow"))
    for number, fault in enumerate(("", "", "", "load", "answer"), start=1):
        assert registry.add(number, fault=fault) == str(number)
    return registry


@pytest.fixture(scope="module")
def target(registry: TinyRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Model servers on a home of this file's own, ended with it."""
    folder = tmp_path_factory.mktemp("home") / "services"
    services = Services(folder=folder, environment=dict(os.environ))
    yield LocalServer(services=services, tracking_uri=registry.uri)
    services.stop_all()


@pytest.fixture
def serve(registry: TinyRegistry, target: LocalServer) -> Callable[[str], str]:
    """Make a version champion, deploy it, and give its URL."""

    def serve(version: str) -> str:
        registry.point(version)
        deployed = target.deploy(NAME, version)
        assert (deployed.target, deployed.version) == ("local", version)
        return deployed.url

    return serve


def look(url: str, path: str) -> Any:
    return ask(url.replace("/invocations", path), method="GET")[1]


class Clients:
    """Clients, with a connection each that is kept or not, that ask until they are told to stop."""

    def __init__(self, url: str, *, keep: Sequence[bool] = (False, True)) -> None:
        self.seen: list[str] = []
        self.failed: list[str] = []
        self._url = url
        self._done = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._run, args=(one,)) for one in keep]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, version: str) -> None:
        """Wait until the version is the last one seen."""
        with self._news:
            assert self._news.wait_for(lambda: self.failed or self.seen[-1:] == [version], timeout=PATIENCE_S)

    def _run(self, keep: bool) -> None:  # noqa: FBT001  a thread's argument
        place = urlsplit(self._url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE_S)
        while not self._done.is_set():
            try:
                connection.request("POST", place.path, ROW_BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                self._note(answer.status, text)
            except OSError as error:
                self._note(0, repr(error).encode())
            if not keep:
                connection.close()
        connection.close()

    def _note(self, status: int, text: bytes) -> None:
        with self._news:
            document = json.loads(text) if status == 200 else {}
            if status != 200 or str(document["predictions"][0]["prediction"]) != document["model_version"]:
                self.failed.append(f"{status}: {text!r}")
            else:
                self.seen.append(document["model_version"])
            self._news.notify_all()


def test_commands_at_once_start_one_server(registry: TinyRegistry, target: LocalServer) -> None:
    """Of two deploys at once one starts the server; both get its URL, and the port is from 8080 on."""
    registry.point("1")
    with ThreadPoolExecutor(2) as callers:
        first, second = callers.map(lambda _: target.deploy(NAME, "1"), range(2))

    assert first == second == target.find(NAME)
    assert (urlsplit(first.url).port or 0) >= 8080
    assert [one.name for one in target.services.running()] == [model_service(NAME)]
    assert target.deployed() == (NAME,)


def test_three_swaps_and_a_rollback_fail_no_request(serve: Callable[[str], str]) -> None:
    """Clients that ask before, during and after see answers only, and every version in its turn."""
    with Clients(serve("1"), keep=(False, True, True, True)) as clients:
        for version in ("1", "2", "3", "1", "3"):
            serve(version)
            clients.wait_for(version)

    assert clients.failed == []
    assert set(clients.seen) == {"1", "2", "3"}


def test_a_running_request_keeps_its_version_and_holds_up_nobody(serve: Callable[[str], str], tmp_path: Path) -> None:
    """While one prediction runs others are answered and the version is swapped; it ends with the one it began with."""
    url = serve("1")
    started, go = tmp_path / "started", tmp_path / "go"
    os.mkfifo(started)
    os.mkfifo(go)
    body = json.dumps({"dataframe_records": [{"age": 1, "job": f"wait {started} {go}"}]}).encode()
    with ThreadPoolExecutor(1) as slow:
        asked = slow.submit(ask, url, body)
        started.read_text()  # the model has the request
        serve("2")
        meanwhile = ask(url)[1]["model_version"]
        go.write_text("")
        status, answer, headers = asked.result(PATIENCE_S)

    assert meanwhile == "2"
    assert (status, answer["model_version"], headers["x-model-version"]) == (200, "1", "1")


def test_an_alias_that_others_move_is_followed(serve: Callable[[str], str], registry: TinyRegistry) -> None:
    """Without a deploy the server finds the new champion by itself."""
    with Clients(serve("1")) as clients:
        registry.point("3")
        clients.wait_for("3")

    assert clients.failed == []


@pytest.mark.parametrize(("broken", "cause"), [("4", "the cog is missing"), ("5", "the cog is stuck")])
def test_a_version_that_is_not_fit_does_not_serve(
    broken: str, cause: str, serve: Callable[[str], str], target: LocalServer, registry: TinyRegistry
) -> None:
    """Deploying it says why, the old version goes on, `/health` tells; moving the alias back makes all well."""
    url = serve("2")
    registry.point(broken)
    with pytest.raises(
        Damaged, match=f"version {broken} of model '{NAME}' must load .*{cause}; version 2 goes on serving"
    ):
        target.deploy(NAME, broken)

    assert ask(url)[1]["model_version"] == "2"
    health = look(url, "/health")
    assert (health["status"], health["model_version"]) == ("ok", "2")
    assert cause in health["error"]

    serve("2")
    assert look(url, "/health")["error"] is None


def test_an_alias_moved_meanwhile_is_told(serve: Callable[[str], str], target: LocalServer) -> None:
    """A deploy whose version is no longer champion does not pass for done."""
    serve("2")
    with pytest.raises(Busy, match="must name version 1, names 2: somebody moved it"):
        target.deploy(NAME, "1")


def test_rows_with_text_and_missing_values_are_answered(serve: Callable[[str], str]) -> None:
    """All of MLflow's forms, and CSV; the answer names the version in body and header."""
    url = serve("1")
    rows = [{"age": 41, "job": "admin"}, {"age": None, "job": "student"}, {"age": 3.5, "job": None}]
    values = [list(row.values()) for row in rows]
    bodies: dict[str, Any] = {
        "dataframe_records": rows,
        "dataframe_split": {"columns": ["age", "job"], "data": values},
        "instances": rows,
        "inputs": {"age": [row["age"] for row in rows], "job": [row["job"] for row in rows]},
    }
    answers = [ask(url, json.dumps({form: data}).encode()) for form, data in bodies.items()]
    answers.append(ask(url, b"age,job\n41,admin\n,student\n3.5,\n", headers={"Content-Type": "text/csv"}))

    for status, answer, headers in answers:
        assert (status, headers["x-model-version"]) == (200, "1")
        assert answer == {
            "predictions": [{"prediction": 1, "job": job} for job in ("admin", "student", None)],
            "model_version": "1",
        }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"age": "old", "job": "a"}, "column 'age': a number is needed, got 'old'"),
        ({"job": "a"}, "every column must be there, missing: 'age'"),
        ({"age": -1, "job": "a"}, "column 'age': a finite number is needed"),
    ],
    ids=["signature", "missing", "model"],
)
def test_bad_rows_are_told_by_column(row: dict[str, Any], message: str, serve: Callable[[str], str]) -> None:
    """What the signature or the model's own preprocessing refuses is a 400 of one line."""
    status, answer, _ = ask(serve("1"), json.dumps({"dataframe_records": [row]}).encode())

    assert (status, answer) == (400, {"error_code": "BAD_REQUEST", "message": message})


def test_a_model_that_fails_keeps_its_traceback_to_itself(serve: Callable[[str], str], target: LocalServer) -> None:
    """The client learns that the model failed; how is in the log."""
    status, answer, _ = ask(serve("1"), b'{"dataframe_records": [{"age": -2, "job": "a"}]}')
    log = (target.services.folder / f"{model_service(NAME)}.log").read_text()

    assert (status, answer["error_code"]) == (500, "INTERNAL_ERROR")
    assert "Traceback" not in answer["message"]
    assert "secret" not in answer["message"]
    assert "RuntimeError: a secret of the house" in log


def test_what_is_no_scoring_request_is_refused(serve: Callable[[str], str]) -> None:
    """Too large, of another kind, to a place there is none, or under a foreign name."""
    url = serve("1")

    assert ask(url, b" " * (17 * 1024 * 1024))[0] == 413
    assert ask(url, b"x", headers={"Content-Type": "text/plain"})[0] == 415
    assert ask(url, b"x", headers={"Content-Encoding": "gzip"})[0] == 415
    assert ask(url, method="GET")[0] == 405
    assert ask(url.replace("/invocations", "/docs"), method="GET")[0] == 404
    assert ask(url, headers={"Host": "rebound.example"})[0] == 400


def test_mlflow_s_own_endpoints_answer(serve: Callable[[str], str]) -> None:
    """`/ping`, `/version` (MLflow's) and `/health` are there; every answer names the model's version."""
    from mlflow.version import VERSION

    url = serve("3")
    for path, text in (("/ping", "\n"), ("/version", VERSION)):
        status, answer, headers = ask(url.replace("/invocations", path), method="GET")
        assert (status, answer, headers["x-model-version"]) == (200, text, "3")
    assert look(url, "/health")["model_version"] == "3"


def test_only_the_nonce_commands_the_server(serve: Callable[[str], str], target: LocalServer) -> None:
    """A reload without the nonce is 401, with another 403; no answer holds the nonce."""
    url = serve("1").replace("/invocations", "/-/reload")
    service = target.services.find(model_service(NAME))
    assert service is not None

    assert ask(url)[0] == 401
    assert ask(url, headers={"Authorization": "Basic eDp5"})[0] == 401
    assert ask(url, headers={"Authorization": "Bearer guessed"})[0] == 403
    status, answer, _ = ask(url, headers={"Authorization": f"Bearer {service.nonce}"})
    assert (status, answer) == (200, {"model_version": "1"})
    assert service.nonce not in json.dumps(look(service.url + "/invocations", "/health"))
