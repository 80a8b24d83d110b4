"""What comes over HTTP: paths, methods, bodies and troubles. Whatever it is, it is answered, and tells nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.engine.errors import AccessError, UnavailableError
from functions.runtime.api_errors import ApiError
from functions.runtime.api_http import BODY_BYTES, read_request
from functions.runtime.api_routes import ROUTES, Route
from tests.api.kit import ALICE, Site, event


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "ROUTE_UNKNOWN"),
        ("GET", "", 404, "ROUTE_UNKNOWN"),
        ("GET", "/runs/", 400, "INPUT_INVALID"),
        ("GET", "//runs", 404, "ROUTE_UNKNOWN"),
        ("GET", "/users/alice/../bob/sources/reports/backups", 404, "ROUTE_UNKNOWN"),
        ("GET", "/users/alice%2F../sources/reports/backups/x/y/z", 404, "ROUTE_UNKNOWN"),
        ("GET", "/users//sources/reports/backups", 400, "INPUT_INVALID"),
        ("GET", "/users/alice/sources/a b/backups", 400, "INPUT_INVALID"),
        ("GET", f"/users/{'x' * 901}/sources/reports/backups", 400, "INPUT_INVALID"),
        ("GET", f"/users/{chr(0x20AC) * 300}/sources/reports/backups", 404, "NOT_FOUND"),
        ("DELETE", "/runs", 405, "METHOD_NOT_ALLOWED"),
        ("HEAD", f"{ALICE}/files", 405, "METHOD_NOT_ALLOWED"),
        ("GET", f"{ALICE}/backups/20261120T020000Z-1f3a9c2\u0660", 400, "INPUT_INVALID"),
    ],
)
def test_paths_are_taken_as_they_stand(site: Site, method: str, path: str, status: int, code: str) -> None:
    """Nothing is folded, and what leads nowhere is 404."""
    answer = site.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    if status == 405:
        assert answer.headers["allow"] in {"GET", "POST", "GET, POST"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1&limit=2",
        "limit=",
        "until=now",
        "until=2026-13-01T00:00:00Z",
        "state=LOST",
        "unknown=1",
        "cursor=%FF",
        "%ff=1",
        "&".join(f"a{number}=" for number in range(60)),
    ],
)
def test_queries_are_checked(site: Site, query: str) -> None:
    """400, and the parameter is named."""
    assert site.call("GET", "/runs", query).status == 400


def test_a_cursor_opens_the_list_that_it_is_of_and_no_other(site: Site) -> None:
    """Not with other conditions, not of another user, not when it is made up."""
    site.run()
    site.run()
    cursor = site.get("/runs", limit=1)["next_cursor"]
    assert site.get("/runs", cursor=cursor)["next_cursor"] is None
    for path, query in (("/runs", {"source": "reports"}), (f"{ALICE}/backups", {}), (f"{ALICE}/files", {})):
        assert site.call("GET", path, {**query, "cursor": cursor}).code == "CURSOR_INVALID"
    for made_up in ("", "x", "W10", "\u00e9", cursor[:-4], base64.urlsafe_b64encode(b"[" * 1_500).decode()):
        assert site.call("GET", "/runs", {"cursor": made_up}).code == "CURSOR_INVALID"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": ""}, "INPUT_INVALID"),
        ({"body": "{"}, "INPUT_INVALID"),
        ({"body": "[]"}, "INPUT_INVALID"),
        ({"body": "nul\x00"}, "INPUT_INVALID"),
        ({"body": "[" * 5_000}, "INPUT_INVALID"),
        ({"body": "*", "isBase64Encoded": True}, "INPUT_INVALID"),
        ({"body": base64.b64encode(b"\xff{").decode(), "isBase64Encoded": True}, "INPUT_INVALID"),
        ({"headers": {"content-type": "text/plain"}}, "MEDIA_TYPE_UNSUPPORTED"),
        ({"headers": {}}, "MEDIA_TYPE_UNSUPPORTED"),
        ({"body": " " * (BODY_BYTES + 1)}, "BODY_TOO_LARGE"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(site: Site, changes: dict[str, Any], code: str) -> None:
    """Nobody is asked to do anything."""
    asked = {**event("POST", "/runs", body={"source": "reports", "client_token": "t"}), **changes}
    reply = site.router.answer(asked, lambda: 29.0)
    assert (json.loads(reply.text)["error"]["code"], site.asked) == (code, [])


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AccessError("s3:GetObject on arn:aws:s3:::secret is denied"), 500, "INTERNAL"),
        (UnavailableError("secret did not answer"), 503, "STORE_UNAVAILABLE"),
        (RuntimeError("/var/task/secret.py"), 500, "INTERNAL"),
        (KeyError("secret"), 500, "INTERNAL"),
    ],
)
def test_troubles_of_ours_are_logged_and_not_told(site: Site, error: Exception, status: int, code: str) -> None:
    """The caller gets the request's id, by which the line is found."""

    def fail(*_: object) -> None:
        raise error

    object.__setattr__(site.router.ports, "history", type("Broken", (), {"latest": fail})())
    answer = site.call("GET", f"{ALICE}/backups")
    assert (answer.status, answer.code) == (status, code)
    assert "secret" not in json.dumps(answer.document)
    assert answer.document["error"]["request_id"] == "request-1"
    line = site.log.getvalue()
    assert "request-1" in line
    assert "secret" in line


def test_a_percent_sign_that_the_gateway_left_is_one() -> None:
    """API Gateway decodes all but `%25`."""
    assert read_request(event("GET", "/users/50%25 off")).parts == ("users", "50% off")


def test_no_two_routes_answer_the_same_and_all_names_differ() -> None:
    """A path is found by one route, whatever stands in the place of names."""
    shapes = [(route.method, tuple(part if part[:1] != "{" else "*" for part in route.parts)) for route in ROUTES]
    assert len(set(shapes)) == len({route.name for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        assert set(route.takes.model_fields) == set(route.match(route.parts) or ())
        assert all(issubclass(error, ApiError) for error in route.all_troubles())


TEXT = st.text(max_size=40)
NAMES = TEXT | st.sampled_from(["reports", "alice", "@root", "20261120T020000Z-1f3a9c20"])
QUERIES = TEXT | st.sampled_from(["limit", "cursor", "since", "until", "prefix", "contains", "state"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | TEXT, lambda some: st.lists(some) | st.dictionaries(TEXT, some)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ROUTES), st.lists(NAMES, min_size=4, max_size=4), st.dictionaries(QUERIES, TEXT), JSON)
def test_nothing_that_comes_makes_it_fail(
    site: Site,
    route: Route,
    names: list[str],
    query: dict[str, str],
    body: object,
) -> None:
    """Any text in any place: below 500, and always a document."""
    parts = iter(names)
    path = "/" + "/".join(next(parts) if part.startswith("{") else part for part in route.parts)
    answer = site.call(route.method, path, query, body if route.method == "POST" else None)
    assert answer.status < 500, answer
    assert answer.status == 200 or answer.document["error"]["code"]
