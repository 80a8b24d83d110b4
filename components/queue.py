"""Queues: encrypted, over TLS only, each with a queue for what could not be worked on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.policy import document
from components.refs import KeyRef, QueueRef
from components.rights_policy import Statement
from functions.engine.errors import ConfigurationError

VISIBILITY_FACTOR: Final = 6
"""Times the function's timeout (AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source")."""
LONGEST_VISIBILITY: Final = 43_200
"""Seconds (Amazon SQS Developer Guide, "Message quotas")."""
DEAD_LETTER_DAYS: Final = 14
"""The longest that SQS keeps a message."""
RECEIVES: Final = 5
"""Fewer would give up messages that came back only because the function was throttled."""
_DAY = 86_400
_KEY_REUSE_SECONDS = 300
_LONG_POLL_SECONDS = 20


def visibility_for(timeout_seconds: int) -> int:
    """Give for how many seconds a message stays hidden that a function with this timeout works on."""
    return VISIBILITY_FACTOR * timeout_seconds


@dataclass(frozen=True)
class QueueArgs:
    """A queue that feeds a function. `name` is its name at SQS; its dead letters are at `<name>-dead`.

    A message's age counts from when it was first sent, in the dead-letter queue too, so that queue must keep it longer
    (Amazon SQS Developer Guide, "Using dead-letter queues").
    """

    name: str
    key: KeyRef
    visibility_seconds: int
    retention_days: int = 4
    max_receive_count: int = RECEIVES

    def __post_init__(self) -> None:
        """Refuse what SQS or Lambda would refuse, or what would lose messages."""
        if not 0 < self.visibility_seconds <= LONGEST_VISIBILITY:
            raise ConfigurationError(
                f"queue {self.name}: a visibility of {self.visibility_seconds} s is not from 1 to {LONGEST_VISIBILITY}",
                hint=f"it is {VISIBILITY_FACTOR} times the timeout of the function: choose 7,200 s or less",
            )
        if not 0 < self.retention_days < DEAD_LETTER_DAYS:
            raise ConfigurationError(
                f"queue {self.name}: {self.retention_days} days of retention are not from 1 to {DEAD_LETTER_DAYS - 1}",
                hint="its dead letters are kept for 14 days, counted from when the message was first sent",
            )


class Queue(ComponentResource):
    """A queue and its dead letters."""

    ref: QueueRef
    dead_letters: QueueRef

    def __init__(self, name: str, args: QueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Queue", name, None, opts)
        self._name, self._args = name, args
        dead_letters = self._queue("dead", f"{args.name}-dead", retention_days=DEAD_LETTER_DAYS)
        redrive = Output.json_dumps(
            {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": args.max_receive_count}
        )
        queue = self._queue("queue", args.name, args.retention_days, args.visibility_seconds, redrive)
        aws.sqs.RedriveAllowPolicy(
            f"{name}-dead",
            queue_url=dead_letters.url,
            redrive_allow_policy=Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}),
            opts=ResourceOptions(parent=self),
        )
        self.ref, self.dead_letters = _ref(queue), _ref(dead_letters)
        self.register_outputs({"arn": queue.arn, "url": queue.url, "dead_letters_arn": dead_letters.arn})

    def _queue(
        self,
        suffix: str,
        physical: str,
        retention_days: int,
        visibility_seconds: int | None = None,
        redrive: Input[str] | None = None,
    ) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            f"{self._name}-{suffix}",
            name=physical,
            kms_master_key_id=self._args.key.arn,
            kms_data_key_reuse_period_seconds=_KEY_REUSE_SECONDS,
            message_retention_seconds=retention_days * _DAY,
            visibility_timeout_seconds=visibility_seconds,
            receive_wait_time_seconds=_LONG_POLL_SECONDS,
            redrive_policy=redrive,
            opts=ResourceOptions(parent=self),
        )
        _tls_only(f"{self._name}-{suffix}", queue, self)
        return queue


@dataclass(frozen=True)
class DeadLettersArgs:
    """A queue for events that nobody could take: of schedules, and of functions that failed for good."""

    name: str
    key: KeyRef


class DeadLetters(ComponentResource):
    """A queue that no other queue may use as its own dead-letter queue."""

    ref: QueueRef

    def __init__(self, name: str, args: DeadLettersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:DeadLetters", name, None, opts)
        queue = aws.sqs.Queue(
            f"{name}-queue",
            name=args.name,
            kms_master_key_id=args.key.arn,
            kms_data_key_reuse_period_seconds=_KEY_REUSE_SECONDS,
            message_retention_seconds=DEAD_LETTER_DAYS * _DAY,
            receive_wait_time_seconds=_LONG_POLL_SECONDS,
            redrive_allow_policy=Output.json_dumps({"redrivePermission": "denyAll"}),
            opts=ResourceOptions(parent=self),
        )
        _tls_only(f"{name}-queue", queue, self)
        self.ref = _ref(queue)
        self.register_outputs({"arn": queue.arn, "url": queue.url})


def _tls_only(name: str, queue: aws.sqs.Queue, parent: ComponentResource) -> None:
    deny: Statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue.arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    aws.sqs.QueuePolicy(
        name,
        queue_url=queue.url,
        policy=document([deny]),
        opts=ResourceOptions(parent=parent),
    )


def _ref(queue: aws.sqs.Queue) -> QueueRef:
    return QueueRef(queue.name, queue.url, queue.arn)
