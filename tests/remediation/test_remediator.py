"""The remediator on ports in memory: what it does, what it will not, what people hear, and crashes in the middle."""

from __future__ import annotations

import pytest

from functions.contract.messages import BackupMessage
from functions.engine.errors import ConfigurationError, RequestError, UnavailableError
from functions.engine.orchestration.messages import decode
from functions.engine.remediation.memory import cause_id
from functions.engine.remediation.model import RemedyState
from tests.remediation.desk import Desk, alarm, body, with_policy
from tests.remediation.world import FUNCTIONS, POLICY

WORKER = FUNCTIONS["worker"]


def test_dead_letters_are_sent_again_once_after_a_back_off() -> None:
    """The same body, in the user's group, to the queue it came from; a second time they stay, and people are told."""
    desk = Desk()
    run = desk.night(alice="COMPLETED")
    desk.box.put(body(run, "bob"), body(run, "carol"))
    assert desk.look()["waiting"] == [f"redrive/jobs/{run}"]
    assert len(desk.box.lying) == 2
    desk.site.clock.pass_by(minutes=15)
    assert desk.look()["acted"] == [f"redrive/jobs/{run}"]
    assert sorted((envelope.body, envelope.group) for envelope in desk.site.jobs.sent) == [
        (body(run, "bob"), "bob"),
        (body(run, "carol"), "carol"),
    ]
    assert not desk.box.lying
    assert not desk.box.held
    desk.site.jobs.sent.clear()
    desk.box.put(body(run, "bob"))
    for _ in range(3):
        desk.site.clock.pass_by(hours=1)
        assert desk.look()["refused"] == [f"redrive/jobs/{run}"]
    assert not desk.site.jobs.sent
    assert len(desk.box.lying) == 1
    assert len(desk.told) == 2
    assert "2 messages" in desk.site.notifier.sent[0].body
    assert desk.site.heard.total("Remedies") is not None


def test_what_makes_no_sense_or_has_ended_is_left_where_it_lies() -> None:
    """And is told, each once."""
    desk = Desk()
    run = desk.night(alice="COMPLETED", bob="COMPLETED", carol="COMPLETED")
    desk.box.put("no message", body(run, "bob"), body("never-was", "bob"))
    for _ in range(3):
        desk.site.clock.pass_by(hours=2)
        assert not desk.look()["acted"]
    assert len(desk.box.lying) == 3
    assert not desk.site.jobs.sent
    assert len(desk.told) == 3


def test_a_queue_is_redriven_as_often_as_a_day_allows_and_later_each_time() -> None:
    """Each time for another run; the next day there is room again."""
    desk = with_policy(redrives_per_day=1, pause_after_failures=0)
    first = desk.night(alice="COMPLETED")
    desk.box.put(body(first, "bob"))
    desk.look()
    desk.site.clock.pass_by(minutes=15)
    assert desk.look()["acted"] == [f"redrive/jobs/{first}"]
    desk.site.finish(first, ["bob", "carol"])
    desk.site.closer().close_if_complete(desk.work(first))
    second = desk.night(alice="COMPLETED")
    desk.box.put(body(second, "bob"))
    assert desk.look()["refused"] == [f"redrive/jobs/{second}"]
    desk.site.clock.pass_by(hours=25)
    assert desk.look()["acted"] == [f"redrive/jobs/{second}"]


def test_memory_is_stepped_and_refused_at_the_ceiling() -> None:
    """Once for a size, once a day, in whole MB; the notice has the line that keeps it."""
    desk = Desk()
    assert desk.look(alarm())["acted"] == ["memory/worker/1769"]
    assert desk.sized.megabytes == {**dict.fromkeys(FUNCTIONS.values(), 1_769), WORKER: 2_654}
    assert "pulumi config set --path strongroom:workers.memoryMb 2654" in desk.site.notifier.sent[0].body
    assert desk.look(alarm())["waiting"] == ["memory/worker/2654"]
    desk.site.clock.pass_by(hours=1)
    assert desk.look(alarm())["refused"] == ["memory/worker/2654"]
    desk.site.clock.pass_by(days=1)
    assert desk.look(alarm())["acted"] == ["memory/worker/2654"]
    desk.site.clock.pass_by(days=2)
    assert desk.look(alarm())["refused"] == ["memory/worker/3008"]
    assert desk.sized.megabytes[WORKER] == POLICY.memory_ceiling_mb == 3_008
    assert [subject.partition(" Remediation")[2] for subject in desk.told] == [
        ": worker got more memory",
        " gave up: worker gets no more memory",
        ": worker got more memory",
        " gave up: worker gets no more memory",
    ]


