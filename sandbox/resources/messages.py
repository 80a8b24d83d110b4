"""Queues and topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.aws import Clients
from sandbox.resources.creator import Call, Creator, Made, Order
from sandbox.resources.shapes import text

_QUEUE_ATTRIBUTES: Final[Mapping[str, str]] = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_TOPIC_ATTRIBUTES: Final[Mapping[str, str]] = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}
_QUEUE = Call("sqs.create_queue", "{QueueUrl}", {"url": "{QueueUrl}", "name": "{name}"}, renamed={"name": "QueueName"})
_TOPIC = Call("sns.create_topic", "{TopicArn}", {"arn": "{TopicArn}", "name": "{name}"})


def queue(clients: Clients, order: Order) -> Made:
    """Make a queue."""
    made = _QUEUE(clients, _with_attributes(order, _QUEUE_ATTRIBUTES))
    client = clients.get("sqs", order.region)
    answer = client.get_queue_attributes(QueueUrl=made.id, AttributeNames=["QueueArn"])
    return Made(made.id, {**made.outputs, "arn": answer["Attributes"]["QueueArn"]})


def topic(clients: Clients, order: Order) -> Made:
    """Make a topic."""
    return _TOPIC(clients, _with_attributes(order, _TOPIC_ATTRIBUTES))


def _with_attributes(order: Order, attributes: Mapping[str, str]) -> Order:
    """Move what these services call attributes, texts by name, where they want them."""
    found = {attributes[name]: text(value) for name, value in order.inputs.items() if name in attributes}
    return order.without(*attributes).having(name=order.physical(), attributes=found)


def _queue_attribute(name: str) -> Creator:
    """Give the creator of what is a resource to Pulumi and an attribute of a queue to SQS."""

    def create(clients: Clients, order: Order) -> Made:
        order.knows("queueUrl", name)
        url, value = order.inputs["queueUrl"], order.inputs[name]
        attributes = {f"{name[0].upper()}{name[1:]}": value}
        clients.get("sqs", order.region).set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return Made(url)

    return create


CREATORS: dict[str, Creator] = {
    "aws:sns/topic:Topic": topic,
    "aws:sns/topicPolicy:TopicPolicy": Call(
        "sns.set_topic_attributes",
        "{arn}",
        renamed={"arn": "TopicArn", "policy": "AttributeValue"},
        constants={"AttributeName": "Policy"},
    ),
    "aws:sns/topicSubscription:TopicSubscription": Call(
        "sns.subscribe", "{SubscriptionArn}", {"arn": "{SubscriptionArn}"}, renamed={"topic": "TopicArn"}
    ),
    "aws:sqs/queue:Queue": queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_attribute("policy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _queue_attribute("redriveAllowPolicy"),
}
