"""The function as it is shipped, with nothing but its rights, behind an HTTP API that IAM guards; and its fuzzing.

The schema's own tests are made by schemathesis from docs/openapi.json. CASES says how many for each operation.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from functions.runtime.api_document import document
from functions.runtime.api_routes import ROUTES, Route
from sandbox.lambdas.functions import Archives, Sizing
from sandbox.lambdas.plane import DataPlane
from sandbox.ministack import MiniStack
from tests.api.gateway import ADMIN, Gateway, Signed

SOURCE, USER = "reports", "alice"
OWN = f"/users/{USER}/sources/{SOURCE}"
CASES = int(os.environ.get("CASES", "8"))
"""Of each operation and kind of data; `CASES=500` for long."""
KEYS = [f"{USER}/{name}" for name in ("a.pdf", "deep/b.txt", "zo\u00eb & co.csv")]


class Stack:
    """A stack with one user who has a backup, and its API."""

    def __init__(self, endpoint: str) -> None:
        """Deploy it, and back up."""
        self.plane = DataPlane(endpoint, "api")
        self.plane.deploy(Archives.build(), sizing=Sizing(visibility_s=5))
        for key in (*KEYS, "bob/secret"):
            self.plane.s3.put_object(Bucket=self.plane.names.of("source"), Key=key, Body=key.encode())
        self.gateway = Gateway(self.plane)
        self.session = self.gateway.session_of(USER, SOURCE)
        self.plane.invoke("initiator", {})
        self.run = self.plane.wait_for_run(SOURCE).run_id
        self.backup = self.ask("GET", f"{OWN}/backups").json()["backups"][0]["backup_id"]

    def ask(self, method: str, path: str, *, user: bool = True, **options: Any) -> requests.Response:  # noqa: ANN401 - of requests
        """Call as the user, or as an operator."""
        signed = Signed(self.session if user else ADMIN)
        return requests.request(method, f"{self.gateway.url}{path}", auth=signed, timeout=60, **options)

    def wait(self, path: str, *states: str) -> dict[str, Any]:
        """Ask until it has come to one of the states."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.ask("GET", path)
            if answer.status_code == 200 and answer.json()["state"] in states:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(0.1)
        raise AssertionError(f"{path} never came to {states}: {self.ask('GET', path).text}")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One for all tests of this module."""
    with MiniStack(auth=True) as ministack:
        yield Stack(ministack.endpoint)


def test_a_user_finds_a_file_and_restores_it(stack: Stack) -> None:
    """Search, request, follow, and the file is there: three calls over HTTP and one look at the bucket."""
    (found,) = stack.ask("GET", f"{OWN}/files?contains=zo%C3%AB%20%26").json()["files"]
    assert (found["key"], found["backup_id"]) == (KEYS[2], stack.backup)
    wish = {"at": found["backup_id"], "patterns": [found["key"]], "client_token": "one-file"}
    asked = stack.ask("POST", f"{OWN}/restores", json=wish)
    assert asked.status_code == 202
    told = stack.wait(f"{OWN}/restores/{asked.json()['restore_id']}", "COMPLETED", "FAILED", "PARTIAL")
    assert (told["state"], told["files"]["restored"]) == ("COMPLETED", 1)
    restored = stack.plane.s3.get_object(Bucket=told["bucket"], Key=f"{told['prefix']}{found['key']}")
    assert restored["Body"].read() == found["key"].encode()


def test_a_manual_backup_is_made_once_for_a_token(stack: Stack) -> None:
    """And found again by it."""
    wish = {"client_token": "by-hand"}
    first = stack.ask("POST", f"{OWN}/backups", json=wish)
    assert first.status_code == 202
    stack.plane.wait_for_run(SOURCE)
    deadline = time.monotonic() + 60
    while not (again := stack.ask("POST", f"{OWN}/backups", json=wish).json()).get("run_id"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run = stack.ask("GET", f"/runs/{again['run_id']}", user=False).json()
    assert (run["type"], run["users"]["expected"]) == ("MANUAL", 1)


@pytest.mark.parametrize(
    "path",
    [
        "/users/bob/sources/reports/backups",
        "/users/alice/sources/other/backups",
        "/users/alice",
        "/runs",
        "/",
        "/users/alice%2Fsources%2Freports%2F..%2F..%2Fbob/backups",
    ],
)
def test_a_caller_outside_of_his_own_paths_gets_403(stack: Stack, path: str) -> None:
    """From the gateway: the function is not called. Without a signature nobody gets anything."""
    assert stack.ask("GET", path).status_code in {403, 404}
    if "%2F" not in path:
        assert stack.ask("GET", path).status_code == 403
    assert requests.get(f"{stack.gateway.url}{path}", timeout=60).status_code == 403
    assert stack.ask("GET", f"{OWN}/backups").status_code == 200


def test_the_function_was_let_do_all_that_it_tried(stack: Stack) -> None:
    """Its role has the rights of the contract, and nothing in its log says that one was missing."""
    lines = [json.loads(line) for line in stack.plane.log("api") if line.startswith("{")]
    assert {line["route"] for line in lines if "route" in line} >= {"list_backups", "search_files", "start_restore"}
    assert [line for line in lines if line.get("level") == "ERROR"] == []


# ------------------------------------------------------------------------------------------- schemathesis


def _schema() -> Any:  # noqa: ANN401 - schemathesis has no type for it that is exported
    # Signatures are none of its business: it cannot make any, and other tests see to them.
    described = {name: part for name, part in document().items() if name != "security"}
    schema = schemathesis.openapi.from_dict(described)
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return schema


SCHEMA = _schema()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_schemathesis_finds_nothing(stack: Stack, route: Route, mode: GenerationMode) -> None:
    """Answers are as the document says, good data is taken, bad data is refused, nothing is a server's error."""
    operation = SCHEMA[route.path][route.method]
    known = {"user": USER, "source": SOURCE, "backup": stack.backup, "run": stack.run}
    examples = settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @examples
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def check(case: Any, there: bool) -> None:  # noqa: ANN401, FBT001 - a case of schemathesis
        if mode is GenerationMode.POSITIVE:
            # No schema says which cursor belongs to a list, and few names that are made up exist.
            case.query = {name: value for name, value in (case.query or {}).items() if name != "cursor"}
            if there:
                case.path_parameters = {**(case.path_parameters or {}), **_present(route, known)}
        case.call_and_validate(base_url=stack.gateway.url, auth=Signed(ADMIN), timeout=60)

    check()


def _present(route: Route, known: dict[str, str]) -> dict[str, str]:
    return {name: known[name] for name in route.takes.model_fields if name in known}