def test_a_deployment_that_takes_memory_back_is_not_fought() -> None:
    """The same size is the same cause."""
    desk = Desk()
    desk.look(alarm())
    desk.sized.megabytes[WORKER] = 1_769
    desk.site.clock.pass_by(days=3)
    assert desk.look(alarm())["refused"] == ["memory/worker/1769"]
    assert desk.sized.megabytes[WORKER] == 1_769


@pytest.mark.parametrize(
    "event",
    [
        alarm("remediator"),
        alarm("payroll"),
        alarm(account="210987654321"),
        alarm(region="eu-west-1"),
        alarm(source="acme.forged"),
        alarm(detail={"alarmName": "test-function-memory-worker", "state": {"value": "OK"}}),
        alarm(detail={"alarmName": ["test-function-memory-worker"]}),
        alarm(detail=None),
    ],
)
def test_an_alarm_that_is_not_ours_is_only_a_reason_to_look(event: object) -> None:
    """Nor one of the remediator itself, nor one that ends."""
    desk = Desk()
    assert desk.look(event) == {"acted": [], "refused": [], "waiting": []}
    assert set(desk.sized.megabytes.values()) == {1_769}


@pytest.mark.parametrize("event", [[], "look", {"look": 1}, {"resume": "payroll"}, {"resume": 3}])
def test_an_event_that_makes_no_sense_is_refused(event: object) -> None:
    """With an example."""
    with pytest.raises(ConfigurationError, match="resume"):
        Desk().look(event)


def test_users_whose_backups_failed_get_a_run_of_their_own_once() -> None:
    """By the event that people use, and no other user; that run is nobody's to try again."""
    desk = Desk()
    run = desk.night(alice="COMPLETED", bob="FAILED: UNAVAILABLE: no answer", carol="FAILED: UNAVAILABLE: no answer")
    assert desk.look()["waiting"] == [f"rerun/failed/{run}"]
    desk.site.clock.pass_by(minutes=15)
    assert desk.look()["acted"] == [f"rerun/failed/{run}"]
    assert desk.asked == [{"backup_type": "MANUAL", "source": "reports", "users": ["bob", "carol"]}]
    started = desk.site.start(desk.asked[0], request="asked")["reports"]
    assert started["users"] == 2
    assert desk.site.jobs_of(started["run_id"]) == {"bob", "carol"}
    desk.site.finish(started["run_id"], ["bob", "carol"], "FAILED: UNAVAILABLE: no answer")
    desk.site.closer().close_if_complete(desk.work(started["run_id"]))
    for _ in range(5):
        desk.site.clock.pass_by(hours=1)
        assert desk.look() == {"acted": [], "refused": [], "waiting": []}
    assert len(desk.asked) == 1


def test_users_whom_an_overdue_run_waits_for_get_their_messages_again_once() -> None:
    """When the watchdog has found it overdue and the queues are empty; whose message is a dead letter waits for it."""
    desk = Desk()
    run = desk.night(alice="COMPLETED")
    desk.box.put(body(run, "carol"))
    desk.site.clock.pass_by(hours=5)
    assert desk.look()["waiting"] == [f"redrive/jobs/{run}"]
    desk.site.look()
    desk.waiting = 1
    assert "rerun" not in str(desk.look())
    desk.waiting = 0
    assert desk.look()["waiting"] == [f"redrive/jobs/{run}", f"rerun/missing/{run}"]
    desk.site.clock.pass_by(minutes=30)
    desk.look()
    sent = [decode(envelope.body, BackupMessage) for envelope in desk.site.jobs.sent]
    assert sorted(message.user for message in sent) == ["bob", "carol"]
    assert {message.run_id for message in sent} == {run}
    desk.site.jobs.sent.clear()
    desk.site.clock.pass_by(hours=1)
    desk.look()
    assert not desk.site.jobs.sent
    assert not desk.asked


