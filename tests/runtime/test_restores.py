"""From the request to the report: plans, states, dry runs, continuations, polls, and what may go wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from functions.adapters.faults import CrashPoint, Failures, Faults, Moment, SimulatedCrash
from functions.contract.object_keys import PACKS
from functions.engine.errors import ConfigurationError, NotFoundError, UnavailableError
from functions.engine.model import Properties
from functions.engine.orchestration.restore_choice import PAGE
from functions.runtime.restores import RESEND_AFTER
from tests.engine.kit import commit_of, manifest_of
from tests.runtime.restore_kit import ID, Recovery, contents, filled, little_after, plan_of
from tests.strategies import noise

# ------------------------------------------------------------------------------------------ what is asked


def test_everything_comes_back_and_people_are_told() -> None:
    """Planned and finished: two notices, and an answer that says how it went."""
    recovery = filled()
    restore_id = recovery.request(destination_prefix="again/")["restore_id"]
    assert recovery.ask({"restore_id": restore_id})["status"] == "RUNNING"
    recovery.work()
    told = recovery.ask({"restore_id": restore_id})
    assert contents(recovery) == {f"again/{key}": data for key, data in recovery.world.content().items()}
    assert told["status"] == "COMPLETED"
    assert told["files"] == {"restored": 15, "skipped": 0, "failed": 0}
    assert told["tasks"]["done"] == told["tasks"]["expected"] == 6
    assert [notice.subject for notice in recovery.notifier.sent] == [
        "Restore planned: reports, 15 files",
        "Restore finished: reports, 15 files",
    ]


def test_a_dry_run_says_what_it_would_take_and_changes_nothing() -> None:
    """Not even later: a poll leaves it alone."""
    recovery = filled()
    told = recovery.request(dry_run=True, request_id=ID)
    recovery.clock.pass_by(days=1)
    recovery.ask({"poll": True})
    assert told["status"] == recovery.ledger.get(ID).status == "PLANNED"
    assert (told["estimate"]["files"], told["estimate"]["bytes"], told["estimate"]["tasks"]) == (15, 300_000, 6)
    assert told["estimate"]["requests"]["PUT"] == 15
    assert told["estimate"]["usd"] > 0
    assert (recovery.queue.sent, recovery.notifier.sent, recovery.bucket.files) == ([], [], {})


@pytest.mark.parametrize("same", [{"request_id": ID}, {}])
def test_the_same_request_twice_is_one_restore(same: dict[str, str]) -> None:
    """By its request id, or by Lambda's when it repeats an event by itself."""
    recovery = filled()
    event = recovery.event(**same)
    first = recovery.ask(event, owner="lambda-1")
    again = recovery.ask(event, owner="lambda-1" if not same else "lambda-2")
    assert first["restore_id"] == again["restore_id"] == (ID if same else "lambda-1")
    assert len(recovery.queue.sent) == 6
    assert len(recovery.notifier.sent) == 1


def test_a_request_id_is_not_used_for_two_requests() -> None:
    """The second one would silently get the first one's files."""
    recovery = filled()
    recovery.request(request_id=ID)
    with pytest.raises(ConfigurationError, match="was used for another request"):
        recovery.request(request_id=ID, users=["user1"])


def test_a_time_an_id_and_patterns_choose() -> None:
    """The backup at a time, one backup by its id, and only some keys of it."""
    recovery = filled(users=1)
    first = recovery.world.repository.newest("reports")["user0"].backup_id
    recovery.world.source.put("user0/0", b"changed later")
    recovery.world.back_up("user0")
    recovery.finished(as_of="2026-11-20T02:00:01Z", destination_prefix="time/", patterns=["*/0", "user0/[34]"])
    recovery.finished(backup_id=first, users=["user0"], destination_prefix="id/", patterns=["*/0"])
    recovery.finished(destination_prefix="newest/", patterns=["*/0"])
    found = contents(recovery)
    assert set(found) == {"time/user0/0", "time/user0/3", "time/user0/4", "id/user0/0", "newest/user0/0"}
    assert found["time/user0/0"] == found["id/user0/0"] == noise((0, 0), 20_000)
    assert found["newest/user0/0"] == b"changed later"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"users": ["user1", "typo", "nobody"]}, "'typo', 'nobody' of source 'reports' have no backup"),
        ({"users": ["user1"], "as_of": "2026-11-19T00:00:00Z"}, "no backup at 2026-11-19"),
        ({"users": ["user1"], "backup_id": "20260101T000000Z-00000000"}, "no backup 20260101T000000Z-00000000"),
        ({"source": "unknown"}, "source 'unknown' has no backup"),
        ({"patterns": ["no/such/*"]}, "no file of the chosen backups is wanted"),
    ],
)
def test_what_names_nothing_fails_and_says_so(event: dict[str, object], reason: str) -> None:
    """Before anything is written, for everybody who asked."""
    recovery = filled()
    told = recovery.request(**event)
    assert told["status"] == "FAILED"
    assert reason in told["error"]
    assert recovery.queue.sent == []
    assert [notice.subject for notice in recovery.notifier.sent] == [f"Restore FAILED: {told['request']['source']}"]
    recovery.ask({"poll": True})
    assert len(recovery.notifier.sent) == 1


