"""The worker on the unhappy paths: what is put off, what fails, what is refused, and that nobody else waits for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from functions.adapters.faults import Failures, Faults
from functions.contract.messages import BackupMessage
from functions.contract.object_keys import manifest_key
from functions.contract.states import BackupState, RunState
from functions.contract.tables import STATUS, BackupsTable
from functions.engine.errors import AccessError, UnavailableError
from functions.engine.model import BackupType
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import Envelope
from functions.runtime import backup_worker
from tests.engine.kit import flip
from tests.listening import Listening
from tests.orchestration.night import SETTING, Context, Night
from tests.strategies import noise

RUN = "20261121T020000Z-0000beef"
MESSAGE = BackupMessage(run_id=RUN, source="reports", user="ada", type="INCREMENTAL", trigger="schedule")


@pytest.fixture
def night() -> Night:
    """Three users with two files each; five receives."""
    night = Night(max_receive_count=5)
    for user in ("ada", "bob", "cyd"):
        for number in range(2):
            night.source.put(f"clients/{user}/{number}", noise(f"{user}{number}", 900))
    return night


def outcomes(night: Night) -> dict[str, str]:
    """Give what the ledger says of each user."""
    return dict(night.ledger.outcomes(RUN))


def catalogued(night: Night, user: str) -> list[tuple[str, str | None]]:
    """Give state and error of a user's backups in the catalog."""
    items = night.catalog.backups.values()
    return [
        (str(item[STATUS]), str(item[BackupsTable.ERROR]) if BackupsTable.ERROR in item else None)
        for item in items
        if item[BackupsTable.USER_ID] == f"reports/{user}"
    ]


def refuse(night: Night, *calls: str, error: Any = UnavailableError) -> Faults:  # noqa: ANN401 - an error class
    """Give a plan that refuses calls."""
    return Faults(failures=Failures(1.0, error, frozenset(calls)))


def test_a_store_that_is_down_puts_the_job_off_longer_each_time(night: Night) -> None:
    """And the claim is given back, so that whoever gets the message next can begin."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    for _ in range(4):
        (message,) = night.collect()
        night.deliver(message, faults=refuse(night, "store.put_new"))
    assert sorted(night.hidden.values()) == [60, 240, 960, 2_400]
    assert not outcomes(night)
    night.drain()
    assert outcomes(night) == {"ada": "COMPLETED"}
    assert night.ledger.get(RUN).status == RunState.COMPLETED


def test_a_job_that_fails_to_the_last_is_counted_and_goes_to_the_dead_letters(night: Night) -> None:
    """The run ends and says so; the message is left to the queue's redrive policy."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada", "bob"])
    for _ in range(5):
        ada = next(item for item in night.collect() if "ada" in item.body)
        night.deliver(ada, faults=refuse(night, "source.list", error=RefusedOnceMoreError))
    left = night.collect()
    assert [json.loads(item.body)["user"] for item in left] == ["ada", "bob"]
    night.deliver(left[1])
    assert outcomes(night)["ada"].startswith("FAILED: LATER_PERHAPS: source.list was refused")
    assert outcomes(night)["bob"] == "COMPLETED"
    work = night.ledger.get(RUN)
    assert work.status == RunState.PARTIAL
    assert (work.counts["failed"], work.counts["completed"]) == (1, 1)
    (state, error) = catalogued(night, "ada")[-1]
    assert state == BackupState.FAILED
    assert error is not None
    assert "LATER_PERHAPS" in error
    (notice,) = night.notifier.sent
    assert "ada" in notice.body


class RefusedOnceMoreError(UnavailableError):
    """An outage that reaches the backup as a whole."""

    code = "LATER_PERHAPS"


def test_a_dead_letter_that_is_sent_again_is_done_with(night: Night) -> None:
    """A person redrives the dead letters after the run has been closed: nothing is counted twice."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    for _ in range(5):
        night.deliver(night.collect()[0], faults=refuse(night, "store.put_new"))
    assert night.ledger.get(RUN).status == RunState.FAILED
    night.drain()
    work = night.ledger.get(RUN)
    assert (work.done, work.counts["failed"]) == (1, 1)
    assert len(night.notifier.sent) == 1


def test_a_missing_right_fails_the_user_at_once(night: Night) -> None:
    """Trying five times would not grant it."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    night.deliver(night.collect()[0], faults=refuse(night, "source.list", error=AccessError))
    assert not night.collect()
    assert outcomes(night)["ada"].startswith("FAILED: ACCESS_DENIED")
    assert night.ledger.get(RUN).status == RunState.FAILED


def test_one_bad_user_does_not_keep_the_others_of_a_batch_from_theirs(night: Night) -> None:
    """Side by side in one invocation; only the bad one comes again."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada", "bob", "cyd"])
    night.source.before_read = lambda item: explode() if item.key == "clients/bob/0" else None
    night.deliver(*night.collect())
    assert outcomes(night) == {"ada": "COMPLETED", "cyd": "COMPLETED"}
    assert [json.loads(item.body)["user"] for item in night.collect()] == ["bob"]
    for _ in range(4):
        night.deliver(*night.collect())
    assert outcomes(night)["bob"] == "FAILED: ZeroDivisionError: a defect of ours"


def explode() -> None:
    """Raise what nobody expects."""
    raise ZeroDivisionError("a defect of ours")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        json.dumps({"version": 9, "kind": "backup"}),
        encode(MESSAGE).replace('"source": "reports"', '"source": "elsewhere"'),
        encode(replace(MESSAGE, run_id="no such run")),
    ],
    ids=["no JSON", "newer version", "unknown source", "unknown run"],
)
def test_what_makes_no_sense_goes_to_the_dead_letters_at_once(night: Night, body: str) -> None:
    """With its reason in the log, and without four more tries; its neighbour in the batch is done."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["bob"])
    night.queue.send([Envelope(body, "x")])
    night.deliver(*night.collect())
    assert [envelope.body for envelope in night.dead.sent] == [body]
    assert outcomes(night) == {"bob": "COMPLETED"}
    assert not night.collect()


