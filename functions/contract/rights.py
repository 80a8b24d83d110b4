"""The AWS actions that each function calls, and on what. Roles grant exactly this; tests hold it against the calls.

Resources are named by what they are for; whoever makes the roles knows their ARNs. Encrypted resources need the use
of their KMS key, which is said by `kms:` actions on the key they are encrypted with.

A role holds `RIGHTS` of its function, `FAILURES`, and `NETWORK` when it runs in one. No more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ALIAS: Final = "live"
"""Of every function: what schedules, queues and alarms call."""


class Right(NamedTuple):
    """Actions on one kind of resource."""

    resource: str
    actions: tuple[str, ...]


_LEDGER_READ = ("dynamodb:GetItem", "dynamodb:Query")
_LEDGER_WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem")
_READ_TAGS = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
"""The second where the bucket has versions: tags are asked for by the version that was read."""
_SEND = ("sqs:SendMessage",)
_RECEIVE = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
)
_USE = ("kms:Decrypt", "kms:GenerateDataKey")
"""What whoever sends to an encrypted queue or topic needs (SNS and SQS guides, "Configuring AWS KMS permissions")."""
_NOTIFY = Right("topic", ("sns:Publish",))
_NOTIFY_KEY = Right("topic_key", _USE)
_TABLE_KEY = Right("table_key", ("kms:Decrypt",))
"""DynamoDB asks the caller for the key of a table (Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest")."""
_ENVIRONMENT_KEY = Right("environment_key", ("kms:Decrypt",))
"""Lambda decrypts the variables of a function as the function."""
_LOGS = Right("logs", ("logs:CreateLogStream", "logs:PutLogEvents"))
_TRACE = Right("xray", ("xray:PutTraceSegments", "xray:PutTelemetryRecords"))

EVERY: Final = (_NOTIFY, _NOTIFY_KEY, _TABLE_KEY, _ENVIRONMENT_KEY, _LOGS, _TRACE)

RIGHTS: Final[dict[str, tuple[Right, ...]]] = {
    "initiator": (
        Right("sources", ("s3:ListBucket",)),
        Right("runs_table", (*_LEDGER_READ, *_LEDGER_WRITE, "dynamodb:BatchWriteItem")),
        Right("users_table", ("dynamodb:Query",)),
        Right("job_queue", _SEND),
        Right("priority_queue", _SEND),
        Right("self", ("lambda:InvokeFunction",)),
        Right("queue_key", _USE),
        *EVERY,
    ),
    "worker": (
        Right("sources", ("s3:ListBucket",)),
        Right("source_objects", ("s3:GetObject", *_READ_TAGS)),
        Right("source_key", ("kms:Decrypt",)),
        Right("repository", ("s3:ListBucket",)),
        Right("repository_objects", ("s3:GetObject",)),
        # Neither plans of collections nor holds: with those it could have something let go.
        Right("repository_backups", ("s3:PutObject",)),
        Right("repository_key", ("kms:Decrypt", "kms:GenerateDataKey")),
        Right("runs_table", (*_LEDGER_READ, "dynamodb:UpdateItem")),
        Right("backups_table", ("dynamodb:PutItem", "dynamodb:UpdateItem")),
        Right("users_table", ("dynamodb:UpdateItem", "dynamodb:Query")),
        Right("dedup_table", ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")),
        Right("job_queue", (*_RECEIVE, *_SEND)),
        Right("priority_queue", (*_RECEIVE, *_SEND)),
        Right("dead_letter_queue", _SEND),
        Right("queue_key", _USE),
        *EVERY,
    ),
    "watchdog": (
        Right("runs_table", (*_LEDGER_READ, *_LEDGER_WRITE)),
        Right("users_table", ("dynamodb:Query",)),
        *EVERY,
    ),
    "restore": (
        Right("repository", ("s3:ListBucket",)),
        Right("repository_objects", ("s3:GetObject", "s3:RestoreObject")),
        Right("repository_key", ("kms:Decrypt",)),
        Right("restores_table", (*_LEDGER_READ, *_LEDGER_WRITE, "dynamodb:BatchWriteItem")),
        Right("restore_queue", _SEND),
        Right("self", ("lambda:InvokeFunction",)),
        Right("queue_key", _USE),
        *EVERY,
    ),
    "restore_worker": (
        Right("repository", ("s3:ListBucket",)),
        Right("repository_objects", ("s3:GetObject",)),
        Right("repository_key", ("kms:Decrypt",)),
        Right("restore_buckets", ("s3:ListBucket",)),
        Right(
            "restore_objects",
            ("s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"),
        ),
        Right("restore_key", ("kms:Decrypt", "kms:GenerateDataKey")),
        Right("restores_table", (*_LEDGER_READ, "dynamodb:UpdateItem")),
        Right("restore_queue", _RECEIVE),
        Right("dead_letter_queue", _SEND),
        Right("queue_key", _USE),
        *EVERY,
    ),
    "verifier": (
        # Whether an object of the source is gone or may not be read is the same to a drill: it lists no source.
        Right("source_objects", ("s3:GetObject", *_READ_TAGS)),
        Right("source_key", ("kms:Decrypt",)),
        Right("repository", ("s3:ListBucket",)),
        Right("repository_objects", ("s3:GetObject",)),
        Right("repository_key", ("kms:Decrypt",)),
        Right("scratch", ("s3:ListBucket",)),
        Right(
            "scratch_objects",
            ("s3:GetObject", *_READ_TAGS, "s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"),
        ),
        Right("scratch_key", ("kms:Decrypt", "kms:GenerateDataKey")),
        Right("users_table", ("dynamodb:Query", "dynamodb:UpdateItem")),
        Right("drills_table", ("dynamodb:PutItem",)),
        Right("self", ("lambda:InvokeFunction",)),
        *EVERY,
    ),
    "collector": (
        Right("repository", ("s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketObjectLockConfiguration")),
        Right(
            "repository_objects",
            ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:PutObjectRetention"),
        ),
        # It tags what it lets go, and writes anew what was let go by mistake. Nothing deletes but the lifecycle.
        Right("repository_backups", (*_READ_TAGS, "s3:PutObjectTagging", "s3:PutObject")),
        Right("repository_plans", ("s3:PutObject",)),
        Right("repository_key", ("kms:Decrypt", "kms:GenerateDataKey")),
        Right("dedup_table", ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")),
        Right("backups_table", ("dynamodb:Query", "dynamodb:UpdateItem")),
        *EVERY,
    ),
    # It writes nothing and reads no file's bytes: what is to be done, it has done by those who may.
    "api": (
        Right("repository", ("s3:ListBucket",)),
        Right("repository_snapshots", ("s3:GetObject",)),
        Right("repository_key", ("kms:Decrypt",)),
        Right("runs_table", _LEDGER_READ),
        Right("restores_table", _LEDGER_READ),
        Right("backups_table", ("dynamodb:Query",)),
        Right("asked_functions", ("lambda:InvokeFunction",)),
        _TABLE_KEY,
        _ENVIRONMENT_KEY,
        _LOGS,
        _TRACE,
    ),
    "remediator": (
        Right("runs_table", (*_LEDGER_READ, *_LEDGER_WRITE)),
        Right("restores_table", ("dynamodb:GetItem",)),
        Right("dead_letters", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")),
        Right("job_queue", (*_SEND, "sqs:GetQueueAttributes")),
        Right("priority_queue", (*_SEND, "sqs:GetQueueAttributes")),
        Right("restore_queue", _SEND),
        Right("initiator", ("lambda:InvokeFunction",)),
        # No code, no variables, no network, no role: what is sent with it is the size alone, and never of itself.
        Right(
            "sized_functions",
            (
                "lambda:GetFunctionConfiguration",
                "lambda:UpdateFunctionConfiguration",
                "lambda:PublishVersion",
                "lambda:GetAlias",
                "lambda:UpdateAlias",
            ),
        ),
        Right("sized_aliases", ("lambda:GetFunctionConfiguration",)),
        Right("queue_key", _USE),
        *EVERY,
    ),
}
"""By the name of the function's module in `functions/handlers`."""

FAILURES: Final = (Right("failures", _SEND), Right("failures_key", _USE))
"""With these Lambda, as the function, keeps events that failed for good."""

NETWORK: Final = (
    Right(
        "interfaces",
        (
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ),
    ),
    Right("interfaces_seen", ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")),
)
"""With these Lambda, as the function, joins a network. The function's own code needs none of them."""

BY_QUEUE: Final = frozenset({"worker", "restore_worker"})
"""Functions that only queues call day by day. Events call all others: schedules, people, and functions themselves."""

ASKED: Final = ("initiator", "restore")
"""Functions that the API asks to do what it may not do itself."""

HANDS_ON: Final = frozenset({"initiator", "worker", "restore", "verifier"})
"""Functions that go on by an event or a message to themselves.

Lambda stops such a chain after about 16 links unless the function's recursive loop detection is set to `Allow` (AWS
Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops"). Each link of ours has done
work that the next one does not repeat, so a chain ends.
"""
