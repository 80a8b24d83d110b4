"""Restores, backups and runs that are asked for: once for each token, and never beyond the user's own."""

from __future__ import annotations

from typing import Any

import pytest

from functions.contract.states import RestoreState, RunState
from functions.engine.orchestration.ports import Work
from functions.engine.orchestration.restore_requests import RestoreRequest, read_event
from functions.engine.orchestration.runs import parse_start
from tests.api.kit import ALICE, BOB, FOREVER, Site

RESTORES, BACKUPS = f"{ALICE}/restores", f"{ALICE}/backups"


def _backed_up(site: Site) -> str:
    site.put("clients/alice/a.pdf")
    return site.back_up("alice")


def _opened(site: Site, **changes: Any) -> Work:  # noqa: ANN401 - fields of a work
    """Do what the restore function does with the last request."""
    name, facts = site.asked[-1]
    request = read_event(facts, ("acme-restored", "acme-second"))
    assert name == "restore"
    assert isinstance(request, RestoreRequest)
    given: dict[str, Any] = {
        "id": str(request.request_id),
        "status": RestoreState.REQUESTED.value,
        "started": site.now,
        "facts": {"request": request.facts()},
    }
    return site.restores.open(Work(**{**given, **changes}), FOREVER)


def test_a_restore_goes_to_the_restore_function_below_the_user_s_own_prefix(site: Site) -> None:
    """Whatever folder is asked for, another user's files cannot be reached by it: S3 folds no dots."""
    backup = _backed_up(site)
    body = {"client_token": "t", "at": backup, "patterns": ["*.pdf"], "folder": "../../bob/", "conflict": "rename"}
    answer = site.call("POST", RESTORES, body=body)
    assert (answer.status, answer.document["state"]) == (202, "REQUESTED")
    (asked,) = site.asked
    assert asked[1] == {
        "source": "reports",
        "users": ["alice"],
        "backup_id": backup,
        "patterns": ["*.pdf"],
        "destination_bucket": "acme-restored",
        "destination_prefix": "restored/reports/alice/../../bob/",
        "conflict": "rename",
        "dry_run": False,
        "thaw_tier": "Standard",
        "request_id": answer.document["restore_id"],
    }


def test_a_restore_that_is_asked_for_again_is_the_same(site: Site) -> None:
    """Before the function has seen it, the request goes out again under the same id; afterwards it does not."""
    _backed_up(site)
    body = {"client_token": "t", "dry_run": True}
    first = site.call("POST", RESTORES, body=body).document
    assert site.call("POST", RESTORES, body=body).document == first
    assert len(site.asked) == 2
    assert site.asked[0] == site.asked[1]
    _opened(site)
    assert site.call("POST", RESTORES, body=body).document == first
    assert len(site.asked) == 2
    assert site.call("POST", RESTORES, body={**body, "dry_run": False}).code == "TOKEN_REUSED"
    site.put("clients/bob/b.pdf")
    site.back_up("bob")
    assert site.call("POST", f"{BOB}/restores", body=body).document["restore_id"] != first["restore_id"]


