"""The queues of the data plane with their dead-letter queues, and the topic whose notices are kept to be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.lambdas.names import CAPTURE, DEAD_LETTERS, JOBS_DLQ, RESTORES_DLQ, Names

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

MAX_RECEIVE_COUNT = 5
_RETENTION_S = 4 * 86_400
_DEAD_LETTER_RETENTION_S = 14 * 86_400


def make_queues(client: SQSClient, names: Names, visibility_s: int) -> None:
    """Make the queues that feed functions; a message that is received five times in vain goes to its dead letters."""
    for queue in (JOBS_DLQ, RESTORES_DLQ):
        client.create_queue(
            QueueName=names.of(queue), Attributes={"MessageRetentionPeriod": str(_DEAD_LETTER_RETENTION_S)}
        )
    for queue, dead_letters in DEAD_LETTERS.items():
        redrive = {"deadLetterTargetArn": names.queue_arn(dead_letters), "maxReceiveCount": MAX_RECEIVE_COUNT}
        client.create_queue(
            QueueName=names.of(queue),
            Attributes={
                "VisibilityTimeout": str(visibility_s),
                "MessageRetentionPeriod": str(_RETENTION_S),
                "RedrivePolicy": json.dumps(redrive),
            },
        )


def make_topic(sns: SNSClient, sqs: SQSClient, names: Names) -> None:
    """Make the topic, and a queue that keeps whatever is published on it."""
    arn = sns.create_topic(Name=names.of("notices"))["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": names.queue_arn(CAPTURE),
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.create_queue(QueueName=names.of(CAPTURE), Attributes={"Policy": policy})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=names.queue_arn(CAPTURE))