def test_a_schedule_is_paused_after_several_fruitless_nights_and_resumed() -> None:
    """Scheduled runs are not started and told so; others are. It is an alarm while it lasts."""
    desk = with_policy(reruns_per_day=0)
    for _ in range(2):
        desk.failing_night()
        assert "pause" not in str(desk.look()["acted"])
    last = desk.failing_night()
    assert desk.look()["acted"] == [f"pause/reports/{last}"]
    assert desk.site.heard.values("SchedulePaused")[-1].value == 1
    moment = desk.site.clock().isoformat()
    assert desk.site.start({"scheduled_time": moment})["reports"]["state"] == "PAUSED"
    assert "paused" in desk.site.subjects[-1]
    assert "`strongroom resume --outputs outputs.json --source-name reports`" in desk.site.notifier.sent[-1].body
    assert desk.site.start({"source": "reports", "users": ["bob"]}, request="by hand")["reports"]["state"] == "RUNNING"
    assert desk.look({"resume": "reports"}) == {"state": "RESUMED"}
    assert desk.look({"resume": "reports"}) == {"state": "NOT_PAUSED"}
    assert desk.site.heard.values("SchedulePaused")[-1].value == 0
    assert not desk.look()["acted"]


def test_failures_before_a_pause_was_ended_by_a_person_count_no_more() -> None:
    """What he mended gets as many nights as everything else."""
    desk = with_policy(reruns_per_day=0)
    for _ in range(3):
        desk.failing_night()
    desk.look()
    desk.look({"resume": "reports"})
    desk.site.clock.pass_by(hours=1)
    for nights in range(1, 4):
        desk.failing_night()
        assert len(desk.look()["acted"]) == (nights == 3)


def test_a_pause_ends_by_itself() -> None:
    """After three days a run is started; nothing is without backups because nobody looked."""
    desk = with_policy(reruns_per_day=0)
    for _ in range(3):
        desk.failing_night()
    desk.look()
    desk.site.clock.pass_by(days=3)
    desk.night(alice="COMPLETED", bob="COMPLETED", carol="COMPLETED")
    assert not desk.look()["acted"]
    assert desk.site.heard.values("SchedulePaused")[-1].value == 0


def test_what_fails_is_told_and_not_tried_again() -> None:
    """And what was held lies there again."""
    desk = Desk()
    run = desk.night(alice="COMPLETED")
    desk.box.put(body(run, "bob"))
    desk.look()
    desk.site.clock.pass_by(minutes=15)
    desk.box.trouble = RequestError("sqs:SendMessage: no")
    desk.look()
    assert desk.told == ["[test] Remediation failed: redrive of jobs"]
    desk.box.trouble = None
    desk.site.clock.pass_by(hours=1)
    assert desk.look()["refused"] == [f"redrive/jobs/{run}"]
    assert not desk.site.jobs.sent


def test_a_crash_in_the_middle_is_told_and_not_repeated() -> None:
    """Whether it was done is not known. The lease of who died must have ended."""
    desk = Desk()
    desk.sized.killed = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        desk.look(alarm())
    assert desk.work(cause_id("memory/worker/1769")).status == RemedyState.BEGUN
    desk.sized.killed = None
    desk.site.clock.pass_by(hours=1)
    assert desk.look()["acted"] == []
    assert desk.told == ["[test] Remediation failed: memory of worker"]
    assert desk.look(alarm())["refused"] == ["memory/worker/1769"]
    assert desk.sized.megabytes[WORKER] == 1_769


def test_of_two_looks_at_once_one_does_nothing() -> None:
    """An alarm that finds another look under way comes again; a schedule need not."""
    desk = Desk()
    now = desk.site.clock()
    desk.site.ledger.acquire("@remediator", "other", "other", now, now.replace(hour=23))
    assert desk.look() == {"state": "BUSY"}
    with pytest.raises(UnavailableError):
        desk.look(alarm())
    assert desk.sized.megabytes[WORKER] == 1_769


def test_switched_off_it_looks_at_nothing() -> None:
    """Not even into a queue; a pause can be ended all the same."""
    desk = with_policy(enabled=False)
    desk.box.put("anything")
    assert desk.look(alarm()) == {"state": "OFF"}
    assert desk.look({"resume": "reports"}) == {"state": "NOT_PAUSED"}
    assert desk.box.lying
