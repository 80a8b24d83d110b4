"""Why functions were granted what they did not use here. Whatever is not in this list must be used.

An entry that explains nothing any more is as wrong as a right that nobody explains: both end `rights` with an error.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from sandbox.rights.granted import Grant


class Reason(NamedTuple):
    """Why a right is not used. Functions, purpose and action may hold `*`."""

    text: str
    action: str
    purpose: str = "*"
    functions: tuple[str, ...] = ("*",)

    def explains(self, grant: Grant) -> bool:
        """Say whether this is about that right."""
        return (
            any(fnmatchcase(grant.function, function) for function in self.functions)
            and fnmatchcase(grant.purpose, self.purpose)
            and fnmatchcase(grant.action, self.action)
        )


_BY_LAMBDA: Final = "Lambda does it with the function's role, and the embedded AWS does not check what Lambda does"
_TIME: Final = "only when an invocation's time is nearly up, after 14 minutes of work"
_TWO_DAYS: Final = "only for what two collections in a row found in nobody's use, two days apart and more"
_BY_MAPPING: Final = ("worker", "restore_worker")
_MENDED: Final = "only when something is mended without a person, or would have to be"
_DEAD: Final = "only for a message that cannot be understood, or a job that has failed too often"

NEVER: Final = (
    Reason("the embedded AWS never asks whether a key may be used; on AWS every service does", "kms:*"),
    Reason(f"{_BY_LAMBDA}: it ships what functions print", "logs:*", "Logs"),
    Reason(f"{_BY_LAMBDA}: it sends the traces", "xray:*", "Xray"),
    Reason(f"{_BY_LAMBDA}: the event source mapping receives", "sqs:ReceiveMessage", functions=_BY_MAPPING),
    Reason(
        f"{_BY_LAMBDA}: the event source mapping looks at its queue", "sqs:GetQueueAttributes", functions=_BY_MAPPING
    ),
    Reason(f"{_BY_LAMBDA}: it keeps an event that failed for good", "sqs:SendMessage", "Failures"),
    Reason(
        "S3 asks for it when an object is put together with its tags; the embedded AWS asks for s3:PutObject alone",
        "s3:PutObjectTagging",
        functions=("restore_worker", "verifier"),
    ),
    Reason(
        "with it S3 answers 404 for an object that is not there, and without it 403: nothing is listed",
        "s3:ListBucket",
        "Repository",
        ("restore_worker", "api"),
    ),
    Reason(
        "tags are asked for by version where a bucket has versions: the source of this stack has none",
        "s3:GetObjectVersionTagging",
        "SourceObjects",
        ("worker", "verifier"),
    ),
    Reason(
        "tags are asked for by version where a bucket has versions, which the scratch bucket of a stack has; it is "
        "needed for a bucket whose versions were never turned on",
        "s3:GetObjectTagging",
        "ScratchObjects",
        ("verifier",),
    ),
    Reason("packs of this stack are not archived: nothing is to be thawed", "s3:RestoreObject", functions=("restore",)),
    Reason(_TIME, "lambda:InvokeFunction", "Self"),
)
"""What a stack on this machine cannot use. When it does, the reason is wrong."""

SELDOM: Final = (
    Reason(f"{_TIME}, and a user's backup goes on with another message", "sqs:SendMessage", "*Queue", ("worker",)),
    Reason(_DEAD, "sqs:SendMessage", "DeadLetterQueue"),
    Reason("only for a job that somebody else holds, or that has failed", "sqs:ChangeMessageVisibility"),
    Reason(
        f"only for what is done at its third receive or a later one; else {_BY_LAMBDA}",
        "sqs:DeleteMessage",
    ),
    Reason("only to take away the parts of a large file that could not be written", "s3:AbortMultipartUpload"),
    Reason(
        "only when a task is done again and finds a file written: it looks whether that is the work of the first time",
        "s3:GetObject",
        "RestoreObjects",
        ("restore_worker",),
    ),
    Reason(_MENDED, "lambda:*", functions=("remediator",)),
    Reason(_MENDED, "sqs:SendMessage", "*Queue", ("remediator",)),
    Reason(_MENDED, "sqs:GetQueueAttributes", functions=("remediator",)),
    Reason(_MENDED, "sns:Publish", "Topic", ("remediator",)),
    Reason(_MENDED, "dynamodb:PutItem", "RunsTable", ("remediator",)),
    Reason(_MENDED, "dynamodb:GetItem", functions=("remediator",)),
    Reason("only when somebody must be told: a run is late or missing", "sns:Publish", "Topic", ("watchdog",)),
    Reason("only when somebody must be told: damage, or a drill that failed", "sns:Publish", "Topic", ("verifier",)),
    Reason("only for a run that is late, or that nobody closed", "dynamodb:GetItem", "RunsTable", ("watchdog",)),
    Reason("only for a run that is late, or that nobody closed", "dynamodb:UpdateItem", "RunsTable", ("watchdog",)),
    Reason(f"{_TWO_DAYS}: it is tagged", "s3:GetObjectTagging", "RepositoryBackups", ("collector",)),
    Reason(f"{_TWO_DAYS}: it is tagged", "s3:PutObjectTagging", "RepositoryBackups", ("collector",)),
    Reason(f"{_TWO_DAYS}: people see it no more", "dynamodb:*", "BackupsTable", ("collector",)),
    Reason("only for packs that are condemned, or needed again", "dynamodb:*", "DedupTable", ("collector",)),
    Reason("only when something is brought back", "s3:ListBucketVersions", "Repository", ("collector",)),
    Reason("only when something is brought back", "s3:GetObjectVersion", "RepositoryObjects", ("collector",)),
    Reason("only when something is brought back", "s3:GetObjectVersionTagging", "RepositoryBackups", ("collector",)),
    Reason("only when something is brought back", "s3:PutObject", "RepositoryBackups", ("collector",)),
    Reason("only when a lock ends later already", "s3:GetObjectRetention", "RepositoryObjects", ("collector",)),
    Reason("only when somebody must be told: a collection refused", "sns:Publish", "Topic", ("collector",)),
)
"""What is used in trouble only, or by chance."""
