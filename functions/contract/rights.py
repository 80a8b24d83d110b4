"""The AWS actions that each function calls, and on what. Roles grant exactly this; tests hold it against the calls.

Resources are named by what they are for; whoever makes the roles knows their ARNs. Encrypted resources need the use
of their KMS key, which is said by `kms:` actions on the key they are encrypted with.
"""

from __future__ import annotations

from typing import Final, NamedTuple


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
_NOTIFY = Right("topic", ("sns:Publish",))
_LOGS = Right("logs", ("logs:CreateLogStream", "logs:PutLogEvents"))
_TRACE = Right("xray", ("xray:PutTraceSegments", "xray:PutTelemetryRecords"))

EVERY: Final = (_NOTIFY, _LOGS, _TRACE)

RIGHTS: Final[dict[str, tuple[Right, ...]]] = {
    "initiator": (
        Right("sources", ("s3:ListBucket",)),
        Right("runs_table", (*_LEDGER_READ, *_LEDGER_WRITE, "dynamodb:BatchWriteItem")),
        Right("users_table", ("dynamodb:Query",)),
        Right("job_queue", _SEND),
        Right("priority_queue", _SEND),
        Right("self", ("lambda:InvokeFunction",)),
        Right("queue_key", ("kms:GenerateDataKey", "kms:Decrypt")),
        *EVERY,
    ),
    "worker": (
        Right("sources", ("s3:ListBucket",)),
        Right("source_objects", ("s3:GetObject", *_READ_TAGS)),
        Right("source_key", ("kms:Decrypt",)),
        Right("repository", ("s3:ListBucket",)),
        Right("repository_objects", ("s3:GetObject", "s3:PutObject")),
        Right("repository_key", ("kms:Decrypt", "kms:GenerateDataKey")),
        Right("runs_table", (*_LEDGER_READ, "dynamodb:UpdateItem")),
        Right("backups_table", ("dynamodb:PutItem", "dynamodb:UpdateItem")),
        Right("users_table", ("dynamodb:UpdateItem", "dynamodb:Query")),
        Right("dedup_table", ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")),
        Right("job_queue", (*_RECEIVE, *_SEND)),
        Right("priority_queue", (*_RECEIVE, *_SEND)),
        Right("dead_letter_queue", _SEND),
        Right("queue_key", ("kms:GenerateDataKey", "kms:Decrypt")),
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
        Right("queue_key", ("kms:GenerateDataKey", "kms:Decrypt")),
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
        Right("queue_key", ("kms:GenerateDataKey", "kms:Decrypt")),
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
}
"""By the name of the function's module in `functions/handlers`."""

HANDS_ON: Final = frozenset({"initiator", "worker", "restore", "verifier"})
"""Functions that go on by an event or a message to themselves.

Lambda stops such a chain after about 16 links unless the function's recursive loop detection is set to `Allow` (AWS
Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops"). Each link of ours has done
work that the next one does not repeat, so a chain ends.
"""
