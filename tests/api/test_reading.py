"""Lists of runs, backups and files: order, pages, conditions, and whose they are."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from functions.contract.states import RunState
from functions.runtime.api_files import RESERVE_S
from tests.api.kit import ALICE, BOB, FOREVER, START, Site

FILES = [f"clients/alice/{name}" for name in ("a.pdf", "b.txt", "deep/c.pdf", "zo\u00eb & co.pdf")]


def _three_backups(site: Site) -> list[str]:
    for key in FILES:
        site.put(key)
    site.put("clients/bob/secret.pdf")
    first = site.back_up("alice")
    site.back_up("bob")
    site.put(FILES[0], "changed")
    second = site.back_up("alice")
    site.delete(FILES[1])
    return [first, second, site.back_up("alice")]


def test_backups_come_newest_first_with_those_that_failed_and_only_the_user_s(site: Site) -> None:
    """Why one failed is told by its code: a message may name what is none of a user's business."""
    made = _three_backups(site)
    failed = site.fail("alice")
    found = site.get(f"{ALICE}/backups")["backups"]
    assert [item["backup_id"] for item in found] == [failed, *reversed(made)]
    assert [item["state"] for item in found] == ["FAILED", "COMPLETED", "COMPLETED", "COMPLETED"]
    assert (found[0]["error_code"], found[-1]["error_code"]) == ("STORE_UNAVAILABLE", None)
    assert "secret" not in str(found)
    assert (found[-1]["files"], found[-1]["type"]) == (4, "INCREMENTAL")
    assert len(site.get(f"{BOB}/backups")["backups"]) == 1
    assert site.get("/users/nobody/sources/reports/backups") == {"backups": [], "next_cursor": None}


def test_backups_come_page_by_page_and_by_time_and_state(site: Site) -> None:
    """Pages hold what one list would, whatever their size; times bound them on both sides, ends included."""
    made = _three_backups(site)
    site.fail("alice")
    whole = site.get(f"{ALICE}/backups")["backups"]
    for limit in (1, 2, 3, 4):
        assert site.pages(f"{ALICE}/backups", "backups", limit=limit) == whole
    second = site.get(f"{ALICE}/backups/{made[1]}")["started"]
    chosen = site.get(f"{ALICE}/backups", since=second, until=second)["backups"]
    assert [item["backup_id"] for item in chosen] == [made[1]]
    assert site.get(f"{ALICE}/backups", until="0001-01-01T00:00:00Z")["backups"] == []
    assert len(site.get(f"{ALICE}/backups", state="FAILED")["backups"]) == 1


def test_what_was_let_go_is_offered_to_nobody(site: Site) -> None:
    """Neither in the list, nor by its name, nor by its files."""
    site.put(FILES[0])
    backup = site.back_up("alice")
    table = site.catalog._table
    key = {"backupId": {"S": f"reports/alice/{backup}"}, "timestamp": {"S": f"{site.now:%Y-%m-%dT%H:%M:%SZ}"}}
    table.calls.call(
        "dynamodb:UpdateItem",
        lambda client: client.update_item(
            TableName=table.name,
            Key=key,
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":s": {"S": "EXPIRED"}},
        ),
    )
    assert site.get(f"{ALICE}/backups")["backups"] == []
    for path in (f"{ALICE}/backups/{backup}", f"{ALICE}/backups/{backup}/files"):
        assert site.call("GET", path).code == "BACKUP_NOT_FOUND"


def test_the_files_of_a_backup_by_beginning_part_and_time(site: Site) -> None:
    """In the order of their keys, as they were then."""
    made = _three_backups(site)
    path = f"{ALICE}/backups/{made[0]}/files"
    assert [item["key"] for item in site.get(path)["files"]] == FILES
    assert [item["key"] for item in site.pages(path, "files", limit=1)] == FILES
    assert [item["key"] for item in site.get(path, contains=".pdf")["files"]] == [FILES[0], *FILES[2:]]
    assert [item["key"] for item in site.get(path, prefix="clients/alice/d")["files"]] == [FILES[2]]
    assert [item["key"] for item in site.get(path, prefix="clients/alice/", contains="zo\u00eb &")["files"]] == FILES[
        3:
    ]
    assert site.get(path, contains="*")["files"] == []
    assert site.get(path, modified_until="2001-01-01T00:00:00Z")["files"] == []
    assert len(site.get(path, modified_since="2001-01-01T00:00:00Z")["files"]) == 4


def test_a_search_gives_each_version_once_by_the_newest_backup_that_holds_it(site: Site) -> None:
    """What is gone is found in the backup that last held it, and nobody else's is found."""
    first, second, third = _three_backups(site)
    found = {(item["key"], item["backup_id"]) for item in site.get(f"{ALICE}/files")["files"]}
    assert found == {(key, third) for key in FILES if key != FILES[1]} | {(FILES[1], second), (FILES[0], first)}
    whole = site.get(f"{ALICE}/files")["files"]
    for limit in (1, 2, 3):
        assert site.pages(f"{ALICE}/files", "files", limit=limit) == whole
    until = site.get(f"{ALICE}/backups/{second}")["started"]
    assert {item["backup_id"] for item in site.get(f"{ALICE}/files", until=until)["files"]} == {first, second}
    assert site.get(f"{ALICE}/files", contains="secret")["files"] == []


def test_a_search_that_runs_out_of_time_goes_on_where_it_was(site: Site) -> None:
    """Each request looks at one line: pages are short or empty, and together they hold everything."""
    _three_backups(site)
    whole = site.get(f"{ALICE}/files", contains="pdf")["files"]
    site.seconds_left = lambda: RESERVE_S - 1
    pages, requests = [], count()
    cursor: dict[str, str] | None = {}
    while cursor is not None and next(requests) < 30:
        answer = site.get(f"{ALICE}/files", contains="pdf", **cursor)
        pages += answer["files"]
        cursor = {"cursor": answer["next_cursor"]} if answer["next_cursor"] else None
    assert cursor is None
    assert pages == whole


def test_runs_come_newest_first_by_source_state_and_time(site: Site) -> None:
    """Of the last week, unless somebody asks for more."""
    old = site.run()
    site.now += timedelta(days=8)
    made = [site.run(status) for status in (RunState.COMPLETED, RunState.FAILED, RunState.RUNNING)]
    found = site.get("/runs")["runs"]
    assert [item["run_id"] for item in found] == list(reversed(made))
    assert found[0]["users"] == {"expected": 2, "done": 1, "completed": 1, "partial": 0, "failed": 0}
    assert site.pages("/runs", "runs", limit=1) == found
    assert [item["run_id"] for item in site.get("/runs", since=f"{START:%Y-%m-%dT%H:%M:%SZ}")["runs"]][-1] == old
    assert [item["state"] for item in site.get("/runs", state="FAILED")["runs"]] == ["FAILED"]
    assert site.get("/runs", source="other")["runs"] == []
    assert site.get("/runs", since="2027-01-01T00:00:00Z", until="2026-01-01T00:00:00Z")["runs"] == []
    assert site.get(f"/runs/{old}")["run_id"] == old
    assert site.call("GET", "/runs/20261120T020000Z-ffffffff").status == 404


def test_runs_of_one_second_are_given_once_each(site: Site) -> None:
    """Equals in time are told apart by their ids, on whatever page they fall."""
    site.now += timedelta(days=1)
    moment, made = site.now, []
    for _ in range(7):
        site.now = moment
        made.append(site.run())
    found = [item["run_id"] for item in site.pages("/runs", "runs", limit=2)]
    assert found == sorted(made, reverse=True)
    assert site.now < FOREVER