def test_a_restore_is_followed_by_its_user_only(site: Site) -> None:
    """State, files, estimate; of what went wrong the code alone."""
    _backed_up(site)
    restore_id = site.call("POST", RESTORES, body={"client_token": "t", "at": "2026-12-24T00:00:00+01:00"}).document[
        "restore_id"
    ]
    path = f"{RESTORES}/{restore_id}"
    assert site.call("GET", path).code == "NOT_FOUND"
    work = _opened(site)
    found = site.get(path)
    assert (found["state"], found["as_of"], found["bucket"]) == ("REQUESTED", "2026-12-23T23:00:00Z", "acme-restored")
    assert (found["estimate"], found["ended"], found["tasks"]) == (None, None, {"expected": None, "done": 0})
    facts = {**work.facts, "error": "ACCESS_DENIED: s3:GetObject on arn:aws:s3:::secret is denied"}
    site.restores.change(work.id, [work.status], RestoreState.FAILED.value, facts)
    assert (site.get(path)["error_code"], "secret" in str(site.get(path))) == ("ACCESS_DENIED", False)
    assert site.call("GET", f"{BOB}/restores/{restore_id}").code == "NOT_FOUND"
    assert [item["restore_id"] for item in site.get(RESTORES)["restores"]] == [restore_id]
    assert site.get(f"{BOB}/restores")["restores"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"bucket": "somebody-elses"}, "NOT_FOUND"),
        ({"at": "20261120T020000Z-ffffffff"}, "BACKUP_NOT_FOUND"),
        ({"at": "2001-01-01T00:00:00Z"}, "BACKUP_NOT_FOUND"),
        ({"at": "yesterday"}, "INPUT_INVALID"),
        ({"patterns": ["x"] * 101}, "INPUT_INVALID"),
        ({"patterns": [""]}, "INPUT_INVALID"),
        ({"dry_run": "yes"}, "INPUT_INVALID"),
        ({"users": ["bob"]}, "INPUT_INVALID"),
        ({"client_token": "a b"}, "INPUT_INVALID"),
        ({"folder": "\ud800"}, "INPUT_INVALID"),
        ({"folder": "\u00e9" * 201}, "INPUT_INVALID"),
    ],
)
def test_a_restore_that_cannot_be_done_is_refused_before_anybody_is_asked(
    site: Site, body: dict[str, object], code: str
) -> None:
    """With a code, and nothing goes out."""
    _backed_up(site)
    answer = site.call("POST", RESTORES, body={"client_token": "t", **body})
    assert (answer.code, site.asked) == (code, [])
    assert answer.document["error"]["remedy"]


def test_a_backup_is_asked_for_under_the_name_of_the_user_alone(site: Site) -> None:
    """In an event that the initiator takes, with a token that it knows again."""
    answer = site.call("POST", BACKUPS, body={"client_token": "t"})
    assert (answer.status, answer.document) == (202, {"client_token": "t", "run_id": None, "state": None})
    ((name, facts),) = site.asked
    request = parse_start(facts, ["reports"])
    assert (name, request.users, request.source, request.type.value) == ("run", ("alice",), "reports", "MANUAL")
    assert request.token_of("another") == request.token
    site.call("POST", f"{BOB}/backups", body={"client_token": "t"})
    assert parse_start(site.asked[1][1], ["reports"]).token != request.token
    site.call("POST", "/users/@root/sources/reports/backups", body={"client_token": "t"})
    assert parse_start(site.asked[2][1], ["reports"]).users == ("",)


def test_a_run_that_is_there_is_given_to_whoever_asks_again(site: Site) -> None:
    """However it stands; the same token for something else is refused."""
    body = {"source": "reports", "type": "FULL", "users": ["b", "a"], "client_token": "t"}
    site.call("POST", "/runs", body=body)
    token = parse_start(site.asked[0][1], ["reports"]).token
    run = site.run(RunState.RUNNING, type="FULL", users=["b", "a"], token=token)
    again = site.call("POST", "/runs", body=body)
    assert (again.status, again.document) == (202, {"client_token": "t", "run_id": run, "state": "RUNNING"})
    assert len(site.asked) == 1
    assert site.call("POST", "/runs", body={**body, "users": []}).code == "TOKEN_REUSED"


def test_while_a_run_is_under_way_another_one_is_refused(site: Site) -> None:
    """The initiator would skip it, and the caller would not hear of it. One that nobody works on hinders nobody."""
    run = site.run(RunState.RUNNING)
    answer = site.call("POST", BACKUPS, body={"client_token": "t"})
    assert (answer.status, answer.code, site.asked) == (409, "SOURCE_BUSY", [])
    assert run in answer.document["error"]["message"]
    site.runs.change(run, [RunState.RUNNING], RunState.COMPLETED)
    site.run(RunState.DISPATCHING, expected=None, error="STORE_UNAVAILABLE: x")
    assert site.call("POST", BACKUPS, body={"client_token": "t"}).status == 202


def test_what_other_functions_are_asked_for_is_said_by_paths_of_known_sources_only(site: Site) -> None:
    """404 else."""
    for path, body in (
        ("/users/alice/sources/other/backups", {"client_token": "t"}),
        ("/users/alice/sources/other/restores", {"client_token": "t"}),
        ("/runs", {"source": "other", "client_token": "t"}),
    ):
        assert site.call("POST", path, body=body).code == "NOT_FOUND"
    assert site.asked == []
