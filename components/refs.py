"""What components know of each other: names and ARNs, never insides."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Input


@dataclass(frozen=True)
class KeyRef:
    """A KMS key."""

    arn: Input[str]


@dataclass(frozen=True)
class BucketRef:
    """A bucket."""

    name: Input[str]
    arn: Input[str]


@dataclass(frozen=True)
class TableRef:
    """A DynamoDB table."""

    name: Input[str]
    arn: Input[str]


@dataclass(frozen=True)
class QueueRef:
    """An SQS queue."""

    name: Input[str]
    url: Input[str]
    arn: Input[str]


@dataclass(frozen=True)
class TopicRef:
    """An SNS topic."""

    name: Input[str]
    arn: Input[str]


@dataclass(frozen=True)
class FunctionRef:
    """A Lambda function, called by its alias: `arn` is the alias's ARN."""

    name: Input[str]
    arn: Input[str]
    timeout: int
    """Seconds."""


@dataclass(frozen=True)
class NetworkRef:
    """Where functions run: empty lists when they run outside a VPC."""

    subnet_ids: Input[list[str]]
    security_group_ids: Input[list[str]]