def test_a_bucket_that_is_not_allowed_is_refused() -> None:
    """With all that is wrong, and before anything is kept."""
    recovery = filled()
    with pytest.raises(ConfigurationError, match="destination_bucket is 'elsewhere', must be one of restored, other"):
        recovery.request(destination_bucket="elsewhere", request_id=ID)
    with pytest.raises(NotFoundError):
        recovery.ask({"restore_id": ID})


# --------------------------------------------------------------------------------------- what is damaged


def test_a_file_too_large_for_an_invocation_is_named_and_the_rest_restored() -> None:
    """With the remedy: the operator's tool has all the time."""
    recovery = filled(users=1)
    recovery.world.source.put("user0/2a-huge", noise("huge", 2_100_000))
    recovery.world.back_up("user0")
    told = recovery.request(request_id=ID)
    assert "'user0/2a-huge' of user 'user0'" in told["estimate"]["too_large_files"][0]
    assert "strongroom restore" in told["estimate"]["too_large_files"][0]
    recovery.work()
    assert recovery.ledger.get(ID).status == "PARTIAL"
    assert set(contents(recovery)) == {f"user0/{number}" for number in range(5)}
    assert "user0/2a-huge" in recovery.notifier.sent[-1].body
    assert "Not restored: 1" in recovery.notifier.sent[-1].body


def test_a_restore_of_nothing_but_what_is_too_large_fails() -> None:
    """There is no task whose end could close it."""
    recovery = filled(users=1)
    recovery.world.source.put("user0/2a-huge", noise("huge", 2_100_000))
    recovery.world.back_up("user0")
    told = recovery.request(patterns=["*/2a-huge"])
    assert told["status"] == "FAILED"
    assert recovery.notifier.sent[-1].subject == "Restore FAILED: reports, 0 files"


@pytest.mark.parametrize("damage", ["commit", "manifest", "pack"])
def test_what_is_damaged_is_named_and_the_rest_restored(damage: str) -> None:
    """A commit record, a manifest, a pack: each costs what it holds and no more."""
    recovery = filled()
    result = recovery.world.back_up("user1")
    blobs = recovery.world.store.blobs
    if damage == "pack":
        pack = next(ref.pack for entry in recovery.world.entries(result).values() for ref in entry.chunks)
        del blobs[f"{PACKS}{pack[:2]}/{pack}"]
    else:
        key = commit_of(result) if damage == "commit" else manifest_of(result)
        blobs[key] = blobs[key][:-20]
    told = recovery.request(request_id=ID)
    assert told["estimate"]["damaged"] == (0 if damage == "pack" else 1)
    recovery.work()
    told = recovery.ask({"restore_id": ID})
    assert told["status"] == "PARTIAL"
    assert "user1" in told["troubles"][0]
    assert {"commit": "COMMIT_CORRUPT", "manifest": "MANIFEST_CORRUPT", "pack": "PACK_MISSING"}[damage] in str(
        told["troubles"]
    )
    whole = {key for key in recovery.world.content() if not key.startswith("user1/")}
    assert set(contents(recovery)) == whole


def test_what_the_backup_could_not_read_is_counted() -> None:
    """It cannot come back, and a person should know before."""
    recovery = filled(users=1)
    recovery.world.source.denied = {"user0/2"}
    recovery.world.source.put("user0/2", b"changed, and may not be read")
    recovery.world.back_up("user0")
    told = recovery.request(request_id=ID)
    assert (told["estimate"]["unreadable"], told["estimate"]["files"]) == (1, 4)
    recovery.work()
    assert recovery.ledger.get(ID).status == "COMPLETED"


def test_a_bucket_that_is_not_allowed_any_more_is_not_written_to() -> None:
    """The worker looks for itself."""
    recovery = filled(users=1)
    recovery.request(request_id=ID)
    recovery.buckets = ("other",)
    recovery.work()
    assert (recovery.ledger.get(ID).status, recovery.bucket.files) == ("FAILED", {})
    assert "may not be restored into" in recovery.notifier.sent[-1].body


def test_a_file_whose_new_name_is_too_long_does_not_keep_the_others_back() -> None:
    """S3 would refuse it, and with it the whole task."""
    recovery = filled(users=1)
    recovery.world.source.put("user0/" + "n" * 1_000, b"long")
    recovery.world.back_up("user0")
    work = recovery.finished(destination_prefix="a-long-prefix-that-leaves-no-room/")
    assert work.status == "PARTIAL"
    assert dict(work.counts) == {"restored": 5, "skipped": 0, "failed": 1, "bytes": 100_000}


