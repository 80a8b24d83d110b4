"""Queues are encrypted, over TLS only, and lose nothing before somebody has looked."""

import json

import pytest

from components.queue import DeadLetters, DeadLettersArgs, Queue, QueueArgs, visibility_for
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, deploy, policy
from tests.program.kit import Program


def _queue() -> Program:
    return deploy(lambda: Queue("jobs", QueueArgs("test-jobs", KEY, visibility_for(900))))


def test_the_queue_hides_a_message_for_six_timeouts_and_gives_up_after_five() -> None:
    """And its dead letters are kept as long as SQS can, longer than itself keeps messages."""
    queue, dead = sorted(_queue().of("aws:sqs/queue:Queue"), key=lambda item: "dead" in item.name)
    assert queue.inputs["visibilityTimeoutSeconds"] == 5_400
    assert json.loads(queue.inputs["redrivePolicy"])["maxReceiveCount"] == 5
    assert dead.inputs["messageRetentionSeconds"] == 14 * 86_400 > queue.inputs["messageRetentionSeconds"]
    assert dead.inputs["name"] == "test-jobs-dead"


def test_both_queues_are_encrypted_and_refuse_plain_http() -> None:
    """The dead letters hold the same messages."""
    program = _queue()
    queues, policies = program.of("aws:sqs/queue:Queue"), program.of("aws:sqs/queuePolicy:QueuePolicy")
    assert [queue.inputs["kmsMasterKeyId"] for queue in queues] == [KEY.arn] * 2
    assert len({item.inputs["queueUrl"] for item in policies}) == 2
    for item in policies:
        (deny,) = policy(item)
        assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sqs:*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_queue_may_send_its_dead_letters_there() -> None:
    """A queue of somebody else cannot fill it."""
    (allowed,) = _queue().of("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
    given = json.loads(allowed.inputs["redriveAllowPolicy"])
    assert given["redrivePermission"] == "byQueue"
    assert [arn.rsplit(":", 1)[1] for arn in given["sourceQueueArns"]] == ["test-jobs"]
    assert allowed.inputs["queueUrl"].endswith("/test-jobs-dead")


def test_dead_letters_of_events_belong_to_no_queue() -> None:
    """Encrypted, over TLS only, kept for 14 days."""
    program = deploy(lambda: DeadLetters("failures", DeadLettersArgs("test-failures", KEY)))
    (queue,) = program.of("aws:sqs/queue:Queue")
    assert json.loads(queue.inputs["redriveAllowPolicy"]) == {"redrivePermission": "denyAll"}
    assert (queue.inputs["kmsMasterKeyId"], queue.inputs["messageRetentionSeconds"]) == (KEY.arn, 14 * 86_400)
    assert len(program.of("aws:sqs/queuePolicy:QueuePolicy")) == 1


@pytest.mark.parametrize(
    ("visibility", "days", "said"),
    [(0, 4, "visibility of 0"), (43_201, 4, "visibility of 43201"), (60, 0, "0 days"), (60, 14, "14 days")],
)
def test_what_would_lose_messages_is_refused(visibility: int, days: int, said: str) -> None:
    """Dead letters count their age from the first sending, so the queue must keep messages for less than 14 days."""
    with pytest.raises(ConfigurationError, match=said):
        QueueArgs("test", KEY, visibility, days)
