"""What judges a sandbox: a lost byte, a right that nobody explains, a figure for 1 TB."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.nights import record
from sandbox.nights.record import Night, NoNightsError
from sandbox.nights.witness import Seen, Witness, differences, of_user, total
from sandbox.restores.in_place import most_changed
from sandbox.restores.timing import Timing, minutes_on_aws, of_a_terabyte
from sandbox.rights.decisions import Decision
from sandbox.rights.granted import Grant, Use, _covers
from sandbox.rights.report import explain
from sandbox.rights.unused import Reason

HELD: Witness = {
    "clients/a/1": Seen(3, "f00", {"content-type": "text/plain", "tag class": "internal"}),
    "clients/a/2": Seen(4, "ba5", {}),
    "clients/b/1": Seen(5, "b01", {}),
}
GRANT = Grant("worker", "JobQueue", "sqs:SendMessage", ("arn:aws:sqs:here:1:jobs",))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (HELD, []),
        ({key: seen for key, seen in HELD.items() if key != "clients/a/2"}, ["'clients/a/2' is missing"]),
        ({**HELD, "x": Seen(0, "e3b", {})}, ["'x' should not be there"]),
        (
            {**HELD, "clients/b/1": Seen(5, "b02", {})},
            ["'clients/b/1': the bytes differ: 5 instead of 5, or others"],
        ),
        (
            {**HELD, "clients/a/1": Seen(3, "f00", {"content-type": "text/plain", "x-amz-meta-a": "1"})},
            [
                "'clients/a/1': tag class is None instead of 'internal'",
                "'clients/a/1': x-amz-meta-a is '1' instead of None",
            ],
        ),
    ],
)
def test_every_difference_is_named(found: Witness, said: list[str]) -> None:
    """Keys, bytes, headers, metadata and tags, in both directions."""
    assert list(differences(HELD, found)) == said


def test_the_user_with_the_most_changes_goes_back_to_the_first_night() -> None:
    """Additions, deletions and changes count alike; among equals the name decides."""
    later = {"clients/a/1": HELD["clients/a/1"], "clients/b/1": Seen(9, "new", {}), "clients/b/2": Seen(1, "x", {})}
    assert most_changed(HELD, later, "clients/") == "b"
    assert most_changed(HELD, HELD, "clients/") == "a"
    assert (len(of_user(HELD, "clients/a/")), total(HELD)) == (2, 12)


def test_nights_are_remembered(tmp_path: Path) -> None:
    """As they were; and who asks too early is told what to do."""
    with pytest.raises(NoNightsError, match="sandbox run"):
        record.read(tmp_path)
    nights = [Night("first", datetime(2026, 11, 20, 2, tzinfo=UTC), HELD)]
    record.write(tmp_path, nights)
    assert record.read(tmp_path) == nights


@pytest.mark.parametrize(
    ("calls", "never", "seldom", "faults"),
    [
        (1, [], [], []),
        (0, [], [], ["is never used, and .* does not say why: worker: sqs:SendMessage on JobQueue"]),
        (0, ["sqs:*"], [], []),
        (1, ["sqs:*"], [], ["is used, although .* says it never is: worker: sqs:SendMessage on JobQueue"]),
        (0, [], ["sqs:*"], []),
        (1, [], ["sqs:*"], []),
        (1, ["sqs:ReceiveMessage"], [], ["explains what nobody was granted: sqs:ReceiveMessage"]),
        (1, [], ["kms:*"], ["explains what nobody was granted: kms:"]),
    ],
)
def test_a_right_is_used_or_explained_and_no_explanation_is_stale(
    calls: int, never: list[str], seldom: list[str], faults: list[str]
) -> None:
    """Each in its list: what cannot be used here, and what is used in trouble only."""
    reasons = [[Reason("so it is", action) for action in actions] for actions in (never, seldom)]
    explained, found = explain([Use(GRANT, calls)], *reasons)
    assert len(found) == len(faults)
    for text, wanted in zip(found, faults, strict=True):
        assert re.search(wanted, text)
    assert bool(explained) == (calls == 0 and not faults)


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        ("arn:aws:s3:::b", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b/clients/*", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/clients/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/*", False),
        ("arn:aws:dynamodb:r:1:table/runs", "arn:aws:dynamodb:r:1:table/runs/index/S", False),
        ("arn:aws:dynamodb:r:1:table/*", "arn:aws:dynamodb:r:1:table/runs", True),
    ],
)
def test_a_call_uses_the_grant_of_its_resource(granted: str, asked: str, covered: bool) -> None:  # noqa: FBT001 - a case
    """And no other one."""
    decision = Decision("arn:aws:sts::1:assumed-role/r/f", "a:B", asked, allowed=True, calls=1)
    assert _covers(Grant("f", "p", "a:B", (granted,)), decision) is covered


def test_a_terabyte_is_worked_out_in_plain_sight() -> None:
    """100 MB in 10 s is 28 h for 1 TB; on AWS the function's own estimate counts, far below the promise."""
    said = of_a_terabyte(Timing("everybody", 10.0, 1_000, 100_000_000))
    assert "(10,000,000 of 100.0 KB each): 27.8 h at the rate of this machine, taken times 10,000" in said
    assert f"{minutes_on_aws(10_000_000):.0f} minutes by 50 workers" in said
    assert 1 < minutes_on_aws(10_000_000) < 120