# ------------------------------------------------------------------------------- interruptions in planning


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
@pytest.mark.parametrize("follower", ["lambda", "poll"])
def test_a_planner_may_die_at_any_call(moment: Moment, follower: str) -> None:
    """Lambda repeats the event, or a poll takes over: the tasks, the files and the counts are the same."""
    once = filled()
    once.request(request_id=ID)
    once.work()
    for number in count(1):
        recovery = filled()
        try:
            recovery.ask(recovery.event(request_id=ID), Faults(crash=CrashPoint("", number, moment)), owner="lambda-1")
        except SimulatedCrash:
            _follow(recovery, follower)
        else:
            assert number > 20
            break
        recovery.go_on()
        recovery.work()
        assert plan_of(recovery) == plan_of(once)
        assert recovery.ledger.get(ID).status == "COMPLETED", f"died at call {number}"
        assert recovery.ledger.get(ID).counts == once.ledger.get(ID).counts
        assert contents(recovery) == contents(once)


def _follow(recovery: Recovery, follower: str) -> None:
    """Let Lambda repeat the event; or let a poll take over, if the request was written down at all."""
    known = any(list(recovery.ledger.with_status(status)) for status in ("REQUESTED", "PLANNED", "RUNNING"))
    if follower == "poll" and known:
        recovery.clock.pass_by(minutes=20)
        recovery.ask({"poll": True})
    else:
        recovery.ask(recovery.event(request_id=ID), owner="lambda-1")


def test_planning_goes_on_by_itself_when_the_time_is_up() -> None:
    """Each invocation gets on, however little time it has, and the plan is that of one invocation."""
    once = filled(users=7)
    expected = once.request(request_id=ID)["estimate"]
    recovery = Recovery(world=once.world)
    recovery.left = 60.0
    told = recovery.request(request_id=ID)
    assert told["status"] == "REQUESTED"
    hops = recovery.go_on()
    told = recovery.ask({"restore_id": ID})
    assert hops >= 7
    assert told["status"] == "RUNNING"
    assert told["estimate"] == expected
    assert plan_of(recovery) == plan_of(once)
    recovery.work()
    assert contents(recovery) == recovery.world.content()


def test_planning_goes_on_in_the_middle_of_a_backup_and_of_many_pages() -> None:
    """A user with many segments, and more users than one page of the choice holds."""
    once = filled(users=PAGE + 3, files=1)
    once.world.safety = replace(once.world.safety, segment_entries=2)
    for number in range(11):
        once.world.source.put(f"user7/more{number:02d}", b"%d" % number)
    once.world.back_up("user7")
    expected = once.request(request_id=ID)["estimate"]
    recovery = Recovery(world=once.world)
    recovery.left = 60.0
    recovery.request(request_id=ID)
    assert recovery.go_on() > PAGE + 6
    assert recovery.ask({"restore_id": ID})["estimate"] == expected
    assert plan_of(recovery) == plan_of(once)
    recovery.work()
    assert contents(recovery) == recovery.world.content()


def test_only_one_invocation_plans_at_a_time() -> None:
    """A second one says how it stands, and leaves the work to the first."""
    recovery = filled()
    with pytest.raises(SimulatedCrash):
        recovery.ask(recovery.event(request_id=ID), Faults(crash=CrashPoint("ledger.seal", 1, Moment.BEFORE)))
    assert recovery.request(request_id=ID)["status"] == "REQUESTED"
    recovery.clock.pass_by(minutes=20)
    assert recovery.request(request_id=ID)["status"] == "RUNNING"


def test_a_poll_goes_on_where_a_chain_of_invocations_broke() -> None:
    """Lambda ends a function that starts itself too often in a row."""
    recovery = filled(users=7)
    recovery.left = 60.0
    recovery.request(request_id=ID)
    hops = 0
    while recovery.ledger.get(ID).status == "REQUESTED":
        recovery.invoked.clear()
        recovery.clock.pass_by(minutes=20)
        recovery.left = 121.0
        recovery.ask({"poll": True}, left=little_after(2))
        hops += 1
        assert hops < 20
    recovery.left = 900.0
    recovery.clock.pass_by(minutes=20)
    recovery.ask({"poll": True})
    recovery.work()
    assert contents(recovery) == recovery.world.content()


def test_a_backup_that_comes_while_the_restore_is_planned_changes_nothing() -> None:
    """All attempts at planning take the backups that the first one chose."""
    recovery = filled()
    recovery.left = 60.0
    recovery.request(request_id=ID)
    for user in range(3):
        recovery.world.source.put(f"user{user}/0", b"too late")
        recovery.world.back_up(f"user{user}")
    recovery.go_on()
    recovery.work()
    assert b"too late" not in contents(recovery).values()
    assert recovery.ledger.get(ID).counts["restored"] == 15