def test_time_that_runs_out_is_handed_on_and_nothing_is_read_twice(night: Night) -> None:
    """The next worker goes on behind the last key of what the bucket holds."""
    night.split_files = 1_000_000
    reads: list[str] = []
    for number in range(30):
        night.source.put(f"clients/dan/{number:02}", noise(number, 500))
    night.source.before_read = lambda item: reads.append(item.key)
    night.start_run(RUN, BackupType.FULL, ["dan"])
    hops = 0
    while waiting := night.collect():
        night.deliver(waiting[0], context=Context(f"r{hops}", left=92_000, each=150))
        night.clock.pass_by(minutes=20)
        hops += 1
    assert hops > 2
    assert sorted(reads) == [f"clients/dan/{number:02}" for number in range(30)]
    (record,) = night.records(RUN)["dan"]
    assert record.totals.files == 30
    assert len(night.restored(record)) == 30
    assert night.ledger.get(RUN).counts["files"] == 30


def test_a_large_object_is_left_to_a_worker_with_time_for_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be cut off in the middle again and again otherwise."""
    monkeypatch.setattr(backup_worker, "READ_RATE", 1_000)
    night.source.put("clients/dan/a", b"small")
    night.source.put("clients/dan/b", noise("large", 200_000))
    night.start_run(RUN, BackupType.FULL, ["dan"])
    night.deliver(night.collect()[0], context=Context("one", left=250_000))
    (message,) = night.collect()
    assert json.loads(message.body)["hop"] == 1
    night.clock.pass_by(minutes=20)
    night.deliver(message, context=Context("two", left=900_000))
    assert outcomes(night) == {"dan": "COMPLETED"}


def test_a_damaged_parent_costs_a_full_read_and_no_backup(night: Night) -> None:
    """The user is backed up all the same."""
    night.start_run("20261120T020000Z-00000001", BackupType.FULL, ["ada"])
    night.drain()
    (first,) = night.records()["ada"]
    key = manifest_key("reports", "ada", first.backup_id, 0)
    night.store.blobs[key] = flip(night.store.blobs[key], 30)
    night.clock.pass_by(days=1)
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    night.drain()
    (record,) = night.records(RUN)["ada"]
    assert record.totals.read == 1_800
    assert len(night.restored(record)) == 2


def test_a_ledger_that_lost_its_tasks_does_not_back_up_twice(night: Night) -> None:
    """The bucket knows that this run has backed the user up."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    message = night.collect()[0]
    night.drain()
    night.ledger = type(night.ledger)()
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    night.queue.sent.clear()
    night.pending.append(message)
    night.drain()
    assert len(night.records(RUN)["ada"]) == 1
    assert outcomes(night) == {"ada": "COMPLETED"}


def test_a_very_large_first_backup_is_cut_at_its_folders(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is known of it; the parts run side by side and make one backup."""
    monkeypatch.setattr(backup_worker, "_FIRST_SPLIT_KEYS", 10)
    for number in range(24):
        night.source.put(f"clients/dan/{number % 6}/{number:02}", noise(number, 100))
    night.source.put("clients/dan/0", b"beside a folder of that name")
    night.start_run(RUN, BackupType.INCREMENTAL, ["dan"])
    night.deliver(night.collect()[0])
    assert sorted(json.loads(item.body)["part"] for item in night.collect()) == [1, 2, 3, 4, 5]
    night.drain()
    (record,) = night.records(RUN)["dan"]
    assert record.totals.files == 25
    assert len(night.restored(record)) == 25
    assert not night.verified().damages
    assert [segment.number // 1_000 for segment in record.segments] == sorted(
        s.number // 1_000 for s in record.segments
    )


def test_a_user_who_is_gone_gets_an_empty_backup(night: Night) -> None:
    """So that a restore of everybody's newest backup does not bring back what was deleted."""
    night.start_run(RUN, BackupType.INCREMENTAL, ["gone"])
    night.drain()
    (record,) = night.records(RUN)["gone"]
    assert (record.totals.files, record.status) == (0, "COMPLETED")


def test_a_source_is_backed_up_by_its_prefix(night: Night) -> None:
    """What lies elsewhere in the bucket is not touched."""
    night.source.put("other/ada/0", b"not ours")
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada"])
    night.drain()
    (record,) = night.records(RUN)["ada"]
    assert record.prefix == SETTING.prefix
    assert sorted(night.restored(record)) == ["clients/ada/0", "clients/ada/1"]


def test_each_line_of_the_log_says_whose_job_it_is_about(night: Night) -> None:
    """Users share a process; a person reads the lines of one of them."""
    heard = Listening()
    night.telemetry = heard
    night.start_run(RUN, BackupType.INCREMENTAL, ["ada", "bob"])
    night.deliver(*night.collect())
    lines = heard.lines("backed up")
    assert sorted(line["user"] for line in lines) == ["ada", "bob"]
    for line in lines:
        (record,) = night.records(RUN)[line["user"]]
        assert (line["run_id"], line["source"], line["backup_id"]) == (RUN, "reports", record.backup_id)