def test_a_store_that_does_not_answer_fails_the_invocation_not_the_restore() -> None:
    """Lambda or a poll tries again."""
    recovery = filled()
    failing = Faults(failures=Failures(1.0, calls=frozenset({"ledger.seal"})))
    with pytest.raises(UnavailableError):
        recovery.ask(recovery.event(request_id=ID), failing, owner="lambda-1")
    assert recovery.ledger.get(ID).status == "REQUESTED"
    recovery.ask(recovery.event(request_id=ID), owner="lambda-1")
    assert recovery.ledger.get(ID).status == "RUNNING"


# ---------------------------------------------------------------------------------------------- polling


def test_a_poll_closes_what_nobody_closed() -> None:
    """The last worker died before it could."""
    recovery = filled()
    recovery.request(request_id=ID)
    messages = recovery.messages()
    recovery.work(messages[:-1])
    assert not recovery.lives(messages[-1], Faults(crash=CrashPoint("ledger.finish", 1, Moment.AFTER)))
    assert recovery.ledger.get(ID).status == "RUNNING"
    recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "COMPLETED"


def test_what_somebody_closes_is_not_closed_by_another() -> None:
    """Until that one has had its time: then it has died."""
    recovery = filled()
    recovery.request(request_id=ID)
    messages = recovery.messages()
    recovery.work(messages[:-1])
    crash = Faults(crash=CrashPoint("ledger.begin_close", 1, Moment.AFTER))
    assert not recovery.lives(messages[-1], crash, recovery.delivery())
    now = recovery.clock()
    assert recovery.ledger.begin_close(ID, now, now + timedelta(minutes=2))
    recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "RUNNING"
    recovery.clock.pass_by(minutes=2)
    recovery.ask({"poll": True})
    assert recovery.ledger.get(ID).status == "COMPLETED"


def test_tasks_whose_messages_are_lost_are_sent_again_in_the_end() -> None:
    """A restore never hangs for ever; before that time nothing is sent twice."""
    recovery = filled()
    recovery.request(request_id=ID)
    messages = recovery.messages()
    recovery.work(messages[:4])
    recovery.ask({"poll": True})
    assert recovery.queue.sent == []
    recovery.clock.pass_by(seconds=RESEND_AFTER.total_seconds())
    recovery.ask({"poll": True})
    recovery.ask({"poll": True})
    again = recovery.messages()
    assert again == messages[4:]
    recovery.work(again)
    assert recovery.ledger.get(ID).status == "COMPLETED"


def test_one_restore_in_trouble_does_not_keep_a_poll_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The trouble is logged, and the next poll tries again."""
    recovery = filled()
    for restore_id in ("first", "second"):
        crash = Faults(crash=CrashPoint("ledger.seal", 1, Moment.BEFORE))
        with pytest.raises(SimulatedCrash):
            recovery.ask(recovery.event(request_id=restore_id), crash)
    recovery.clock.pass_by(minutes=20)
    failing = Faults(failures=Failures(1.0, calls=frozenset({"ledger.seal"})))
    assert recovery.ask({"poll": True}, failing) == {"polled": 2}
    assert [record.message for record in caplog.records].count("restore stuck") == 2
    recovery.ask({"poll": True})
    assert recovery.ledger.get("first").status == recovery.ledger.get("second").status == "RUNNING"


def test_an_empty_poll_does_nothing() -> None:
    """Which is what nearly all of them do."""
    assert Recovery().ask({"poll": True}) == {"polled": 0}


# ---------------------------------------------------------------------------------------------- estimates


@pytest.mark.parametrize("conflict", ["skip", "overwrite"])
def test_the_estimate_counts_the_requests_that_are_made(conflict: str) -> None:
    """Into an empty bucket, to the last one."""
    recovery = filled(users=4, files=9)
    recovery.world.source.put("user0/large", noise("large", 1_700_000), properties=Properties(tags={"a": "b"}))
    recovery.world.source.put("user1/copy", noise((1, 1), 20_000))
    for user in ("user0", "user1"):
        recovery.world.back_up(user)
    told = recovery.request(conflict=conflict, request_id=ID)["estimate"]["requests"]
    counted = Faults()
    for message in recovery.messages():
        recovery.worker(counted).work(message, recovery.delivery())
    large = counted.counts["destination.begin"]
    puts = counted.counts["destination.write"] + counted.counts["large.write"] + 2 * large
    assert (told["GET"], told["PUT"]) == (counted.counts["store.get"], puts)
    assert told["LIST"] == recovery.bucket.listings
    assert recovery.ledger.get(ID).status == "COMPLETED"
